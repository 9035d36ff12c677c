"""Quantization of weights to a few bits: rounding afterwards, and training with the rounding in it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from .lora import plain
from .replace import replace_layers


def quantized(weight: Float[Tensor, " o *rest"], bits: int, per_channel: bool = True) -> Float[Tensor, " o *rest"]:
    """The nearest values of a symmetric grid of 2^bits - 1 steps: s round(w / s), s = max |w| / (2^(bits-1) - 1).

    Shapes: weight (out, ...), one grid for each output channel, or one for all -> the same. The gradient is that of the identity (straight through).
    Errors: ``ValueError`` for fewer than 2 bits or more than 16.
    Paper: Jacob et al., 2018, arXiv:1712.05877; the straight-through gradient, Bengio et al., 2013, arXiv:1308.3432.

    >>> quantized(torch.tensor([[1.0, 0.4, -0.1]]), bits=2)
    tensor([[1., 0., 0.]])
    """
    if not 2 <= bits <= 16:
        raise ValueError(f"Quantization to {bits} bits; expected 2 to 16.")
    with torch.no_grad():
        most = weight.abs().flatten(1).amax(1).view(-1, *[1] * (weight.ndim - 1)) if per_channel else weight.abs().amax()
        scale = (most / (2 ** (bits - 1) - 1)).clamp(min=torch.finfo(weight.dtype).tiny)
        rounded = (weight / scale).round() * scale + 0.0  # no negative zeros
    return rounded + (weight - weight.detach())


class FakeQuantizedLinear(nn.Linear):
    """A linear layer that sees its weight rounded to ``bits``, and learns the full-precision weight behind it.

    Shapes: x (..., in) -> (..., out).
    """

    def __init__(self, layer: nn.Linear, bits: int, per_channel: bool):
        nn.Module.__init__(self)  # the layer's weights are taken over, not drawn anew
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.weight, self.bias = layer.weight, layer.bias
        self.bits, self.per_channel = bits, per_channel

    def forward(self, input: Float[Tensor, "*batch i"]) -> Float[Tensor, "*batch o"]:
        return F.linear(input, quantized(self.weight, self.bits, self.per_channel), self.bias)


class FakeQuantizedConv2d(nn.Conv2d):
    """A convolution that sees its kernel rounded to ``bits``, and learns the full-precision kernel behind it.

    Shapes: as the convolution.
    """

    def __init__(self, layer: nn.Conv2d, bits: int, per_channel: bool):
        nn.Module.__init__(self)
        for name in layer.__constants__:
            setattr(self, name, getattr(layer, name))
        self.transposed, self._reversed_padding_repeated_twice = layer.transposed, layer._reversed_padding_repeated_twice
        self.weight, self.bias = layer.weight, layer.bias
        self.bits, self.per_channel = bits, per_channel

    def forward(self, input: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o y x"]:
        return self._conv_forward(input, quantized(self.weight, self.bits, self.per_channel), self.bias)


def fake_quantize(module: nn.Module, bits: int = 8, *, per_channel: bool = True) -> nn.Module:
    """Make linear and convolutional layers compute with weights rounded to ``bits``, so that training learns to live with it.

    Forward: rounded weights; backward: as if they were not (straight through). Works in place and returns the module; state names stay the same.
    Train on, then ``round_weights(module, bits)`` gives plain layers with the same outputs. Activations and biases are left alone.
    Errors: ``ValueError`` for bits outside 2 to 16.
    Paper: Jacob et al., 2018, arXiv:1712.05877. Differs: weights only; the grid follows the largest weight of each step.
    Use when a network must fit into few bits; instead of it, ``round_weights`` alone where 8 bits are enough. Cost: one rounding a pass.

    >>> network = fake_quantize(nn.Linear(2, 1, bias=False), bits=4)
    >>> network(torch.ones(1, 2)).requires_grad
    True
    """
    quantized(torch.zeros(1, 1), bits)

    def make(name: str, layer: nn.Module) -> nn.Module | None:
        if type(layer) is nn.Linear:
            return FakeQuantizedLinear(layer, bits, per_channel)
        return FakeQuantizedConv2d(layer, bits, per_channel) if type(layer) is nn.Conv2d else None

    return replace_layers(module, make)


def round_weights(module: nn.Module, bits: int = 8, *, per_channel: bool = True) -> nn.Module:
    """Round the weights of linear and convolutional layers to ``bits``, once and for all; fake-quantized layers become plain ones.

    Works in place and returns the module. After ``fake_quantize`` with the same bits no output changes.
    Errors: ``ValueError`` for bits outside 2 to 16.
    Paper: Nagel et al., 2021, arXiv:2106.08295 (the baseline: round to nearest).
    Use when 8 bits are enough or training is over; instead of it, ``fake_quantize`` and more training for 4 bits or fewer. Cost: one pass over the
    weights.

    >>> with torch.no_grad():
    ...     round_weights(nn.Linear(50, 1), bits=3).weight.unique().numel() <= 7
    True
    """

    def make(name: str, layer: nn.Module) -> nn.Module | None:
        if not isinstance(layer, nn.Linear | nn.Conv2d):
            return None
        with torch.no_grad():
            # A new parameter: the old one may be tied to a layer that is not rounded, such as an embedding.
            layer.weight = nn.Parameter(quantized(layer.weight, bits, per_channel), requires_grad=layer.weight.requires_grad)
        return plain(layer) if isinstance(layer, FakeQuantizedLinear | FakeQuantizedConv2d) else None

    return replace_layers(module, make)
