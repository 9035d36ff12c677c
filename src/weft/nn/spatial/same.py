"""Convolutions that pad by themselves: same size for any kernel, causal, depthwise separable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from weft.nn.activations.named import activation as make_activation
from weft.nn.norms.named import norm_layer
from weft.nn.shapes import expect

PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]


def same_padding(size: int, kernel: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """How much to pad before and after so that ceil(size / stride) places come out; the odd one goes after.

    >>> same_padding(8, 3), same_padding(8, 4), same_padding(8, 3, stride=2)
    ((1, 1), (1, 2), (0, 1))
    """
    total = max((-(-size // stride) - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)
    return total // 2, total - total // 2


def padded(x: Tensor, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int], mode: str) -> Tensor:
    """``x`` with ``same_padding`` along each dimension after the channels."""
    pads: list[int] = []
    for size, k, s, d in reversed(list(zip(x.shape[2:], kernel, stride, dilation, strict=True))):      # torch pads the last dimension first
        pads += same_padding(size, k, s, d)
    if not any(pads):
        return x
    return F.pad(x, pads, "constant" if mode == "zeros" else mode)


class SameConv1d(nn.Conv1d):
    """A convolution over a series that gives ceil(T / stride) places for any kernel, stride and dilation.

    Shapes: x (B, in_channels, T) -> (B, out_channels, ceil(T / stride)). ``padding_mode``: zeros, reflect, replicate, circular.
    Errors: ``ValueError`` for another number of channels.
    Use when even kernels or strides must keep sizes simple; instead of it, ``nn.Conv1d(padding="same")`` at stride 1, ``CausalConv1d`` where the
    future must not be seen.

    >>> import torch
    >>> SameConv1d(2, 4, 4, stride=3)(torch.zeros(1, 2, 10)).shape
    torch.Size([1, 4, 4])
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1, *, dilation: int = 1, groups: int = 1, bias: bool = True,
        padding_mode: PaddingMode = "zeros",
    ) -> None:  # fmt: skip
        super().__init__(in_channels, out_channels, kernel, stride, 0, dilation, groups, bias, padding_mode)

    def padded_before(self, axis: int) -> int:
        return self.dilation[axis] * (self.kernel_size[axis] - 1) // 2

    def forward(self, input: Float[Tensor, "b i t"]) -> Float[Tensor, "b o s"]:
        expect(input, f"B {self.in_channels} T", "SameConv1d")
        x = padded(input, self.kernel_size, self.stride, self.dilation, self.padding_mode)
        return F.conv1d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


class SameConv2d(nn.Conv2d):
    """A convolution over a picture that gives ceil(size / stride) places for any kernel, odd or even, stride and dilation.

    Shapes: x (B, in_channels, H, W) -> (B, out_channels, ceil(H / stride), ceil(W / stride)). ``padding_mode``: zeros, reflect, replicate, circular.
    At stride 2 it pads after, as TensorFlow does, where a fixed padding would be on both sides: weights of its networks need this layer.
    Errors: ``ValueError`` for another number of channels.
    Use when even kernels or strides must keep sizes simple; instead of it, ``nn.Conv2d(padding="same")`` at stride 1.

    >>> import torch
    >>> SameConv2d(3, 4, 2, stride=2, padding_mode="reflect")(torch.zeros(1, 3, 7, 8)).shape
    torch.Size([1, 4, 4, 4])
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1, *, dilation: int = 1, groups: int = 1, bias: bool = True,
        padding_mode: PaddingMode = "zeros",
    ) -> None:  # fmt: skip
        super().__init__(in_channels, out_channels, kernel, stride, 0, dilation, groups, bias, padding_mode)

    def padded_before(self, axis: int) -> int:
        return self.dilation[axis] * (self.kernel_size[axis] - 1) // 2

    def forward(self, input: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o hh ww"]:
        expect(input, f"B {self.in_channels} H W", "SameConv2d")
        x = padded(input, self.kernel_size, self.stride, self.dilation, self.padding_mode)
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


class SameConv3d(nn.Conv3d):
    """A convolution over a volume that gives ceil(size / stride) places for any kernel, stride and dilation.

    Shapes: x (B, in_channels, D, H, W) -> (B, out_channels, ceil(D / stride), ceil(H / stride), ceil(W / stride)).
    ``padding_mode``: zeros, replicate, circular, reflect.
    Errors: ``ValueError`` for another number of channels.
    Use when even kernels or strides must keep sizes simple; instead of it, ``nn.Conv3d(padding="same")`` at stride 1.

    >>> import torch
    >>> SameConv3d(1, 2, 2)(torch.zeros(1, 1, 3, 4, 5)).shape
    torch.Size([1, 2, 3, 4, 5])
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1, *, dilation: int = 1, groups: int = 1, bias: bool = True,
        padding_mode: PaddingMode = "zeros",
    ) -> None:  # fmt: skip
        super().__init__(in_channels, out_channels, kernel, stride, 0, dilation, groups, bias, padding_mode)

    def padded_before(self, axis: int) -> int:
        return self.dilation[axis] * (self.kernel_size[axis] - 1) // 2

    def forward(self, input: Float[Tensor, "b i d h w"]) -> Float[Tensor, "b o dd hh ww"]:
        expect(input, f"B {self.in_channels} D H W", "SameConv3d")
        x = padded(input, self.kernel_size, self.stride, self.dilation, self.padding_mode)
        return F.conv3d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


