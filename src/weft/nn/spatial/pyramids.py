"""Several scales at once: feature pyramids, dilated convolutions side by side and one after another."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from weft._lazy import unknown
from weft.nn.convolution import ConvBlock
from weft.nn.shapes import expect
from weft.nn.spatial.upsampling import resized

EXTRAS = ("pool", "convolution")


class FeaturePyramid(nn.Module):
    """Maps of several sizes, each enriched by the coarser ones: p_l = smooth(lateral(c_l) + enlarged(p'_(l+1))).

    The coarser map is enlarged (nearest) to the very size of the finer one, so sizes need not be halves. ``extra`` adds coarser levels: ``pool`` one
    by taking every second place, ``convolution`` two by 3x3 convolutions of stride 2, the second of the activated first.

    Shapes: maps (B, in_channels[l], H_l, W_l), finest first -> a tuple of (B, out_channels, H_l, W_l), finest first, then the extra ones.
    Errors: ``ValueError`` for another number of maps or channels, or naming the nearest for an unknown ``extra``.
    Papers: Lin et al., 2016, arXiv:1612.03144; the convolutions: Lin et al., 2017, arXiv:1708.02002.
    Use when objects have all sizes (detection, segmentation); instead of it, the backbone's last map. Cost: a 3x3 convolution a level.

    >>> fine, coarse = FeaturePyramid([8, 16], 4)(torch.zeros(1, 8, 13, 9), torch.zeros(1, 16, 7, 5))
    >>> fine.shape, coarse.shape
    (torch.Size([1, 4, 13, 9]), torch.Size([1, 4, 7, 5]))
    """

    def __init__(self, in_channels: Sequence[int], out_channels: int = 256, *, extra: str | None = None, norm: str | None = None) -> None:
        super().__init__()
        if extra is not None and extra not in EXTRAS:
            raise unknown("extra", extra, EXTRAS)
        self.in_channels, self.extra = tuple(in_channels), extra
        self.lateral = nn.ModuleList(ConvBlock(channels, out_channels, 1, norm=norm, activation="identity") for channels in in_channels)
        self.smooth = nn.ModuleList(ConvBlock(out_channels, out_channels, 3, norm=norm, activation="identity") for _ in in_channels)
        coarser = 2 if extra == "convolution" else 0
        self.coarser = nn.ModuleList(ConvBlock(out_channels, out_channels, 3, 2, norm=None, activation="identity") for _ in range(coarser))

    def forward(self, *maps: Float[Tensor, "_ _ _ _"]) -> tuple[Tensor, ...]:
        if len(maps) != len(self.in_channels):
            raise ValueError(f"FeaturePyramid expects {len(self.in_channels)} maps, of {self.in_channels} channels; got {len(maps)}.")
        for level, (found, channels) in enumerate(zip(maps, self.in_channels, strict=True)):
            expect(found, f"B {channels} H W", f"FeaturePyramid (map {level})")
        inner = [lateral(found) for lateral, found in zip(self.lateral, maps, strict=True)]
        for level in range(len(inner) - 2, -1, -1):
            inner[level] = inner[level] + F.interpolate(inner[level + 1], inner[level].shape[2:], mode="nearest")
        levels = [smooth(found) for smooth, found in zip(self.smooth, inner, strict=True)]
        if self.extra == "pool":
            levels.append(levels[-1][:, :, ::2, ::2])
        for number, convolve in enumerate(self.coarser):
            levels.append(convolve(levels[-1].relu() if number else levels[-1]))
        return tuple(levels)


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling: a 1x1 convolution, 3x3 convolutions of several dilations and the mean of all places, joined and mixed.

    Shapes: x (B, in_channels, H, W) -> (B, out_channels, H, W).
    Errors: ``ValueError`` for another number of channels or an unknown norm. In training with ``norm="batch"`` it needs more than one sample, since
    the mean of all places is one value a channel.
    Paper: Chen et al., 2017, arXiv:1706.05587.
    Use when segmentation needs wide surroundings at full resolution; instead of it, ``FeaturePyramid``. Cost: one 3x3 convolution a rate.

    >>> ASPP(8, 4, rates=(1, 2)).eval()(torch.zeros(1, 8, 9, 9)).shape
    torch.Size([1, 4, 9, 9])
    """

    def __init__(
        self, in_channels: int, out_channels: int = 256, *, rates: Sequence[int] = (6, 12, 18), dropout: float = 0.5, norm: str | None = "batch"
    ) -> None:
        super().__init__()
        self.layout = f"B {in_channels} H W"
        self.plain = ConvBlock(in_channels, out_channels, 1, norm=norm)
        self.dilated = nn.ModuleList(ConvBlock(in_channels, out_channels, 3, dilation=rate, norm=norm) for rate in rates)
        self.mean = ConvBlock(in_channels, out_channels, 1, norm=norm)
        self.mix = ConvBlock((2 + len(rates)) * out_channels, out_channels, 1, norm=norm)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h w"]:
        expect(x, self.layout, "ASPP")
        ways = [self.plain(x), *(layer(x) for layer in self.dilated)]
        ways.append(resized(self.mean(x.mean((2, 3), keepdim=True)), (x.shape[2], x.shape[3])))
        return self.drop(self.mix(torch.cat(ways, 1)))


class DilatedStack(nn.Sequential):
    """3x3 convolutions one after another with growing dilation: with 1, 2, 4, … each place sees 2^(n + 1) - 1 places along each axis.

    Shapes: x (B, channels, H, W) -> the same.
    Errors: ``ValueError`` for another number of channels, no dilations, or an unknown norm.
    Paper: Yu and Koltun, 2015, arXiv:1511.07122.
    Use when wide surroundings matter at full resolution; let dilations share no factor from layer to layer where maps show a grid (neighbours that
    never meet); instead of it, ``ASPP``. Cost: one 3x3 convolution a dilation, whatever the dilation.

    >>> DilatedStack(4)(torch.zeros(1, 4, 9, 9)).shape
    torch.Size([1, 4, 9, 9])
    """

    def __init__(self, channels: int, *, dilations: Sequence[int] = (1, 2, 4, 8), norm: str | None = "batch", activation: str = "relu") -> None:
        if not dilations:
            raise ValueError("DilatedStack needs at least one dilation.")
        super().__init__(*(ConvBlock(channels, channels, 3, dilation=dilation, norm=norm, activation=activation) for dilation in dilations))
        self.layout = f"B {channels} H W"

    def forward(self, input: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        expect(input, self.layout, "DilatedStack")
        return super().forward(input)
