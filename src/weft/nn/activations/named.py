"""Activations by name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from weft._lazy import hint, unknown
from weft.nn.activations.learned import Bounded, MixedActivation, MonotoneLinear, PiecewiseLinear, Rational, SoftThreshold, Swish
from weft.nn.activations.sine import Sine

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "prelu": nn.PReLU,
    "rrelu": nn.RReLU,
    "relu6": nn.ReLU6,
    "elu": nn.ELU,
    "celu": nn.CELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "swish": Swish,
    "mish": nn.Mish,
    "hardswish": nn.Hardswish,
    "tanh": nn.Tanh,
    "hardtanh": nn.Hardtanh,
    "sigmoid": nn.Sigmoid,
    "log_sigmoid": nn.LogSigmoid,
    "hardsigmoid": nn.Hardsigmoid,
    "softplus": nn.Softplus,
    "softsign": nn.Softsign,
    "threshold": nn.Threshold,
    "hardshrink": nn.Hardshrink,
    "softshrink": nn.Softshrink,
    "tanhshrink": nn.Tanhshrink,
    "softmax": nn.Softmax,
    "log_softmax": nn.LogSoftmax,
    "softmin": nn.Softmin,
    "softmax2d": nn.Softmax2d,
    "glu": nn.GLU,
    "sine": Sine,
    "bounded": Bounded,
    "soft_threshold": SoftThreshold,
    "piecewise_linear": PiecewiseLinear,
    "monotone_linear": MonotoneLinear,
    "rational": Rational,
    "mixed": MixedActivation,
    "identity": nn.Identity,
}
ACROSS = {"softmax", "log_softmax", "softmin", "softmax2d", "glu"}  # these couple the elements of a dimension; the others take each alone
NEEDS = {"softmax": ("dim",), "log_softmax": ("dim",), "softmin": ("dim",), "threshold": ("threshold", "value"), "mixed": ("activations",)}


def activation(name: str, options: Mapping[str, Any] | None = None) -> nn.Module:
    """Make the activation called ``name`` with its own ``options``.

    Element by element: relu, leaky_relu (negative_slope 0.01), prelu (num_parameters 1 or one a channel), rrelu, relu6, elu (alpha 1), celu, selu,
    gelu (approximate "none" or "tanh"), silu, swish (beta 1, learnable), mish, hardswish, tanh, hardtanh, sigmoid, log_sigmoid, hardsigmoid,
    softplus, softsign, threshold, hardshrink, softshrink, tanhshrink, sine, bounded, soft_threshold, piecewise_linear, monotone_linear, rational,
    mixed, identity. Along a dimension, which ``dim`` must name: softmax, log_softmax, softmin; glu (the last unless told); softmax2d (channels).
    ``inplace=True`` exists for those whose gradient needs only the output, and is refused for the others.

    Shapes: as the activation has them; ``glu`` halves its dimension.
    Errors: ``ValueError`` naming the nearest for an unknown name or option, and for an option that has no default and was not given.
    Use when a network takes its activation from a spec; instead of it, pass a module where code builds code. ``recommend`` says which to take.

    >>> activation("relu")
    ReLU()
    >>> activation("leaky_relu", {"negative_slope": 0.2})
    LeakyReLU(negative_slope=0.2)
    >>> activation("siluu")
    Traceback (most recent call last):
    ...
    ValueError: Unknown activation 'siluu'. Did you mean 'silu' or 'selu'?
    """
    if name not in ACTIVATIONS:
        raise unknown("activation", name, ACTIVATIONS)
    kind, options = ACTIVATIONS[name], dict(options or {})
    known = [] if kind is nn.Identity else list(inspect.signature(kind).parameters)
    for option in options:
        if option not in known:
            raise ValueError(f"Activation {name!r} has no option {option!r}. {hint(option, known)}")
    missing = [option for option in NEEDS.get(name, ()) if option not in options]
    if missing:
        raise ValueError(f"Activation {name!r} needs {' and '.join(missing)}: activation({name!r}, {{{', '.join(f'{m!r}: …' for m in missing)}}}).")
    return kind(**options)


class Activation(nn.Module):
    """An activation that can be exchanged while the network stands: x -> f_name(x).

    Shapes: as the activation has them. ``switch`` replaces it; what the old one had learned goes with it, so give the optimizer the new parameters.
    Errors: those of ``activation``.
    Use when activations are compared or annealed within one network; instead of it, ``activation`` where the choice is made once.
    Cost: that of the activation.

    >>> import torch
    >>> act = Activation("relu")
    >>> act.switch("leaky_relu", {"negative_slope": 0.5})(torch.tensor([-2.0]))
    tensor([-1.])
    """

    def __init__(self, name: str, options: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.switch(name, options)

    def switch(self, name: str, options: Mapping[str, Any] | None = None) -> Activation:
        """Become another activation, on the device and in the type of the old one's parameters; return self."""
        like = next(self.parameters(), None)
        made = activation(name, options).train(self.training)
        self.act, self.name = (made if like is None else made.to(like)), name
        return self

    def forward(self, x: Float[Tensor, " *shape"]) -> Float[Tensor, " *result"]:
        return self.act(x)

    def extra_repr(self) -> str:
        return f"{self.name!r}"
