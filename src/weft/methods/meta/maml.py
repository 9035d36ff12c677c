"""Model-agnostic meta-learning: begin where a few steps are enough."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from weft.engine import Method, Update
from weft.losses import Loss
from weft.optim import adam


class MAML(Method):
    """Minimise over w the query loss after ``inner_steps`` of w <- w - ``inner_lr`` grad L_support(w), task by task, through the inner steps.

    Shapes: a row of the batch is a task: ``support_input`` (B, K, ...) and ``support_target`` (B, K, ...) to adapt on, ``input`` (B, Q, ...) and
    ``target`` (B, Q, ...) to be judged by. ``loss`` maps (output, target) to per-item values (``weft.losses``). ``first_order`` takes the inner
    gradients as constants.
    Errors: ``ValueError`` for a network with batch norm, whose running statistics would leak between tasks.
    Paper: Finn et al., 2017, arXiv:1703.03400.
    Use when many small tasks share a structure; instead of it, plain pretraining when tasks need no adaptation. Cost: about
    (``inner_steps`` + 1) forward passes and twice as many backward passes a task, all tasks at once.

    >>> from weft.losses import mse
    >>> method = MAML(nn.Linear(1, 1), mse)
    >>> tasks = {key: torch.zeros(2, 5, 1) for key in ("support_input", "support_target", "input", "target")}
    >>> method.predict(tasks)["output"].shape
    torch.Size([2, 5, 1])
    """

    def __init__(
        self, network: nn.Module, loss: Callable[[Tensor, Tensor], Tensor], *, inner_lr: float = 0.01, inner_steps: int = 1, first_order: bool = False
    ):
        super().__init__()
        if inner_lr <= 0 or inner_steps < 1:
            raise ValueError(f"MAML(inner_lr={inner_lr}, inner_steps={inner_steps}): both are positive.")
        normed = next((name for name, m in network.named_modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)), None)
        if normed is not None:
            raise ValueError(f"The network has batch norm at {normed!r}, whose running statistics mix tasks. Use layer or group norm.")
        self.network, self.criterion = network, loss
        self.inner_lr, self.inner_steps, self.first_order = inner_lr, inner_steps, first_order

    def adapt(self, x: Tensor, y: Tensor, steps: int | None = None) -> dict[str, Tensor]:
        """The parameters after ``steps`` of gradient descent on one task's support set."""
        fast: dict[str, Tensor] = dict(self.network.named_parameters())
        slope = grad(lambda weights: self.criterion(functional_call(self.network, weights, (x,)), y).mean())
        for _ in range(self.inner_steps if steps is None else steps):
            gradients = slope(fast)
            fast = {n: w - self.inner_lr * (gradients[n].detach() if self.first_order else gradients[n]) for n, w in fast.items()}
        return fast

    def answer(self, batch: dict[str, Tensor], steps: int | None = None) -> Tensor:
        """Each task's outputs for its queries, by the weights adapted to it, (B, Q, ...)."""

        def task(x: Tensor, y: Tensor, query: Tensor) -> Tensor:
            return functional_call(self.network, self.adapt(x, y, steps), (query,))

        return vmap(task, randomness="different")(batch["support_input"], batch["support_target"], batch["input"])

    def loss(self, batch: dict[str, Tensor]) -> Loss:
        output = self.answer(batch)
        per_item = self.criterion(output.flatten(0, 1), batch["target"].flatten(0, 1))
        return Loss.mean(per_item.unflatten(0, output.shape[:2]), batch.get("mask"))

    def updates(self) -> dict[str, Update]:
        return {"network": Update(adam(1e-3))}

    def predict(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Adapt to each task's support set, then answer its queries."""
        with torch.inference_mode(False), torch.no_grad():
            return {"output": self.answer({k: v.clone() for k, v in batch.items() if isinstance(v, Tensor)})}
