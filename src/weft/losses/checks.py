"""Is a loss of one's own sound? The questions that every loss of the catalogue is asked, and those about its shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from weft._lazy import unknown
from weft.losses.loss import Loss

Function = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Finding:
    """What one check found: its name, whether it is well, and what was seen."""

    check: str
    well: bool
    said: str


@dataclass(frozen=True)
class LossReport:
    """All findings; ``faults`` are those that are not well, and the report is true when there are none."""

    findings: tuple[Finding, ...]

    @property
    def faults(self) -> tuple[Finding, ...]:
        """What is not well."""
        return tuple(finding for finding in self.findings if not finding.well)

    def __bool__(self) -> bool:
        return not self.faults

    def __str__(self) -> str:
        return "\n".join(f"{'ok   ' if f.well else 'FAULT'} {f.check}: {f.said}" for f in self.findings)


def check_loss(
    loss: Function, prediction: Tensor, target: Tensor, *, expect: Sequence[str] = (), range: tuple[float, float] = (-1e4, 1e4), couples: bool = False
) -> LossReport:
    """Ask a loss (prediction, target) -> values (B, ...) what it must answer well, on an example of at least three items.

    Always: one value an item, none changed in place, gradient equal to finite differences in float64, finite values and gradients at extreme
    predictions in three types, float32 results, items that do not see each other, masked items without a trace, no broadcasting; the memory that
    it takes is said.
    ``expect`` adds properties of the prediction: "non_negative", "zero_at_target" (target of the prediction's shape), "symmetric",
    "shift_invariant" (a constant added along dimension 1), "scale_invariant", "convex" (along random lines), "increasing" (in every entry).
    ``range``: the predictions that mean something. ``couples``: items may see each other.
    Errors: ``ValueError`` for fewer than three items, or an unknown property.
    Use in the test of a loss of one's own: ``assert check_loss(mine, prediction, target), report``.

    >>> from weft.losses import mse
    >>> bool(check_loss(mse, torch.randn(4, 3), torch.randn(4, 3), expect=["non_negative", "convex", "symmetric"]))
    True
    >>> check_loss(lambda p, t: ((p - t) ** 2).mean(), torch.randn(4, 3), torch.randn(4, 3)).faults[0].check
    'one value an item'
    """
    if prediction.ndim < 1 or len(prediction) < 3:
        raise ValueError(f"check_loss needs an example of at least three items; got {tuple(prediction.shape)}.")
    for name in expect:
        if name not in PROPERTIES:
            raise unknown("property", name, PROPERTIES)
    prediction, target = prediction.detach(), target.detach()
    shape = _asked("one value an item", _one_value_an_item, loss, prediction, target)
    if not shape.well:  # nothing else can be asked
        return LossReport((shape,))
    findings = [shape, _asked("inputs untouched", _untouched, loss, prediction, target), _asked("gradient", _gradient, loss, prediction, target)]
    findings.append(_asked("extremes", lambda f, p, t: _extremes(f, p, t, range), loss, prediction, target))
    findings += [_asked(name, check, loss, prediction, target) for name, check in (("broadcasting", _broadcasting), ("memory", _memory))]
    if not couples:
        findings += [_asked(name, check, loss, prediction, target) for name, check in (("items apart", _apart), ("mask", _mask))]
    findings += [_asked(name, PROPERTIES[name], loss, prediction, target) for name in expect]
    return LossReport(tuple(findings))


def _asked(name: str, check: Callable[[Function, Tensor, Tensor], tuple[bool, str]], loss: Function, prediction: Tensor, target: Tensor) -> Finding:
    """The answer, or the error as an answer: a loss that raises is no reason to stop asking."""
    try:
        well, said = check(loss, prediction.clone(), target.clone())
    except Exception as error:
        well, said = False, f"raised {type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else 'without a word'}"
    return Finding(name, well, said)


def _one_value_an_item(loss: Function, prediction: Tensor, target: Tensor) -> tuple[bool, str]:
    values = loss(prediction, target)
    well = values.ndim > 0 and len(values) == len(prediction)
    wanted = "" if well else f"; expected ({len(prediction)}, ...): masks, microbatches and ranks need values that are not averaged yet"
    return well, f"values of shape {tuple(values.shape)}{wanted}"


def _untouched(loss: Function, prediction: Tensor, target: Tensor) -> tuple[bool, str]:
    before = prediction.clone(), target.clone()
    loss(prediction, target)
    changed = [name for name, now, then in (("prediction", prediction, before[0]), ("target", target, before[1])) if not torch.equal(now, then)]
    return not changed, f"{' and '.join(changed)} changed in place" if changed else "neither input is changed"


def _gradient(loss: Function, prediction: Tensor, target: Tensor) -> tuple[bool, str]:
    leaf = prediction.double().requires_grad_()
    wide = target.double() if target.is_floating_point() else target
    if not loss(leaf, wide).requires_grad:
        return False, "the values do not depend on the prediction: something is detached"
    torch.autograd.gradcheck(lambda x: loss(x, wide), leaf)
    return True, "equal to finite differences in float64"


def _extremes(loss: Function, prediction: Tensor, target: Tensor, span: tuple[float, float]) -> tuple[bool, str]:
    low, high = span
    inputs = {
        "large": torch.where(prediction > prediction.median(), high, low),
        "zero": torch.zeros_like(prediction).clamp(low, high),
        "equal": torch.full_like(prediction, high),
    }
    if target.shape == prediction.shape and target.is_floating_point():
        inputs["the target"] = target
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        goal = target.to(dtype) if target.is_floating_point() else target
        for name, extreme in inputs.items():
            leaf = extreme.to(dtype, copy=True).requires_grad_()
            values = loss(leaf, goal)
            values.float().mean().backward()
            where = f"at predictions that are {name}, {str(dtype).removeprefix('torch.')}"
            if not values.isfinite().all():
                return False, f"values not finite {where}"
            if leaf.grad is None or not leaf.grad.isfinite().all():
                return False, f"gradient not finite {where}"
            if values.dtype != torch.float32:
                return False, f"computed in {values.dtype} {where}; expected float32"
    return True, "finite, and in float32, in three types"


def _broadcasting(loss: Function, prediction: Tensor, target: Tensor) -> tuple[bool, str]:
    wrong = [target.unsqueeze(-1), target[:1]]  # one dimension too many; one item for all
    for other in wrong:
        try:
            values = loss(prediction, other)
        except Exception:  # noqa: S112 -- any refusal will do
            continue
        return False, f"a target {tuple(other.shape)} is taken and gives {tuple(values.shape)}: it learns the wrong thing in silence"
    return True, f"targets {' and '.join(str(tuple(other.shape)) for other in wrong)} are refused"


def _apart(loss: Function, prediction: Tensor, target: Tensor) -> tuple[bool, str]:
    whole, part = loss(prediction, target)[1:], loss(prediction[1:], target[1:])
    well = whole.shape == part.shape and torch.allclose(whole, part, rtol=1e-4, atol=1e-5, equal_nan=True)
    if well:
        return True, "items do not see each other"
    return False, "without the first item the others' values change: call it with couples=True and Loss.coupled()"


def _mask(loss: Function, prediction: Tensor, target: Tensor) -> tuple[bool, str]:
    leaf = prediction.requires_grad_()
    keep = torch.arange(len(prediction), device=prediction.device) % 3 != 1
    (slope,) = torch.autograd.grad(Loss.mean(loss(leaf, target), keep).value, leaf)
    nothing = Loss.mean(loss(leaf, target), torch.zeros_like(keep))
    (none,) = torch.autograd.grad(nothing.value, leaf)
    if slope[~keep].any():
        return False, "masked items get a gradient"
    well = float(nothing.value.detach()) == 0 and not none.any()
    return well, "masked items leave no trace" if well else "an empty mask gives a loss or a gradient that is not zero"


class _Bytes(TorchDispatchMode):
    """The bytes of the largest tensor that any operation made."""

    largest = 0

    def __torch_dispatch__(
        self, func: Callable[..., object], types: object, args: tuple[object, ...] = (), kwargs: dict[str, object] | None = None
    ) -> object:
        found = func(*args, **(kwargs or {}))
        sizes = [x.untyped_storage().nbytes() for x in pytree.tree_leaves(found) if isinstance(x, Tensor)]
        self.largest = max(self.largest, *sizes, 0)
        return found


def _memory(loss: Function, prediction: Tensor, target: Tensor) -> tuple[bool, str]:
    with _Bytes() as seen:
        loss(prediction.requires_grad_(), target).sum().backward()
    share = seen.largest / max(prediction.nbytes, 1)
    return True, f"its largest tensor is {share:.3g} times the prediction"


def _non_negative(loss: Function, prediction: Tensor, target: Tensor) -> tuple[bool, str]:
    least = min(loss(factor * prediction, target).min().item() for factor in (0.0, 0.3, 1.0, 10.0))
    return least >= -1e-6, f"least value seen {least:.4g}"


def _zero_at_target(loss: Function, prediction: Tensor, target: Tensor) -> tuple[bool, str]:
    most = loss(target.to(prediction.dtype), target).abs().max().item()
    return most < 1e-5, f"value at the target {most:.4g}"


def _symmetric(loss: Function, prediction: Tensor, target: Tensor) -> tuple[bool, str]:
    return _same(loss(prediction, target), loss(target, prediction), "prediction and target exchanged")


def _shift_invariant(loss: Function, prediction: Tensor, target: Tensor) -> tuple[bool, str]:
    return _same(loss(prediction, target), loss(prediction + 3.0, target), "3 added to every prediction")


def _scale_invariant(loss: Function, prediction: Tensor, target: Tensor) -> tuple[bool, str]:
    return _same(loss(prediction, target), loss(3.0 * prediction, target), "predictions times 3")


def _convex(loss: Function, prediction: Tensor, target: Tensor) -> tuple[bool, str]:
    worst = 0.0
    for way in _draws(prediction, 8):
        ends, middle = 0.5 * (loss(prediction - way, target) + loss(prediction + way, target)), loss(prediction, target)
        worst = max(worst, ((middle - ends) / (1 + middle.abs())).max().item())
    return worst < 1e-4, "no line bends down" if worst < 1e-4 else f"on a random line the middle lies {worst:.3g} above the chord"


def _increasing(loss: Function, prediction: Tensor, target: Tensor) -> tuple[bool, str]:
    values = loss(prediction, target)
    fell = max((values - loss(prediction + way.abs(), target)).max().item() for way in _draws(prediction, 8))
    return fell < 1e-5, "never falls as the prediction grows" if fell < 1e-5 else f"fell by {fell:.3g} where the prediction grew"


def _draws(x: Tensor, count: int) -> list[Tensor]:
    """Random directions, the same in every run."""
    generator = torch.Generator().manual_seed(0)
    return [(10.0 ** (i % 3 - 1) * torch.randn(x.shape, generator=generator)).to(x) for i in range(count)]


def _same(a: Tensor, b: Tensor, change: str) -> tuple[bool, str]:
    most = (a - b).abs().max().item()
    well = torch.allclose(a, b, rtol=1e-4, atol=1e-5)
    return well, f"{change}: the values {'stay' if well else f'change by up to {most:.3g}'}"


PROPERTIES: dict[str, Callable[[Function, Tensor, Tensor], tuple[bool, str]]] = {
    "non_negative": _non_negative,
    "zero_at_target": _zero_at_target,
    "symmetric": _symmetric,
    "shift_invariant": _shift_invariant,
    "scale_invariant": _scale_invariant,
    "convex": _convex,
    "increasing": _increasing,
}
