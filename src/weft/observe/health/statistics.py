"""A single look at a model's gradients, weights and activations, and at data: numbers by name."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# (torch is annotated in part)

from __future__ import annotations

import contextlib
import itertools
import math
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from weft.engine import as_batch
from weft.nn.freezing import eval_mode
from weft.observe.health.activations import BOUNDED, RELU, SMOOTH, first_tensor

FUNCTIONS: dict[Any, type[nn.Module]] = {  # activations that are called, not held
    torch.relu: nn.ReLU, torch.relu_: nn.ReLU, F.relu: nn.ReLU, Tensor.relu: nn.ReLU, Tensor.relu_: nn.ReLU, F.relu6: nn.ReLU6,
    torch.sigmoid: nn.Sigmoid, F.sigmoid: nn.Sigmoid, Tensor.sigmoid: nn.Sigmoid, torch.tanh: nn.Tanh, F.tanh: nn.Tanh, Tensor.tanh: nn.Tanh,
    F.gelu: nn.GELU, F.silu: nn.SiLU, F.leaky_relu: nn.LeakyReLU, F.elu: nn.ELU,
}  # fmt: skip
Values = dict[str, float]


def check_gradients(model: nn.Module, *, small: float = 1e-6, large: float = 100.0) -> dict[str, Values]:
    """Of each trainable parameter: ``mean`` and ``max`` of |g|, ``ratio`` = |g| / |w|, and whether it is ``none``, ``vanishing`` or ``exploding``.

    ``nonfinite`` counts its values that are NaN or infinite.

    The limits are on the ratio: an absolute size says little, since healthy gradients of a large model are tiny. A parameter without a gradient
    is reported, not passed over. Call it between backward and the next step.

    >>> layer = nn.Linear(2, 1)
    >>> layer(torch.ones(1, 2)).sum().backward()
    >>> check_gradients(layer)["weight"]["mean"]
    1.0
    """
    found: dict[str, Values] = {}
    for name, p in model.named_parameters():
        if not p.requires_grad:
            continue
        if p.grad is None:
            found[name] = {"none": 1.0}
            continue
        size, weight = p.grad.detach().float().abs(), float(p.detach().float().norm())
        ratio = float(size.norm()) / weight if weight else math.inf if bool(size.any()) else 0.0
        found[name] = {"mean": float(size.mean()), "max": float(size.max()), "ratio": ratio, "none": 0.0}
        found[name] |= {"vanishing": float(ratio < small), "exploding": float(ratio > large), "nonfinite": float((~torch.isfinite(p.grad)).sum())}
    return found


def check_weights(model: nn.Module) -> dict[str, Values]:
    """Of each parameter: ``mean``, ``std`` (of one element zero), ``norm`` and the share of zeros.

    >>> check_weights(nn.BatchNorm1d(1))["weight"]
    {'mean': 1.0, 'std': 0.0, 'norm': 1.0, 'zero': 0.0}
    """
    return {
        name: {"mean": float(w.mean()), "std": float(w.std(correction=0)), "norm": float(w.norm()), "zero": float((w == 0).float().mean())}
        for name, w in ((name, p.detach().float()) for name, p in model.named_parameters())
    }


def check_activations(model: nn.Module, *inputs: Any) -> dict[str, Values]:
    """Of each activation, held as a module or called as a function: ``mean std min max zero``, ``saturated`` where it is bounded, ``dead`` of a ReLU.

    ``dead`` is the share of units (last dimension, of pictures channels) that are zero for this whole batch; many batches are needed to say that
    a unit is dead for good. Functions go by ``relu#1``, ``relu#2`` in the order of their calls. Runs in eval mode without gradient; the mode
    is put back and no hook stays.

    >>> found = check_activations(nn.Sequential(nn.Linear(2, 4), nn.Sigmoid()), torch.zeros(3, 2))
    >>> list(found), found["1"]["saturated"]
    (['1'], 0.0)
    """
    found: dict[str, Values] = {}
    kinds = (*RELU, *BOUNDED, *SMOOTH)
    names = {part: name for name, part in model.named_modules() if isinstance(part, kinds)}
    inside: list[nn.Module] = []

    def enter(part: nn.Module, args: Any) -> None:
        inside.append(part)

    def leave(part: nn.Module, args: Any, output: Any) -> None:
        inside.pop()
        made = first_tensor(output)
        if made is not None:
            found[names[part]] = described(made, type(part))

    class Watch(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            made = func(*args, **(kwargs or {}))
            kind = FUNCTIONS.get(func)
            if kind is not None and not inside and isinstance(made, Tensor):
                inside.append(model)  # what describing calls is not looked at
                count = 1 + sum(name.startswith(f"{kind.__name__.lower()}#") for name in found)
                found[f"{kind.__name__.lower()}#{count}"] = described(made, kind)
                inside.pop()
            return made

    handles = [handle for part in names for handle in (part.register_forward_pre_hook(enter), part.register_forward_hook(leave))]
    try:
        with eval_mode(model), torch.no_grad(), Watch():
            model(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    return found


def described(made: Tensor, kind: type[nn.Module]) -> Values:
    """The statistics of one activation's output."""
    x = made.detach().float()
    found = {
        "mean": float(x.mean()),
        "std": float(x.std(correction=0)),
        "min": float(x.min()),
        "max": float(x.max()),
        "zero": float((x == 0).float().mean()),
    }
    if kind in BOUNDED:
        low, high = BOUNDED[kind]
        found["saturated"] = float(((x <= low) | (x >= high)).float().mean())
    if issubclass(kind, RELU):
        units = x.movedim(1 if x.ndim == 4 else -1, 0).flatten(1) if x.ndim else x.reshape(1, 1)
        found["dead"] = float((units == 0).all(1).float().mean())
    return found


