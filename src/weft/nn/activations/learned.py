"""Activations that learn their shape, or keep to bounds."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from weft.nn.shapes import expect


class Swish(nn.Module):
    """x sigmoid(beta x): the identity halved at beta = 0, SiLU at 1, towards ReLU as beta grows.

    Shapes: any -> the same. ``beta`` is one number, a parameter where ``learnable``.
    Paper: Ramachandran et al., 2017, arXiv:1710.05941.
    Use when the smoothness should be chosen or learned; instead of it, ``silu`` for beta = 1. Cost: a sigmoid.

    >>> Swish(beta=1)(torch.tensor([0.0, 2.0]))
    tensor([0.0000, 1.7616])
    """

    def __init__(self, beta: float = 1.0, learnable: bool = False) -> None:
        super().__init__()
        start = torch.tensor(float(beta))                     # a whole number would make a tensor that cannot learn
        if learnable:
            self.beta = nn.Parameter(start)
        else:
            self.register_buffer("beta", start)

    def forward(self, x: Float[Tensor, " *shape"]) -> Float[Tensor, " *shape"]:
        return x * (self.beta.to(x.dtype) * x).sigmoid()

    def extra_repr(self) -> str:
        return f"beta={self.beta.item():g}, learnable={isinstance(self.beta, nn.Parameter)}"


class Bounded(nn.Module):
    """A sigmoid stretched over an interval: low + (high - low) sigmoid(x).

    Shapes: any -> the same, every value within [low, high].
    Errors: ``ValueError`` unless low < high.
    Use when an output has known physical limits; instead of it, ``hardtanh`` where the limits are often reached, as it saturates at once.

    >>> Bounded(-2.0, 4.0)(torch.tensor([0.0]))
    tensor([1.])
    """

    def __init__(self, low: float = 0.0, high: float = 1.0) -> None:
        super().__init__()
        if not low < high:
            raise ValueError(f"Bounded needs low below high; got low={low}, high={high}.")
        self.low, self.high = low, high

    def forward(self, x: Float[Tensor, " *shape"]) -> Float[Tensor, " *shape"]:
        return self.low + (self.high - self.low) * x.sigmoid()

    def extra_repr(self) -> str:
        return f"low={self.low}, high={self.high}"


class SoftThreshold(nn.Module):
    """Soft shrinkage whose threshold is learned: sign(x) max(|x| - t, 0), t = softplus(parameter).

    Shapes: x (B, channels, ...) -> the same, one threshold a channel; with ``channels=None`` one for any shape.
    Errors: ``ValueError`` for another number of channels.
    Paper: Gregor and LeCun, 2010, "Learning fast approximations of sparse coding".
    Use when features should be sparse or noise removed; instead of it, ``softshrink`` with a fixed threshold. Cost: as ReLU.

    >>> SoftThreshold(start=0.5)(torch.tensor([-2.0, 0.25, 1.0]))
    tensor([-1.5000,  0.0000,  0.5000], grad_fn=<MulBackward0>)
    """

    def __init__(self, channels: int | None = None, start: float = 0.1) -> None:
        super().__init__()
        self.channels = channels
        self.raw = nn.Parameter(torch.full(() if channels is None else (channels,), start).expm1().log())

    def forward(self, x: Float[Tensor, " *shape"]) -> Float[Tensor, " *shape"]:
        threshold = F.softplus(self.raw).to(x.dtype)
        if self.channels is not None:
            expect(x, f"B {self.channels} ...", "SoftThreshold")
            threshold = threshold.reshape(-1, *[1] * (x.ndim - 2))
        return x.sign() * (x.abs() - threshold).relu()

    def extra_repr(self) -> str:
        return f"channels={self.channels}"


def wide(x: Tensor) -> Tensor:
    """``x`` in float32, or in float64 if it was."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def through_knots(x: Tensor, values: Tensor, low: float, high: float) -> Tensor:
    """The line through ``values`` at evenly spaced knots of [low, high]; beyond them the first and last pieces go straight on."""
    step = (high - low) / (len(values) - 1)
    place = (x - low) / step
    left = place.detach().nan_to_num().clamp(0, len(values) - 2).floor().long()
    start, end = values[left], values[left + 1]
    return start + (place - left) * (end - start)


class PiecewiseLinear(nn.Module):
    """A line through learned values at fixed knots, straight on beyond them; it begins as ReLU.

    Shapes: any -> the same. ``knots`` values, evenly spaced over [low, high].
    Errors: ``ValueError`` for fewer than two knots or unless low < high.
    Paper: Agostinelli et al., 2014, arXiv:1412.6830. Differs: knots of one even grid, not one hinge each.
    Use when the shape itself should be learned and read; instead of it, ``Rational`` for a smooth one. Cost: two lookups an element; computed in
    float32, since a place among the knots needs its digits.

    >>> PiecewiseLinear()(torch.tensor([-1.0, 0.5, 9.0]))
    tensor([0.0000, 0.5000, 9.0000], grad_fn=<AddBackward0>)
    """

    def __init__(self, knots: int = 13, low: float = -3.0, high: float = 3.0) -> None:
        super().__init__()
        if knots < 2 or not low < high:
            raise ValueError(f"PiecewiseLinear needs two knots or more and low below high; got knots={knots}, low={low}, high={high}.")
        self.low, self.high = low, high
        self.values = nn.Parameter(torch.linspace(low, high, knots).relu())

    def forward(self, x: Float[Tensor, " *shape"]) -> Float[Tensor, " *shape"]:
        return through_knots(wide(x), wide(self.values), self.low, self.high).to(x.dtype)

    def extra_repr(self) -> str:
        return f"knots={len(self.values)}, low={self.low}, high={self.high}"


