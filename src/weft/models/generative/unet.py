"""A U-Net that knows the time: the network of diffusion."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from weft.nn.attention import Attention
from weft.nn.positions import TimeEmbedding
from weft.nn.shapes import expect


def groups(channels: int) -> nn.GroupNorm:
    """Group normalisation with 8 groups, or as many as divide the channels."""
    return nn.GroupNorm(math.gcd(8, channels), channels)


def silence(layer: nn.Conv2d | nn.Linear) -> None:
    """Set weights and bias to zero: the layer begins by adding nothing."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


class TimedBlock(nn.Module):
    """A residual block whose middle is scaled and shifted by the time: x + conv(silu(norm(conv(silu(norm(x)))) * (1 + s(t)) + b(t))).

    Shapes: x (B, in_channels, H, W), time (B, time_dim) -> (B, out_channels, H, W).
    """

    def __init__(self, in_channels: int, out_channels: int, time_dim: int, dropout: float) -> None:
        super().__init__()
        self.norm1, self.norm2 = groups(in_channels), groups(out_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.time = nn.Linear(time_dim, 2 * out_channels)
        self.shortcut = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)
        self.dropout = nn.Dropout(dropout)
        silence(self.conv2)                                 # each block begins as its shortcut, so that depth costs no stability

    def forward(self, x: Float[Tensor, "b c h w"], time: Float[Tensor, "b t"]) -> Float[Tensor, "b d h w"]:
        scale, shift = self.time(F.silu(time))[:, :, None, None].chunk(2, dim=1)
        hidden = self.norm2(self.conv1(F.silu(self.norm1(x)))) * (1 + scale) + shift
        return self.shortcut(x) + self.conv2(self.dropout(F.silu(hidden)))


class PixelAttention(nn.Module):
    """Self-attention among the pixels of a small feature map, beside a shortcut.

    Shapes: x (B, C, H, W) -> (B, C, H, W). Cost O((H W)^2 C).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = groups(channels)
        self.attention = Attention(channels, math.gcd(4, channels), bias=True)
        silence(self.attention.out)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        tokens = self.norm(x).flatten(2).transpose(1, 2)
        return x + self.attention(tokens).transpose(1, 2).unflatten(2, x.shape[2:])


class UNet(nn.Module):
    """Down and up again, each level joined across by a shortcut, every block told the time and, if there are classes, the class.

    Shapes: input (B, in_channels, H, W), time (B,) in steps (about 0 to 1000, whole or not), label (B,) class indices or None
    -> (B, in_channels, H, W): noise, clean picture or velocity, as the method takes it. Any H and W.
    Class ``num_classes`` (one beyond the last) means "no class", for guidance without a classifier; ``label=None`` means it for all.
    Errors: ``ValueError`` when the input has another number of dimensions or channels, or a label comes to a network without classes.
    Paper: Ho et al., 2020, arXiv:2006.11239; scale and shift by time, Dhariwal and Nichol, 2021, arXiv:2105.05233. Differs: attention
    at the coarsest level only, one block a level going down, and one going up.
    Use for diffusion of pictures of 8 to 64 pixels. Cost: about 0.7 million weights at width 32 and multipliers (1, 2, 2).

    >>> UNet(1, width=8)(torch.randn(2, 1, 8, 8), torch.tensor([0, 999])).shape
    torch.Size([2, 1, 8, 8])
    """

    def __init__(
        self, in_channels: int, *, width: int = 32, multipliers: Sequence[int] = (1, 2, 2), num_classes: int = 0, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.in_channels, self.num_classes = in_channels, num_classes
        time_dim = 4 * width
        self.time = TimeEmbedding(time_dim)
        self.label = nn.Embedding(num_classes + 1, time_dim) if num_classes else None
        widths = [width * m for m in multipliers]
        self.stem = nn.Conv2d(in_channels, width, 3, padding=1)
        self.down = nn.ModuleList(TimedBlock(a, b, time_dim, dropout) for a, b in zip([width, *widths], widths))
        self.shrink = nn.ModuleList(nn.Conv2d(c, c, 3, stride=2, padding=1) for c in widths[:-1])
        self.middle = TimedBlock(widths[-1], widths[-1], time_dim, dropout)
        self.attention = PixelAttention(widths[-1])
        backwards = list(reversed(widths))
        self.up = nn.ModuleList(TimedBlock(a + b, b, time_dim, dropout) for a, b in zip([backwards[0], *backwards], backwards))
        self.norm = groups(width * multipliers[0])
        self.out = nn.Conv2d(width * multipliers[0], in_channels, 3, padding=1)
        silence(self.out)                                   # the first guess is zero: the mean of noise

    def forward(
        self, input: Float[Tensor, "b c h w"], time: Shaped[Tensor, " b"], label: Int[Tensor, " b"] | None = None
    ) -> Float[Tensor, "b c h w"]:
        expect(input, f"B {self.in_channels} H W", "UNet")
        if label is not None and self.label is None:
            raise ValueError("This UNet has no classes, but labels came; make it with num_classes.")
        when = self.time(time.float())
        if self.label is not None:
            when = when + self.label(torch.full_like(time, self.num_classes, dtype=torch.long) if label is None else label)
        x, across = self.stem(input), []
        for level, block in enumerate(self.down):
            x = block(x, when)
            across.append(x)
            if level < len(self.shrink):
                x = self.shrink[level](x)
        x = self.attention(self.middle(x, when))
        for block in self.up:
            beside = across.pop()
            if x.shape[2:] != beside.shape[2:]:
                x = F.interpolate(x, size=beside.shape[2:])
            x = block(torch.cat([x, beside], dim=1), when)
        return self.out(F.silu(self.norm(x)))
