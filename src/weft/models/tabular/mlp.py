"""Multi-layer perceptron."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from weft._lazy import unknown
from weft.nn.activations import activation as make_activation
from weft.nn.norms import vector_norm


class MLP(nn.Module):
    """Linear layers, each hidden one followed by norm, activation and dropout.

    ``order="act-norm"`` puts the norm after the activation; ``output_activation`` follows the last layer. With one hidden layer of no units (``()``)
    it is a linear map, with ``output_activation="sigmoid"`` then the perceptron. Norms: batch, layer, rms, group.

    Shapes: input (B, ...) flattened to (B, in_dim) -> (B, out_dim), linear outputs (logits or values) unless said otherwise.
    Errors: ``ValueError`` when an item does not hold ``in_dim`` numbers, or for an unknown norm, order or activation.
    Use when inputs are a table's row or a small flat vector; instead of it, ``SimpleCNN`` for pictures, ``TableNet`` for larger tables or depth.

    >>> import torch
    >>> MLP(64, (32, 16), 10, norm="batch", dropout=0.1)(torch.rand(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        in_dim: int,
        hidden: Sequence[int],
        out_dim: int,
        *,
        activation: str = "relu",
        norm: str | None = None,
        dropout: float = 0.0,
        order: str = "norm-act",
        output_activation: str | None = None,
    ) -> None:
        super().__init__()
        if order not in ("norm-act", "act-norm"):
            raise unknown("order", order, ("norm-act", "act-norm"))
        self.in_dim = in_dim
        layers: list[nn.Module] = []
        for before, after in zip((in_dim, *hidden), hidden):
            layers.append(nn.Linear(before, after, bias=norm != "batch" or order == "act-norm"))      # batch norm next would remove the bias
            pair = [] if norm is None else [nn.GroupNorm(math.gcd(8, after), after) if norm == "group" else vector_norm(norm, after)]
            pair.append(make_activation(activation))
            layers += pair if order == "norm-act" else pair[::-1]
            if dropout:
                layers.append(nn.Dropout(dropout))
        last = [] if output_activation is None else [make_activation(output_activation)]
        self.layers = nn.Sequential(*layers, nn.Linear((in_dim, *hidden)[-1], out_dim), *last)

    def forward(self, input: Float[Tensor, " b *shape"]) -> Float[Tensor, "b out"]:
        x = input.flatten(1)
        if x.shape[-1] != self.in_dim:
            raise ValueError(f"MLP expects {self.in_dim} numbers an item; got input of shape {tuple(input.shape)}, {x.shape[-1]} numbers an item.")
        return self.layers(x)


PRESETS: dict[str, dict[str, Any]] = {
    "regression_20": {"in_dim": 20, "hidden": (64, 32, 16), "out_dim": 1, "norm": "batch", "dropout": 0.3},
    "digits_small": {"in_dim": 784, "hidden": (128, 64), "out_dim": 10},
    "digits_dropout": {"in_dim": 784, "hidden": (512,), "out_dim": 10, "dropout": 0.5},
    "digits_batch_norm": {"in_dim": 784, "hidden": (512, 256), "out_dim": 10, "norm": "batch"},
    "digits_layer_norm": {"in_dim": 784, "hidden": (512,), "out_dim": 10, "norm": "layer"},
    "digits_regularised": {"in_dim": 784, "hidden": (256, 128), "out_dim": 10, "dropout": 0.3},
    "two_classes_10": {"in_dim": 10, "hidden": (64, 32), "out_dim": 2},
}


def mlp_preset(name: str) -> MLP:
    """A perceptron of well-known sizes by name, such as 784-512-256-10 with batch norm for pictures of digits.

    Errors: ``ValueError`` naming the nearest for an unknown preset.
    Use when following a course or comparing with published runs; instead of it, ``MLP``.

    >>> sum(p.numel() for p in mlp_preset("digits_small").parameters())
    109386
    """
    if name not in PRESETS:
        raise unknown("preset", name, PRESETS)
    return MLP(**PRESETS[name])