class MonotoneLinear(nn.Module):
    """A line through knots that only rises: its slopes are softplus(parameters) + ``least``.

    Shapes: any -> the same. It begins as the identity; ``least`` is the smallest slope, so a positive one makes the function invertible.
    Errors: ``ValueError`` for fewer than two knots, unless low < high, or unless 0 <= least < 1.
    Use when a larger input must never give a smaller output (calibration, prices, doses); instead of it, ``PiecewiseLinear`` without that promise.
    Cost: two lookups an element, in float32.

    >>> act = MonotoneLinear()
    >>> torch.allclose(act(torch.tensor([-7.0, 0.3])), torch.tensor([-7.0, 0.3]), atol=1e-5)
    True
    """

    def __init__(self, knots: int = 13, low: float = -3.0, high: float = 3.0, least: float = 0.0) -> None:
        super().__init__()
        if knots < 2 or not low < high or not 0 <= least < 1:
            given = f"knots={knots}, low={low}, high={high}, least={least}"
            raise ValueError(f"MonotoneLinear needs two knots or more, low below high and least in [0, 1); got {given}.")
        self.low, self.high, self.least = low, high, least
        self.raw = nn.Parameter(torch.full((knots - 1,), 1.0 - least).expm1().log())
        self.offset = nn.Parameter(torch.tensor(float(low)))

    def slopes(self) -> Tensor:
        """The slope of each piece."""
        return F.softplus(self.raw) + self.least

    def forward(self, x: Float[Tensor, " *shape"]) -> Float[Tensor, " *shape"]:
        rises = wide(self.slopes()).cumsum(0) * ((self.high - self.low) / len(self.raw))
        values = self.offset + torch.cat([rises.new_zeros(1), rises])
        return through_knots(wide(x), values, self.low, self.high).to(x.dtype)

    def extra_repr(self) -> str:
        return f"knots={len(self.raw) + 1}, low={self.low}, high={self.high}, least={self.least}"


class Rational(nn.Module):
    """A learned quotient of polynomials without poles: P(x) / (1 + |x A(x)|), of degrees 5 and 4.

    Shapes: any -> the same. It begins near LeakyReLU with slope 0.01: coefficients fitted on [-3, 3] by least squares when it is made.
    Paper: Molina et al., 2019, arXiv:1907.06732 (Padé activation units, the safe form).
    Use when a smooth shape should be learned; instead of it, ``PiecewiseLinear`` where it must be read. Cost: about ten multiplications an element;
    computed in float32, since powers overflow half precision. It grows like x far away.

    >>> act = Rational()
    >>> bool((act(torch.linspace(-3, 3, 7)) - nn.functional.leaky_relu(torch.linspace(-3, 3, 7))).abs().max() < 0.1)
    True
    """

    def __init__(self) -> None:
        super().__init__()
        above, below = fitted()
        self.above, self.below = nn.Parameter(above), nn.Parameter(below)

    def forward(self, x: Float[Tensor, " *shape"]) -> Float[Tensor, " *shape"]:
        z = wide(x)
        return (horner(wide(self.above), z) / (1 + (z * horner(wide(self.below), z)).abs())).to(x.dtype)


def horner(coefficients: Tensor, x: Tensor) -> Tensor:
    """c0 + c1 x + c2 x^2 + …, from the highest power down."""
    total = torch.zeros_like(x)
    for coefficient in coefficients.flip(0).unbind():
        total = total * x + coefficient
    return total


@torch.no_grad()
def fitted() -> tuple[Tensor, Tensor]:
    """Coefficients with P(x) = f(x) (1 + x A(x)) as nearly as least squares can, f = LeakyReLU; odd powers in A keep x A(x) positive."""
    x = torch.linspace(-3, 3, 601, dtype=torch.float64)
    f = F.leaky_relu(x)
    powers = torch.stack([*(x**i for i in range(6)), -f * x**2, -f * x**4], 1)
    found = torch.linalg.lstsq(powers, f[:, None]).solution[:, 0]
    zero = found.new_zeros(())
    return found[:6].float(), torch.stack([zero, found[6], zero, found[7]]).float()


class MixedActivation(nn.Module):
    """A learned mixture of activations: sum_i softmax(w)_i f_i(x).

    Shapes: any -> the same. It begins with equal shares; ``shares()`` tells what was learned.
    Errors: ``ValueError`` for fewer than two names, and as ``activation`` for an unknown one.
    Paper: Manessi and Rozza, 2018, arXiv:1801.09403.
    Use when the data should choose among known shapes; instead of it, ``Activation`` to compare them one by one. Cost: that of all of them.

    >>> MixedActivation(["relu", "tanh"]).shares()
    {'relu': 0.5, 'tanh': 0.5}
    """

    def __init__(self, activations: Sequence[str]) -> None:
        from weft.nn.activations.named import activation  # it names this class

        super().__init__()
        if len(activations) < 2:
            raise ValueError(f"MixedActivation needs two activations or more; got {list(activations)}.")
        self.names = list(activations)
        self.parts = nn.ModuleList(activation(name) for name in self.names)
        self.weights = nn.Parameter(torch.zeros(len(self.names)))

    def shares(self) -> dict[str, float]:
        """How much of the mixture each activation has."""
        return dict(zip(self.names, self.weights.softmax(0).tolist(), strict=True))

    def forward(self, x: Float[Tensor, " *shape"]) -> Float[Tensor, " *shape"]:
        total = torch.zeros_like(x)
        for share, part in zip(self.weights.softmax(0).to(x.dtype).unbind(), self.parts, strict=True):
            total = total + share * part(x)
        return total
