"""Multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from weft.nn.activations import activation as make_activation
from weft.nn.norms import vector_norm


class MLP(nn.Module):
    """Linear layers, each hidden one followed by norm, activation and dropout.

    Shapes: input (B, ...) flattened to (B, in_dim) -> (B, out_dim), linear outputs (logits or values).
    Errors: ``ValueError`` when an item does not hold ``in_dim`` numbers, or for an unknown norm or activation.
    Use when inputs are a table's row or a small flat vector; instead of it, ``SimpleCNN`` for pictures, ``TableNet`` for larger tables.

    >>> import torch
    >>> MLP(64, (32, 16), 10, norm="batch", dropout=0.1)(torch.rand(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self, in_dim: int, hidden: Sequence[int], out_dim: int, *, activation: str = "relu", norm: str | None = None, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.in_dim = in_dim
        layers: list[nn.Module] = []
        for before, after in zip((in_dim, *hidden), hidden):
            layers.append(nn.Linear(before, after, bias=norm != "batch"))      # batch norm would remove the bias
            if norm is not None:
                layers.append(vector_norm(norm, after))
            layers.append(make_activation(activation))
            if dropout:
                layers.append(nn.Dropout(dropout))
        self.layers = nn.Sequential(*layers, nn.Linear((in_dim, *hidden)[-1], out_dim))

    def forward(self, input: Float[Tensor, " b *shape"]) -> Float[Tensor, "b out"]:
        x = input.flatten(1)
        if x.shape[-1] != self.in_dim:
            raise ValueError(f"MLP expects {self.in_dim} numbers an item; got input of shape {tuple(input.shape)}, {x.shape[-1]} numbers an item.")
        return self.layers(x)
