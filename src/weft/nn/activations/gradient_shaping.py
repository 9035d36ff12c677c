"""Layers that change the gradient and not the value, or the value and not the gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from weft._lazy import unknown


class _Scaled(torch.autograd.Function):
    """The input, whose gradient comes back multiplied."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.factor * gradients[0], None


class _Through(torch.autograd.Function):
    """The first input's value, the second's gradient."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, surrogate: Tensor) -> Tensor:
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        return None, gradients[0]


def scale_gradient(x: Float[Tensor, " *shape"], factor: float) -> Float[Tensor, " *shape"]:
    """x, whose gradient is multiplied by ``factor``; 0 stops it, -1 turns it round.

    >>> x = torch.ones(1, requires_grad=True)
    >>> scale_gradient(x, -2.0).backward(); x.grad
    tensor([-2.])
    """
    apply: Callable[[Tensor, float], Tensor] = _Scaled.apply  # type: ignore[assignment]
    return apply(x, float(factor))


def straight_through(value: Float[Tensor, " *shape"], surrogate: Float[Tensor, " *shape"]) -> Float[Tensor, " *shape"]:
    """``value``, exactly, with the gradient of ``surrogate``, of the same shape.

    Paper: Bengio et al., 2013, arXiv:1308.3432.
    Use when a step cannot be differentiated (rounding, choosing) and a smooth stand-in can.

    >>> x = torch.tensor([1.7], requires_grad=True)
    >>> straight_through(x.round(), x).backward(); x.grad
    tensor([1.])
    """
    if value.shape != surrogate.shape:
        raise ValueError(f"straight_through needs two tensors of one shape; got {tuple(value.shape)} and {tuple(surrogate.shape)}.")
    apply: Callable[[Tensor, Tensor], Tensor] = _Through.apply  # type: ignore[assignment]
    return apply(value, surrogate)


class GradientScale(nn.Module):
    """The identity, whose gradient is multiplied by ``factor``.

    Shapes: any -> the same. ``factor`` may be changed between steps; 0 stops the gradient.
    Use when one branch should teach the shared part less (or nothing); instead of it, a smaller learning rate where the branch has its own weights.

    >>> x = torch.ones(1, requires_grad=True)
    >>> GradientScale(0.1)(x).backward(); x.grad
    tensor([0.1000])
    """

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Float[Tensor, " *shape"]) -> Float[Tensor, " *shape"]:
        return scale_gradient(x, self.factor)

    def extra_repr(self) -> str:
        return f"factor={self.factor}"


class GradientReversal(nn.Module):
    """The identity, whose gradient comes back as -strength times itself.

    Shapes: any -> the same. ``strength`` may be changed between steps (the paper raises it from 0 to 1).
    Paper: Ganin and Lempitsky, 2014, arXiv:1409.7495.
    Use when features should not tell a domain from another: a domain classifier behind this layer learns to tell, and the features unlearn it.

    >>> x = torch.ones(1, requires_grad=True)
    >>> GradientReversal(2.0)(x).backward(); x.grad
    tensor([-2.])
    """

    def __init__(self, strength: float = 1.0) -> None:
        super().__init__()
        self.strength = strength

    def forward(self, x: Float[Tensor, " *shape"]) -> Float[Tensor, " *shape"]:
        return scale_gradient(x, -self.strength)

    def extra_repr(self) -> str:
        return f"strength={self.strength}"


STEPS: dict[str, Callable[[Tensor], Tensor]] = {
    "round": torch.round,
    "floor": torch.floor,
    "sign": lambda x: torch.where(x < 0, -1.0, 1.0).to(x.dtype),
    "binary": lambda x: (x > 0).to(x.dtype),
}


class StraightThrough(nn.Module):
    """A step with the gradient of the identity: value step(x), gradient that of x, where |x| <= limit.

    Steps: round, floor, sign (+-1, never 0), binary (0 or 1). ``limit`` stops the gradient of inputs beyond it, None for nowhere.

    Shapes: any -> the same.
    Errors: ``ValueError`` naming the nearest for an unknown step.
    Paper: Bengio et al., 2013, arXiv:1308.3432; with the limit: Courbariaux et al., 2016, arXiv:1602.02830.
    Use when activations are quantized or binary; instead of it, ``straight_through`` with a surrogate of your own.

    >>> StraightThrough("sign")(torch.tensor([-0.2, 0.0, 3.0]))
    tensor([-1.,  1.,  1.])
    """

    def __init__(self, step: str = "round", limit: float | None = None) -> None:
        super().__init__()
        if step not in STEPS:
            raise unknown("step", step, STEPS)
        self.step, self.limit = step, limit

    def forward(self, x: Float[Tensor, " *shape"]) -> Float[Tensor, " *shape"]:
        surrogate = x if self.limit is None else x.clamp(-self.limit, self.limit)
        return straight_through(STEPS[self.step](x.detach()), surrogate)

    def extra_repr(self) -> str:
        return f"{self.step!r}, limit={self.limit}"
