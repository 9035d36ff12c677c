"""Convolution blocks."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from weft.nn.activations.named import activation as make_activation
from weft.nn.norms.named import image_norm, norm_layer
from weft.nn.regularise.dropout import dropout as make_dropout
from weft.nn.regularise.dropping import DropPath
from weft.nn.shapes import expect
from weft.nn.spatial.same import SameConv2d


class ConvBlock(nn.Sequential):
    """Convolution, normalisation, activation: act(norm(W * x)).

    Shapes: x (B, in_channels, H, W) -> (B, out_channels, ceil(H / stride), ceil(W / stride)), for any kernel and dilation; an even kernel cannot be
    centred and is padded by one more place after than before.
    The convolution has a bias only when no normalisation follows, since the normalisation would remove it.
    Errors: ``ValueError`` for another number of channels, or an unknown norm or activation.
    Use when stacking convolutions; instead of it, ``ConvNormAct`` around any other convolution (another padding, transposed, 1-D, 3-D).
    Cost: kernel^2 * in * out a pixel, divided by ``groups``.

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
        dilation: int = 1,
        groups: int = 1,
        norm: str | None = "batch",
        activation: str = "relu",
    ) -> None:
        super().__init__()
        self.layout = f"B {in_channels} H W"
        if kernel % 2:
            padding = dilation * (kernel - 1) // 2
            self.conv: nn.Module = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, dilation, groups, bias=norm is None)
        else:
            self.conv = SameConv2d(in_channels, out_channels, kernel, stride, dilation=dilation, groups=groups, bias=norm is None)
        self.norm = image_norm(norm, out_channels)
        self.act = make_activation(activation)

    def forward(self, input: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o hh ww"]:
        expect(input, self.layout, "ConvBlock")
        return super().forward(input)


class ConvNormAct(nn.Sequential):
    """Any convolution with normalisation, activation and dropout around it, in either order.

    ``order`` "conv-norm-act" is act(norm(conv(x))), "norm-act-conv" (pre-activation) conv(act(norm(x))); ``dropout`` of whole channels comes last.
    The convolution, which is taken as it is (1-D to 3-D, transposed, of any padding), loses its bias when a norm follows it.

    Shapes: those of the convolution.
    Errors: ``ValueError`` for an order that is neither, an unknown norm or activation, or a dropout outside [0, 1].
    Paper: pre-activation: He et al., 2016, arXiv:1603.05027.
    Use when ``ConvBlock`` has not the convolution that is wanted; cost: that of the convolution.

    >>> import torch
    >>> ConvNormAct(nn.Conv2d(64, 128, 3), dropout=0.2)(torch.zeros(2, 64, 8, 8)).shape
    torch.Size([2, 128, 6, 6])
    """

    def __init__(
        self, conv: nn.Module, *, norm: str | None = "batch", activation: str = "relu", dropout: float = 0.0, order: str = "conv-norm-act",
        inplace: bool = False,
    ) -> None:  # fmt: skip
        if order not in ("conv-norm-act", "norm-act-conv"):
            raise ValueError(f"The order of a ConvNormAct is 'conv-norm-act' or 'norm-act-conv'; got {order!r}.")
        super().__init__()
        first = order == "conv-norm-act"
        weight, channels = conv.get_parameter("weight"), getattr(conv, "out_channels" if first else "in_channels")
        parts = {
            "norm": norm_layer(norm, channels, weight.ndim - 2),
            "act": make_activation(activation, {"inplace": True} if inplace else None),
        }
        if first and norm is not None:
            conv.register_parameter("bias", None)
        self.layout = f"B {conv.in_channels} ..."
        for name, part in ({"conv": conv} | parts if first else parts | {"conv": conv}).items():
            self.add_module(name, part)
        if dropout:
            self.drop = make_dropout(f"channels_{weight.ndim - 2}d", dropout)

    def forward(self, input: Float[Tensor, "b i *places"]) -> Float[Tensor, "b o *others"]:
        expect(input, self.layout, "ConvNormAct")
        return super().forward(input)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut: relu(x + f(x)); with ``pre_activation`` x + f(x), norm and activation before each convolution.

    The shortcut is the identity, or a 1x1 convolution with normalisation where stride or channels change (before activation: a 1x1 convolution of
    the activated input). ``zero_init`` begins f at 0, ``drop_path`` leaves f out of a sample with that probability while learning.

    Shapes: x (B, in_channels, H, W) -> (B, out_channels, ceil(H / stride), ceil(W / stride)).
    Errors: ``ValueError`` for another number of channels, or ``zero_init`` without a norm.
    Papers: He et al., 2015, arXiv:1512.03385 (basic block); 2016, arXiv:1603.05027 (pre-activation); Goyal et al., 2017, arXiv:1706.02677 (zero).
    Use when a network is deeper than about ten layers; instead of it, ``Bottleneck`` for wide features; cost two 3x3 convolutions.

    >>> import torch
    >>> ResidualBlock(4, 8, stride=2)(torch.zeros(2, 4, 8, 8)).shape
    torch.Size([2, 8, 4, 4])
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int = 1, *, norm: str | None = "batch", pre_activation: bool = False,
        zero_init: bool = False, drop_path: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.layout, self.pre_activation = f"B {in_channels} H W", pre_activation
        same = stride == 1 and in_channels == out_channels
        if pre_activation:
            order = "norm-act-conv"
            self.first: nn.Module = ConvNormAct(nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False), norm=norm, order=order)
            self.second: nn.Module = ConvNormAct(nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False), norm=norm, order=order)
            self.shortcut: nn.Module = nn.Identity() if same else nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
        else:
            self.first = ConvBlock(in_channels, out_channels, 3, stride, norm=norm)
            self.second = ConvBlock(out_channels, out_channels, norm=norm, activation="identity")
            self.shortcut = nn.Identity() if same else ConvBlock(in_channels, out_channels, 1, stride, norm=norm, activation="identity")
        self.drop_path = DropPath(drop_path)
        if zero_init:
            begin_at_zero(self.second, pre_activation)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d hh ww"]:
        expect(x, self.layout, "ResidualBlock")
        if not self.pre_activation:
            return (self.shortcut(x) + self.drop_path(self.second(self.first(x)))).relu()
        assert isinstance(self.first, nn.Sequential)
        ready = self.first[1](self.first[0](x))                         # norm and activation, which the shortcut shares
        around = x if isinstance(self.shortcut, nn.Identity) else self.shortcut(ready)
        return around + self.drop_path(self.second(self.first[2](ready)))


