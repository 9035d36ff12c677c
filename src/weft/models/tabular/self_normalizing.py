"""Perceptrons that keep mean 0 and variance 1 by themselves."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from weft.nn.initialization import initialize
from weft.nn.shapes import expect


class SelfNormalizingMLP(nn.Module):
    """Linear layers from LeCun's normal, SELU, and alpha dropout: activations stay near mean 0 and variance 1 at any depth, without a norm.

    Shapes: input (B, in_dim), standardised -> (B, out_dim), linear outputs.
    Errors: ``ValueError`` for an input of another shape.
    Paper: Klambauer et al., 2017, arXiv:1706.02515.
    Use when a perceptron is deep and batches are small or private; instead of it, ``TableNet``, whose layer norm asks nothing of its inputs.

    >>> import torch
    >>> SelfNormalizingMLP(8, (16,) * 20, 2)(torch.randn(4, 8)).shape
    torch.Size([4, 2])
    """

    def __init__(self, in_dim: int, hidden: Sequence[int], out_dim: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.in_dim = in_dim
        layers: list[nn.Module] = []
        for before, after in zip((in_dim, *hidden), hidden):
            layers += [nn.Linear(before, after), nn.SELU(), *([nn.AlphaDropout(dropout)] if dropout else [])]
        self.layers = nn.Sequential(*layers, nn.Linear((in_dim, *hidden)[-1], out_dim))
        initialize(self.layers, "lecun_normal")

    def forward(self, input: Float[Tensor, "b f"]) -> Float[Tensor, "b out"]:
        expect(input, f"B {self.in_dim}", "SelfNormalizingMLP")
        return self.layers(input)