class CausalConv1d(nn.Conv1d):
    """A convolution over a series whose output at t sees the input up to t * stride and nothing later.

    Shapes: x (B, in_channels, T) -> (B, out_channels, ceil(T / stride)). Zeros stand before the beginning.
    Errors: ``ValueError`` for another number of channels.
    Paper: van den Oord et al., 2016, arXiv:1609.03499.
    Use when the future must not leak (forecasting, streaming, generation); instead of it, ``SameConv1d`` where both sides may be seen.

    >>> import torch
    >>> CausalConv1d(2, 4, 3, dilation=4)(torch.zeros(1, 2, 10)).shape
    torch.Size([1, 4, 10])
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1, *, dilation: int = 1, groups: int = 1, bias: bool = True
    ) -> None:
        super().__init__(in_channels, out_channels, kernel, stride, 0, dilation, groups, bias)

    def padded_before(self, axis: int) -> int:
        return self.dilation[axis] * (self.kernel_size[axis] - 1)

    def forward(self, input: Float[Tensor, "b i t"]) -> Float[Tensor, "b o s"]:
        expect(input, f"B {self.in_channels} T", "CausalConv1d")
        x = F.pad(input, (self.padded_before(0), 0))
        return F.conv1d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


SAME = {1: SameConv1d, 2: SameConv2d, 3: SameConv3d}


class DepthwiseSeparableConv(nn.Sequential):
    """A convolution of each channel by itself, then a 1x1 convolution across channels, each with norm and activation.

    Shapes: x (B, in_channels, ...) with ``ndim`` dimensions after the channels -> (B, out_channels, ceil(size / stride) ...), for any kernel.
    Errors: ``ValueError`` for another number of channels, ``ndim`` other than 1, 2, 3, or an unknown norm or activation.
    Paper: Howard et al., 2017, arXiv:1704.04861.
    Use when weights or arithmetic are scarce; instead of it, ``ConvBlock``. Cost: kernel^ndim * in + in * out weights, not kernel^ndim * in * out;
    biases only where no norm follows.

    >>> import torch
    >>> layer = DepthwiseSeparableConv(8, 16, 5, norm=None)
    >>> layer(torch.zeros(1, 8, 6, 6)).shape, layer.depthwise.weight.numel() + layer.pointwise.weight.numel() == 25 * 8 + 8 * 16
    (torch.Size([1, 16, 6, 6]), True)
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1, *, dilation: int = 1, norm: str | None = "batch",
        activation: str = "relu", ndim: int = 2,
    ) -> None:  # fmt: skip
        if ndim not in SAME:
            raise ValueError(f"DepthwiseSeparableConv has 1, 2 or 3 dimensions after the channels; got ndim={ndim}.")
        super().__init__()
        self.depthwise = SAME[ndim](in_channels, in_channels, kernel, stride, dilation=dilation, groups=in_channels, bias=norm is None)
        self.depthwise_norm = norm_layer(norm, in_channels, ndim)
        self.depthwise_act = make_activation(activation)
        self.pointwise = SAME[ndim](in_channels, out_channels, 1, bias=norm is None)
        self.pointwise_norm = norm_layer(norm, out_channels, ndim)
        self.pointwise_act = make_activation(activation)