def check_data(data: Iterable[Any], num_batches: int = 5) -> dict[str, dict[str, Any]]:
    """Of each key over the first batches: ``shape`` of a sample, ``dtype``, ``mean std min max``, ``nonfinite``, and of labels ``counts``.

    Integer targets are counted by class, those of several labels (0 and 1 in a row) by column; numbers are not counted.

    >>> found = check_data([(torch.ones(4, 2), torch.tensor([0, 1, 1, 1]))])
    >>> found["input"]["shape"], found["target"]["counts"]
    ((2,), {0: 1, 1: 3})
    """
    parts: dict[str, list[Tensor]] = {}
    for raw in itertools.islice(data, num_batches):
        batch = as_batch(raw)
        if not isinstance(batch, Mapping):
            raise TypeError(f"check_data looks at batches that are dicts or pairs, got a {type(batch).__name__}.")
        for name, value in batch.items():
            if isinstance(value, Tensor):
                parts.setdefault(name, []).append(value.detach().cpu())
    found: dict[str, dict[str, Any]] = {}
    for name, values in parts.items():
        x = torch.cat([value.flatten().double() for value in values])
        fine = x[torch.isfinite(x)]
        found[name] = {"shape": tuple(values[0].shape[1:]), "dtype": str(values[0].dtype).removeprefix("torch."), "nonfinite": len(x) - len(fine)}
        if len(fine):
            found[name] |= {"mean": float(fine.mean()), "std": float(fine.std(correction=0)), "min": float(fine.min()), "max": float(fine.max())}
        if name == "target":
            found[name]["counts"] = counts(values)
    return found


def counts(values: list[Tensor]) -> dict[int, int]:
    """How often each class stands in the targets; of several labels, how often each column is 1; of numbers nothing."""
    if values[0].ndim == 1 and not values[0].is_floating_point():
        return dict(sorted(Counter(int(v) for value in values for v in value).items()))
    if values[0].ndim == 2 and all(bool(((v == 0) | (v == 1)).all()) for v in values):
        return {column: int(total) for column, total in enumerate(torch.cat(values).sum(0))}
    return {}


def check_finite(model: nn.Module, *, params: bool = True, grads: bool = True, buffers: bool = True) -> list[str]:
    """Name every parameter, gradient and buffer that holds NaN or infinity, with how many of each.

    >>> layer = nn.Linear(2, 1)
    >>> _ = layer.weight.data.fill_(float("nan"))
    >>> check_finite(layer)
    ['parameter weight: 2 NaN, 0 infinite of 2']
    """
    named: list[tuple[str, Tensor]] = [(f"parameter {name}", p) for name, p in model.named_parameters()] if params else []
    named += [(f"gradient {name}", p.grad) for name, p in model.named_parameters() if grads and p.grad is not None]
    named += [(f"buffer {name}", b) for name, b in model.named_buffers()] if buffers else []
    bad = [(name, t.detach()) for name, t in named if t.is_floating_point() and not bool(torch.isfinite(t).all())]
    return [f"{name}: {int(t.isnan().sum())} NaN, {int(t.isinf().sum())} infinite of {t.numel()}" for name, t in bad]


@contextlib.contextmanager
def watch_finite(model: nn.Module, on_bad: str = "raise") -> Generator[list[str]]:
    """Inside it, the first module whose output is not finite is named: ``on_bad`` "raise" (ArithmeticError), "warn" or "collect" (all, in the list).

    Modules that hold others are named only when none inside them is to blame. Hooks come off at the end. In backward,
    ``torch.autograd.detect_anomaly`` names the operation.

    >>> network = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
    >>> with watch_finite(network, "collect") as found:
    ...     _ = network(torch.tensor([[float("inf")]]))
    >>> found[0].split(":")[0]
    '0 (Linear)'
    """
    if on_bad not in ("raise", "warn", "collect"):
        raise ValueError(f"on_bad is 'raise', 'warn' or 'collect', got {on_bad!r}.")
    found: list[str] = []

    def hook(name: str) -> Callable[..., None]:
        def look(part: nn.Module, args: Any, output: Any) -> None:
            made = first_tensor(output)
            if made is None or not made.is_floating_point() or bool(torch.isfinite(made).all()) or (found and on_bad == "warn"):
                return
            given = first_tensor(args)
            before = given is None or not given.is_floating_point() or bool(torch.isfinite(given).all())
            origin = "its input was finite" if before else "its input was not finite either"
            found.append(f"{name or 'the model'} ({type(part).__name__}): {int((~torch.isfinite(made)).sum())} values are not finite; {origin}")
            if on_bad == "raise":
                raise ArithmeticError(found[-1])
            if on_bad == "warn":
                warnings.warn(found[-1], stacklevel=2)

        return look

    handles = [part.register_forward_hook(hook(name)) for name, part in model.named_modules()]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
