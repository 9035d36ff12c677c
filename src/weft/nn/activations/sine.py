"""Periodic activations, for networks that are functions of position."""

from __future__ import annotations

import math

from jaxtyping import Float
from torch import Tensor, nn

from weft.nn.shapes import expect


class Sine(nn.Module):
    """sin(frequency x).

    Shapes: any -> the same.
    Paper: Sitzmann et al., 2020, arXiv:2006.09661.
    Use when a network represents a picture, sound or field as a function of position; without the weights of ``SineLayer`` it does not train well.

    >>> import torch
    >>> Sine(2.0)(torch.tensor([0.0]))
    tensor([0.])
    """

    def __init__(self, frequency: float = 1.0) -> None:
        super().__init__()
        self.frequency = frequency

    def forward(self, x: Float[Tensor, " *shape"]) -> Float[Tensor, " *shape"]:
        return (self.frequency * x).sin()

    def extra_repr(self) -> str:
        return f"frequency={self.frequency}"


class SineLayer(nn.Module):
    """One layer of a SIREN: sin(frequency (W x + b)), with weights that keep its spread through any depth.

    W is uniform in +-1 / in_features in the ``first`` layer, whose input are positions in [-1, 1], and in +-sqrt(6 / in_features) / frequency
    after it; b as in ``nn.Linear``.

    Shapes: x (..., in_features) -> (..., out_features).
    Errors: ``ValueError`` for another width.
    Paper: Sitzmann et al., 2020, arXiv:2006.09661.
    Use when fine detail and its derivatives matter; instead of it, ReLU after Fourier features. Cost: a linear layer and a sine.

    >>> import torch
    >>> SineLayer(2, 8, first=True)(torch.zeros(5, 2)).shape
    torch.Size([5, 8])
    """

    def __init__(self, in_features: int, out_features: int, frequency: float = 30.0, *, first: bool = False) -> None:
        super().__init__()
        self.in_features = in_features
        self.linear = nn.Linear(in_features, out_features)
        self.act = Sine(frequency)
        bound = 1 / in_features if first else math.sqrt(6 / in_features) / frequency
        nn.init.uniform_(self.linear.weight, -bound, bound)

    def forward(self, x: Float[Tensor, " *b i"]) -> Float[Tensor, " *b o"]:
        expect(x, f"... {self.in_features}", "SineLayer")
        return self.act(self.linear(x))
