"""Activations by name."""

from __future__ import annotations

from torch import nn

from weft._lazy import unknown

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
    "identity": nn.Identity,
}


def activation(name: str) -> nn.Module:
    """Make the activation called ``name``.

    Errors: ``ValueError`` naming the nearest activations for an unknown name.
    Use when a network takes its activation from a spec; instead of it, pass a module where code builds code.

    >>> activation("relu")
    ReLU()
    >>> activation("siluu")
    Traceback (most recent call last):
    ...
    ValueError: Unknown activation 'siluu'. Did you mean 'silu' or 'selu'?
    """
    if name not in ACTIVATIONS:
        raise unknown("activation", name, ACTIVATIONS)
    return ACTIVATIONS[name]()
