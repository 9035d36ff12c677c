"""Convolution blocks."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from weft.nn.activations import activation as make_activation
from weft.nn.norms import image_norm


class ConvBlock(nn.Sequential):
    """Convolution, normalisation, activation: act(norm(W * x)).

    Shapes: x (B, in_channels, H, W) -> (B, out_channels, ceil(H / stride), ceil(W / stride)) for odd kernels.
    The convolution has a bias only when no normalisation follows, since the normalisation would remove it.
    Errors: ``ValueError`` for an even kernel (it cannot be centred) or an unknown norm or activation.
    Use when stacking convolutions; cost kernel^2 * in * out a pixel, divided by ``groups``.

    >>> import torch
    >>> ConvBlock(3, 8, stride=2)(torch.zeros(1, 3, 7, 8)).shape
    torch.Size([1, 8, 4, 4])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 3,
        stride: int = 1,
        *,
        groups: int = 1,
        norm: str | None = "batch",
        activation: str = "relu",
    ) -> None:
        if kernel % 2 == 0:
            raise ValueError(f"ConvBlock needs an odd kernel, so that it can be centred; got {kernel}. Use {kernel + 1} or nn.Conv2d.")
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=norm is None)
        self.norm = image_norm(norm, out_channels)
        self.act = make_activation(activation)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut: relu(x + f(x)).

    The shortcut is the identity, or a 1x1 convolution with normalisation where stride or channels change.

    Shapes: x (B, in_channels, H, W) -> (B, out_channels, ceil(H / stride), ceil(W / stride)).
    Paper: He et al., 2015, arXiv:1512.03385 (basic block).
    Use when a network is deeper than about ten layers; instead of it, ``Bottleneck`` for wide features; cost two 3x3 convolutions.

    >>> import torch
    >>> ResidualBlock(4, 8, stride=2)(torch.zeros(2, 4, 8, 8)).shape
    torch.Size([2, 8, 4, 4])
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, *, norm: str | None = "batch") -> None:
        super().__init__()
        self.first = ConvBlock(in_channels, out_channels, 3, stride, norm=norm)
        self.second = ConvBlock(out_channels, out_channels, norm=norm, activation="identity")
        same = stride == 1 and in_channels == out_channels
        self.shortcut = nn.Identity() if same else ConvBlock(in_channels, out_channels, 1, stride, norm=norm, activation="identity")

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d hh ww"]:
        return (self.shortcut(x) + self.second(self.first(x))).relu()


class Bottleneck(nn.Module):
    """A 3x3 convolution between two 1x1 ones, four times narrower, around a shortcut: relu(x + f(x)).

    Shapes: x (B, in_channels, H, W) -> (B, out_channels, ceil(H / stride), ceil(W / stride)).
    Paper: He et al., 2015, arXiv:1512.03385. Differs: the stride is in the 3x3 convolution ("v1.5"), as every public set of weights has it.
    Use when features are wide (256 channels or more); instead of it, ``ResidualBlock``.

    >>> import torch
    >>> Bottleneck(16, 32, stride=2)(torch.zeros(2, 16, 8, 8)).shape
    torch.Size([2, 32, 4, 4])
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, *, norm: str | None = "batch") -> None:
        super().__init__()
        narrow = out_channels // 4
        self.first = ConvBlock(in_channels, narrow, 1, norm=norm)
        self.second = ConvBlock(narrow, narrow, 3, stride, norm=norm)
        self.third = ConvBlock(narrow, out_channels, 1, norm=norm, activation="identity")
        same = stride == 1 and in_channels == out_channels
        self.shortcut = nn.Identity() if same else ConvBlock(in_channels, out_channels, 1, stride, norm=norm, activation="identity")

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d hh ww"]:
        return (self.shortcut(x) + self.third(self.second(self.first(x)))).relu()
