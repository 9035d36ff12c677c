"""``Method``: a module that owns networks and says what one batch does to them."""

# pyright: reportUnknownMemberType=false, reportPrivateUsage=false, reportPrivateImportUsage=false, reportUnnecessaryIsInstance=false
# (torch is annotated in part; callers without a type checker are checked while running)

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from weft.data.batch import Batch, move
from weft.losses.loss import Loss
from weft.nn.freezing import eval_mode, keep_frozen
from weft.parallel.runtime import Runtime

if TYPE_CHECKING:
    from .update import BoundUpdate, Update

Logs = dict[str, Any]


class Method(nn.Module):
    """A learning method: owns its networks, writes ``loss(batch)``, or ``step(batch, update)`` when it needs several updates.

    Shapes are the method's own. ``predict`` of a subclass always runs in eval and inference mode with the precision of training.

    >>> class Regression(Method):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.network = nn.Linear(3, 1)
    ...     def loss(self, batch):
    ...         return Loss.mean((self.network(batch["input"]) - batch["target"]).square())
    """

    use = "average"  # what predict and deploy prefer when the method has an averaged network: "average" or "network"
    runtime: Runtime | None = None  # the resolved one of the last fit

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "predict" in cls.__dict__:
            cls.predict = evaluating(cls.__dict__["predict"])

    def loss(self, batch: Batch) -> Loss:
        raise TypeError(
            f"{type(self).__name__} has neither loss(batch) nor step(batch, update). Define loss and return a Loss, for example Loss.mean(per_item)."
        )

    def step(self, batch: Batch, update: Mapping[str, BoundUpdate]) -> Logs:
        """One engine step; by default the only update, applied to ``self.loss``."""
        if len(update) != 1:
            raise TypeError(
                f"{type(self).__name__} has {len(update)} updates {sorted(update)} but no step(batch, update) that says in which order they run."
            )
        (only,) = update.values()
        return only(self.loss, batch)

    def updates(self) -> dict[str, Update]:
        """Good defaults, so that ``fit(method, data)`` works: AdamW over everything that is trainable."""
        from .update import Update

        return {"all": Update(on="")}

    def main(self) -> nn.Module:
        """The network that predicts: ``average`` if there is one and ``use`` asks for it, ``network``, or the only one."""
        children = dict(self.named_children())
        average = children.pop("average", None)
        if average is not None and self.use == "average":
            return average
        if "network" in children:
            return children["network"]
        if len(children) == 1:
            return next(iter(children.values()))
        raise TypeError(
            f"{type(self).__name__} owns {sorted(children) or 'no network'}; which one predicts is not clear. Call it 'network', or define"
            " predict(batch) and deploy()."
        )

    def predict(self, batch: Batch) -> dict[str, Tensor]:
        """What the method says about a batch: a dict of tensors, by default ``{"output": network(batch["input"])}``."""
        return {"output": self.main()(batch["input"])}

    def deploy(self) -> dict[str, nn.Module]:
        """What a bundle holds: networks by verb."""
        return {"predict": self.main()}

    def train(self, mode: bool = True) -> Method:
        """Training mode, except for frozen parts: those stay in eval mode, so that their buffers do not move either."""
        super().train(mode)
        keep_frozen(self)
        return self

    @contextlib.contextmanager
    def using(self, which: str) -> Generator[None]:
        """Predict with the "average" or the raw "network" for a while."""
        before, self.use = self.use, which
        try:
            yield
        finally:
            self.use = before


def evaluating(function: Callable[..., Any]) -> Callable[..., Any]:
    """Run a method of ``Method`` on a batch in eval and inference mode, on the right device, and leave every mode as it was."""

    @functools.wraps(function)
    def run(self: Method, batch: Batch, *rest: Any) -> Any:
        runtime = self.runtime
        device = next((t.device for t in self.parameters()), torch.device("cpu"))
        with torch.inference_mode(), eval_mode(self), runtime.autocast() if runtime else contextlib.nullcontext():
            return function(self, move(batch, device, bool(runtime and runtime.channels_last)), *rest)

    return run


Method.predict = evaluating(Method.predict)
