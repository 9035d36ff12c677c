"""Whether two networks are the same function, and if not, where they part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from weft.nn import Features, evaluating


@dataclass(frozen=True)
class Difference:
    """How far a value of the target is from the source's: largest absolute difference, and that over the largest source value."""

    name: str
    absolute: float
    relative: float
    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    agrees: bool


@dataclass(frozen=True)
class Agreement:
    """The differences at each pair of layers in order, and of the outputs; ``parts`` names the first that disagrees."""

    layers: tuple[Difference, ...]
    outputs: tuple[Difference, ...]

    @property
    def agrees(self) -> bool:
        """Whether the outputs are the same within the tolerance."""
        return all(one.agrees for one in self.outputs)

    @property
    def parts(self) -> str | None:
        """The first layer, or output, at which the two differ; None if they agree everywhere."""
        return next((one.name for one in (*self.layers, *self.outputs) if not one.agrees), None)

    def __str__(self) -> str:
        lines = [f"{'layer':<32} {'absolute':>10} {'relative':>10}"]
        for one in (*self.layers, *self.outputs):
            shapes = "" if one.shapes[0] == one.shapes[1] else f"  shapes {one.shapes[0]} and {one.shapes[1]}"
            lines.append(f"{one.name:<32} {one.absolute:>10.2e} {one.relative:>10.2e}{'' if one.agrees else '  <- differs'}{shapes}")
        lines.append("The two are the same function on these inputs." if self.agrees else f"They part at {self.parts}.")
        return "\n".join(lines)


def compare_networks(
    source: Callable[..., Any],
    target: nn.Module,
    inputs: Tensor | Sequence[Tensor],
    *,
    layers: Mapping[str, str] | None = None,
    tolerance: float = 1e-4,
) -> Agreement:
    """Give both the same inputs in eval mode and compare outputs, and the outputs of pairs of layers: source's name -> target's.

    ``source`` is a torch network, or any function of the inputs (another library's, returning arrays; then no layers). Two values agree when
    their shapes do and the largest absolute difference is at most ``tolerance`` times the largest source value (at least 1).

    Errors: ``ValueError`` for layers of a source that is no torch network, for unknown names, and for a different number of outputs.
    Use after moving weights from elsewhere: the first pair that differs is where the mistake is. Cost: one pass each.

    >>> one = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    >>> compare_networks(one, one, torch.ones(3, 2), layers={"0": "0"}).agrees
    True
    """
    given = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    pairs = dict(layers or {})
    if pairs and not isinstance(source, nn.Module):
        raise ValueError("Layers can be compared only when the source is a torch network too; leave layers out, or compare part by part.")
    with torch.no_grad(), evaluating(target), Features(target, list(pairs.values()) or [""]) as ours:
        answers = target(*given)
        if isinstance(source, nn.Module):
            with evaluating(source), Features(source, list(pairs) or [""]) as theirs:
                expected = source(*given)
                found = tuple(_difference(a, theirs[a], ours[b], tolerance) for a, b in pairs.items())
        else:
            expected, found = source(*given), ()
    left, right = _listed(expected), _listed(answers)
    if len(left) != len(right):
        raise ValueError(f"The source has {len(left)} outputs and the target {len(right)}.")
    names = ["output"] if len(left) == 1 else [f"output {i}" for i in range(len(left))]
    return Agreement(found, tuple(_difference(name, a, b, tolerance) for name, a, b in zip(names, left, right, strict=True)))


def _listed(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, (tuple, list)) else [value]


def _difference(name: str, source: Any, target: Any, tolerance: float) -> Difference:
    while isinstance(source, (tuple, list)) or isinstance(target, (tuple, list)):  # a recurrent layer's output comes first
        source = source[0] if isinstance(source, (tuple, list)) else source
        target = target[0] if isinstance(target, (tuple, list)) else target
    a, b = torch.as_tensor(source).detach().double(), torch.as_tensor(target).detach().double()
    shapes = (tuple(a.shape), tuple(b.shape))
    if a.shape != b.shape:
        return Difference(name, float("inf"), float("inf"), shapes, False)
    absolute = float((a - b).abs().max()) if a.numel() else 0.0
    largest = max(float(a.abs().max()), 1e-30) if a.numel() else 1.0
    return Difference(name, absolute, absolute / largest, shapes, absolute <= tolerance * max(1.0, largest))