def begin_at_zero(last: nn.Module, pre_activation: bool) -> None:
    """Let a residual branch begin at 0: its last norm's weight, or before activation its last convolution's."""
    part = last.get_submodule("conv" if pre_activation else "norm")
    weight = getattr(part, "weight", None)
    if weight is None:
        raise ValueError("zero_init sets the weight of the branch's last norm to 0; this one has no norm with a weight. Use norm='batch' or 'group'.")
    nn.init.zeros_(weight)


class Bottleneck(nn.Module):
    """A 3x3 convolution between two 1x1 ones, four times narrower, around a shortcut: relu(x + f(x)).

    ``zero_init`` begins f at 0, ``drop_path`` leaves f out of a sample with that probability while learning.

    Shapes: x (B, in_channels, H, W) -> (B, out_channels, ceil(H / stride), ceil(W / stride)).
    Errors: ``ValueError`` for another number of channels, or ``zero_init`` without a norm.
    Paper: He et al., 2015, arXiv:1512.03385. Differs: the stride is in the 3x3 convolution ("v1.5"), as every public set of weights has it.
    Use when features are wide (256 channels or more); instead of it, ``ResidualBlock``.

    >>> import torch
    >>> Bottleneck(16, 32, stride=2)(torch.zeros(2, 16, 8, 8)).shape
    torch.Size([2, 32, 4, 4])
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int = 1, *, norm: str | None = "batch", groups: int = 1, zero_init: bool = False,
        drop_path: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.layout = f"B {in_channels} H W"
        narrow = out_channels // 4
        self.first = ConvBlock(in_channels, narrow, 1, norm=norm)
        self.second = ConvBlock(narrow, narrow, 3, stride, groups=groups, norm=norm)
        self.third = ConvBlock(narrow, out_channels, 1, norm=norm, activation="identity")
        same = stride == 1 and in_channels == out_channels
        self.shortcut = nn.Identity() if same else ConvBlock(in_channels, out_channels, 1, stride, norm=norm, activation="identity")
        self.drop_path = DropPath(drop_path)
        if zero_init:
            begin_at_zero(self.third, False)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d hh ww"]:
        expect(x, self.layout, "Bottleneck")
        return (self.shortcut(x) + self.drop_path(self.third(self.second(self.first(x))))).relu()
