"""Functions that run inside a network for a while: found by name, and always taken off again."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch import Tensor, nn

from weft._lazy import hint

Wanted = str | type[nn.Module] | Sequence[str]


def find_modules(model: nn.Module, wanted: Wanted) -> dict[str, nn.Module]:
    """The modules of a network by name, by pattern (``"stages.*.norm"``, ``*`` also spans dots), by class, or several of those names.

    Errors: ``ValueError`` naming the nearest when a name or pattern finds nothing.

    >>> list(find_modules(nn.Sequential(nn.Linear(1, 1), nn.ReLU()), nn.Linear))
    ['0']
    """
    named = dict(model.named_modules())
    if isinstance(wanted, type):
        found = {name: module for name, module in named.items() if isinstance(module, wanted)}
        if not found:
            raise ValueError(f"{type(model).__name__} has no module of class {wanted.__name__}.")
        return found
    found = {}
    for one in [wanted] if isinstance(wanted, str) else wanted:
        names = [name for name in named if fnmatch.fnmatchcase(name, one)]
        if not names:
            raise ValueError(f"{type(model).__name__} has no module {one!r}. {hint(one, [name for name in named if name])}")
        found |= {name: named[name] for name in names}
    return found


class Hooks:
    """Runs functions at modules and parameters of a network; a context manager, after which every hook is gone, also after an error.

    ``before(wanted, f)``: f(name, inputs) before a module runs; what is not None replaces the inputs.
    ``after(wanted, f)``: f(name, inputs, output); what is not None replaces the output.
    ``gradients(wanted, f)``: f(name, inputs, outputs), gradients at a module's full backward pass; what is not None replaces those of its inputs.
    ``parameters(f)``: f(name, parameter) after a parameter's gradient has been added to ``.grad``.

    Errors: ``ValueError`` naming the nearest for names that nothing has; ``RuntimeError`` when used outside of ``with``.
    Use to look into or to change a pass without changing the network; instead of it, ``Features`` for outputs. Cost: that of the functions.

    >>> import torch
    >>> net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    >>> with Hooks(net) as hooks:
    ...     _ = hooks.after("1", lambda name, inputs, output: output * 0)
    ...     net(torch.ones(1, 2)).tolist()
    [[0.0, 0.0]]
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.handles: list[Any] = []
        self.open = False

    def __enter__(self) -> Hooks:
        self.open = True
        return self

    def __exit__(self, *error: object) -> None:
        self.open = False
        while self.handles:
            self.handles.pop().remove()

    def _kept(self, handle: Any) -> None:
        if not self.open:
            handle.remove()
            raise RuntimeError("Hooks live inside `with Hooks(model) as hooks:`, so that they always come off again.")
        self.handles.append(handle)

    def before(self, wanted: Wanted, function: Callable[[str, Any], Any]) -> Hooks:
        for name, module in find_modules(self.model, wanted).items():
            self._kept(module.register_forward_pre_hook(lambda m, inputs, name=name: function(name, inputs)))  # type: ignore[arg-type]
        return self

    def after(self, wanted: Wanted, function: Callable[[str, Any, Any], Any]) -> Hooks:
        for name, module in find_modules(self.model, wanted).items():
            self._kept(module.register_forward_hook(lambda m, inputs, output, name=name: function(name, inputs, output)))
        return self

    def gradients(self, wanted: Wanted, function: Callable[[str, Any, Any], Any]) -> Hooks:
        for name, module in find_modules(self.model, wanted).items():
            self._kept(module.register_full_backward_hook(lambda m, inputs, outputs, name=name: function(name, inputs, outputs)))
        return self

    def parameters(self, function: Callable[[str, nn.Parameter], None]) -> Hooks:
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad:
                self._kept(parameter.register_post_accumulate_grad_hook(lambda p, name=name: function(name, p)))  # type: ignore[arg-type]
        return self


class Features:
    """The outputs of named modules of the last pass: ``with Features(model, ["stages.3"]) as features: model(x); features["stages.3"]``.

    ``wanted`` as for ``find_modules``. Outputs are detached (unless ``detach=False``) and, with ``cpu=True``, moved to the processor; a module
    that is called several times in a pass gives a list of its outputs. Tuples and dicts keep their form. Each pass of the network begins anew.

    Errors: ``ValueError`` for unknown names; ``KeyError`` naming what there is for a module that did not run.
    Use for embeddings, perceptual losses and pictures of what a layer sees; cost: the memory of the outputs that are kept.

    >>> import torch
    >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    >>> with Features(net, "0") as features:
    ...     _ = net(torch.ones(5, 2))
    >>> features["0"].shape
    torch.Size([5, 3])
    """

    def __init__(self, model: nn.Module, wanted: Wanted, *, detach: bool = True, cpu: bool = False) -> None:
        self.detach, self.cpu = detach, cpu
        self.names = list(find_modules(model, wanted))
        self.hooks = Hooks(model)
        self.outputs: dict[str, list[Any]] = {}

    def __enter__(self) -> Features:
        self.hooks.__enter__()
        self.hooks.before("", lambda name, inputs: self.outputs.clear())
        self.hooks.after(self.names, self._keep)
        return self

    def __exit__(self, *error: object) -> None:
        self.hooks.__exit__(*error)

    def _keep(self, name: str, inputs: tuple[Any, ...], output: Any) -> None:
        self.outputs.setdefault(name, []).append(self._form(output))

    def _form(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            value = value.detach() if self.detach else value
            return value.cpu() if self.cpu else value
        if isinstance(value, dict):
            return {key: self._form(item) for key, item in value.items()}
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*map(self._form, value))
        return type(value)(map(self._form, value)) if isinstance(value, (tuple, list)) else value

    def __getitem__(self, name: str) -> Any:
        if not self.outputs:
            raise KeyError(f"{name!r}: no pass has been made yet")
        if name not in self.outputs:
            raise KeyError(f"{name!r} has no output of this pass. {hint(name, self.outputs)}")
        found = self.outputs[name]
        return found[0] if len(found) == 1 else found

    def __iter__(self) -> Iterator[str]:
        return iter(self.outputs)

    def __len__(self) -> int:
        return len(self.outputs)
