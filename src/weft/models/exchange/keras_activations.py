"""Keras' activation functions, by Keras' names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from weft._lazy import unknown

Function = Callable[[Tensor], Tensor]


def old_hard_sigmoid(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """max(0, min(1, x / 5 + 1/2)): the hard sigmoid of Keras before 3; since then it is relu6(x + 3) / 6, as torch's."""
    return (0.2 * x + 0.5).clamp(0, 1)


def sparse_plus(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """0 below -1, x above 1, (x + 1)^2 / 4 between."""
    return torch.where(x <= -1, 0.0, torch.where(x < 1, (x + 1) ** 2 / 4, x))


FUNCTIONS: dict[str, Function] = {
    "linear": lambda x: x,
    "relu": F.relu,
    "relu6": F.relu6,
    "leaky_relu": partial(F.leaky_relu, negative_slope=0.2),
    "elu": F.elu,
    "selu": F.selu,
    "celu": F.celu,
    "gelu": F.gelu,
    "silu": F.silu,
    "swish": F.silu,
    "mish": F.mish,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "hard_sigmoid": F.hardsigmoid,
    "hard_silu": F.hardswish,
    "hard_swish": F.hardswish,
    "hard_tanh": F.hardtanh,
    "hard_shrink": F.hardshrink,
    "soft_shrink": F.softshrink,
    "tanh_shrink": F.tanhshrink,
    "log_sigmoid": F.logsigmoid,
    "softplus": F.softplus,
    "softsign": F.softsign,
    "sparse_plus": sparse_plus,
    "squareplus": lambda x: (x + (x.square() + 4).sqrt()) / 2,
    "exponential": torch.exp,
    "softmax": partial(F.softmax, dim=-1),
    "log_softmax": partial(F.log_softmax, dim=-1),
    "glu": partial(F.glu, dim=-1),
}


def keras_activation(value: str | Mapping[str, Any] | None, *, before_3: bool = False) -> Function:
    """The function of an activation as Keras writes it down: a name, None, or a description of a function.

    Errors: ``ValueError`` naming the nearest for one that is unknown: Python code is never taken from a file.
    Source: keras.io/api/layers/activations.

    >>> keras_activation("hard_sigmoid")(torch.tensor([0.0]))
    tensor([0.5000])
    """
    if isinstance(value, Mapping):
        inner = value.get("config")
        value = inner if isinstance(inner, str) else str(value.get("class_name"))
    name = str(value or "linear")
    if name not in FUNCTIONS:
        raise unknown("Keras activation", name, FUNCTIONS)
    return old_hard_sigmoid if before_3 and name == "hard_sigmoid" else FUNCTIONS[name]
