"""Blocks with several ways through: Inception, dense blocks."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from weft.nn.convolution import ConvBlock, ConvNormAct
from weft.nn.shapes import expect


class InceptionModule(nn.Module):
    """Four ways side by side, joined over channels: 1x1; 1x1 then 3x3; 1x1 then 5x5; pooling then 1x1.

    ``three`` and ``five`` are (channels of the 1x1, channels of the larger convolution). ``kernel`` of the third way: 5 as in the paper, 3 as in
    torchvision's GoogLeNet.

    Shapes: x (B, in_channels, H, W) -> (B, plain + three[1] + five[1] + pooled, H, W).
    Errors: ``ValueError`` for another number of channels or an unknown norm.
    Paper: Szegedy et al., 2014, arXiv:1409.4842. Differs: with batch norm (Ioffe and Szegedy, 2015), unless ``norm=None``.
    Use when structure has several sizes; instead of it, ``ResidualBlock``, which is simpler and learns as well. Cost: the sum of the ways.

    >>> InceptionModule(16, 8, (4, 8), (2, 4), 4)(torch.zeros(1, 16, 7, 7)).shape
    torch.Size([1, 24, 7, 7])
    """

    def __init__(
        self, in_channels: int, plain: int, three: tuple[int, int], five: tuple[int, int], pooled: int, *, kernel: int = 5,
        norm: str | None = "batch",
    ) -> None:  # fmt: skip
        super().__init__()
        self.layout = f"B {in_channels} H W"
        self.plain = ConvBlock(in_channels, plain, 1, norm=norm)
        self.three = nn.Sequential(ConvBlock(in_channels, three[0], 1, norm=norm), ConvBlock(*three, 3, norm=norm))
        self.five = nn.Sequential(ConvBlock(in_channels, five[0], 1, norm=norm), ConvBlock(*five, kernel, norm=norm))
        self.pooled = nn.Sequential(nn.MaxPool2d(3, 1, 1), ConvBlock(in_channels, pooled, 1, norm=norm))

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h w"]:
        expect(x, self.layout, "InceptionModule")
        return torch.cat([self.plain(x), self.three(x), self.five(x), self.pooled(x)], 1)


def channel_shuffle(groups: int) -> nn.Module:
    """Make torch's channel shuffle: channel g * n + i goes to i * groups + g, so that the next grouped convolution sees every group.

    Shapes: x (B, C, ...) -> the same; ``groups`` must divide C. Shuffling with C / groups undoes it.
    Errors: ``ValueError`` for fewer than one group; torch's ``RuntimeError`` when groups do not divide the channels.
    Paper: Zhang et al., 2017, arXiv:1707.01083.
    Use when grouped convolutions follow each other; instead of it, a 1x1 convolution, which mixes more and costs more. Cost: a copy.

    >>> channel_shuffle(2)(torch.arange(6.0).reshape(1, 6, 1, 1)).flatten().tolist()
    [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]
    """
    if groups < 1:
        raise ValueError(f"channel_shuffle needs at least one group; got {groups}.")
    return nn.ChannelShuffle(groups)


class DenseBlock(nn.Module):
    """Layers that each see all before them: x_l = f_l([x_0, x_1, …, x_(l-1)]), each adding ``growth`` channels.

    f is norm, ReLU, 1x1 convolution to ``bottleneck`` * growth, norm, ReLU, 3x3 convolution.

    Shapes: x (B, in_channels, H, W) -> (B, in_channels + depth * growth, H, W).
    Errors: ``ValueError`` for another number of channels or an unknown norm.
    Paper: Huang et al., 2016, arXiv:1608.06993.
    Use when weights are few and features should be used again; instead of it, ``ResidualBlock``, which needs less memory.
    Cost: memory grows with depth^2.

    >>> DenseBlock(8, depth=3, growth=4)(torch.zeros(1, 8, 5, 5)).shape
    torch.Size([1, 20, 5, 5])
    """

    def __init__(
        self, in_channels: int, depth: int, growth: int = 32, *, bottleneck: int = 4, dropout: float = 0.0, norm: str | None = "batch"
    ) -> None:
        super().__init__()
        self.layout = f"B {in_channels} H W"
        hidden, order = bottleneck * growth, "norm-act-conv"
        self.layers = nn.ModuleList(
            nn.Sequential(
                ConvNormAct(nn.Conv2d(in_channels + layer * growth, hidden, 1, bias=False), norm=norm, order=order),
                ConvNormAct(nn.Conv2d(hidden, growth, 3, padding=1, bias=False), norm=norm, order=order, dropout=dropout),
            )
            for layer in range(depth)
        )

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h w"]:
        expect(x, self.layout, "DenseBlock")
        found = [x]
        for layer in self.layers:
            found.append(layer(torch.cat(found, 1)))
        return torch.cat(found, 1)


class DenseTransition(nn.Sequential):
    """What stands between dense blocks: norm, ReLU, 1x1 convolution to fewer channels, average pooling to half the size.

    Shapes: x (B, in_channels, H, W) -> (B, out_channels, H // 2, W // 2).
    Errors: ``ValueError`` for an unknown norm.
    Paper: Huang et al., 2016, arXiv:1608.06993 (there out = in / 2).
    Use when the channels that dense blocks pile up must shrink; cost: one 1x1 convolution.

    >>> DenseTransition(8, 4)(torch.zeros(1, 8, 6, 6)).shape
    torch.Size([1, 4, 3, 3])
    """

    def __init__(self, in_channels: int, out_channels: int, *, norm: str | None = "batch") -> None:
        super().__init__()
        self.layout = f"B {in_channels} H W"
        self.reduce = ConvNormAct(nn.Conv2d(in_channels, out_channels, 1, bias=False), norm=norm, order="norm-act-conv")
        self.pool = nn.AvgPool2d(2)

    def forward(self, input: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o hh ww"]:
        expect(input, self.layout, "DenseTransition")
        return super().forward(input)
