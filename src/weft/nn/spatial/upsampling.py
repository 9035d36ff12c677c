"""Larger maps out of smaller ones."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from weft._lazy import unknown
from weft.nn.shapes import expect
from weft.nn.spatial.same import SameConv2d

TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}


def transposed_conv(
    in_channels: int, out_channels: int, kernel: int = 4, stride: int = 2, *, groups: int = 1, bias: bool = True, ndim: int = 2
) -> nn.Module:
    """Make torch's transposed convolution with the padding that gives exactly size * stride, whatever the kernel.

    Shapes: x (B, in_channels, ...) with ``ndim`` dimensions after the channels -> (B, out_channels, size * stride ...).
    Where another size is wanted, the layer's call takes it: ``layer(x, output_size=(H, W))``; ``output_padding_for`` says which can be made.
    Errors: ``ValueError`` unless ``ndim`` is 1, 2 or 3. Torch's layer pads with zeros only.
    Use when the enlarging itself should be learned; let the stride divide the kernel, else places get unequal sums (a checkerboard); instead of it,
    ``ResizeConv`` or ``PixelShuffleConv``, which begin without one. Cost: that of the convolution it mirrors.

    >>> transposed_conv(8, 4, 5, 3)(torch.zeros(1, 8, 7, 6)).shape
    torch.Size([1, 4, 21, 18])
    """
    if ndim not in TRANSPOSED:
        raise ValueError(f"transposed_conv has 1, 2 or 3 dimensions after the channels; got ndim={ndim}.")
    padding = max(-(-(kernel - stride) // 2), 0)
    extra = stride - kernel + 2 * padding
    return TRANSPOSED[ndim](in_channels, out_channels, kernel, stride, padding, extra, groups, bias)


MODES = ("nearest", "bilinear", "bicubic", "area", "nearest-exact")


def resized(x: Float[Tensor, "b c h w"], size: tuple[int, int], mode: str = "bilinear") -> Float[Tensor, "b c hh ww"]:
    """Pictures or maps at another size, pixel centres aligned (``align_corners=False``), so that nothing shifts by half a pixel.

    >>> resized(torch.ones(1, 1, 2, 2), (3, 5)).shape
    torch.Size([1, 1, 3, 5])
    """
    return F.interpolate(x, size, mode=mode, align_corners=False if mode in ("bilinear", "bicubic") else None)


def upsample(scale: float = 2.0, mode: str = "nearest") -> nn.Module:
    """Make torch's enlarging of pictures by a factor, pixel centres aligned; a scale below 1 makes them smaller.

    Modes: nearest, bilinear, bicubic, area, nearest-exact.

    Shapes: x (B, C, H, W) -> (B, C, floor(scale * H), floor(scale * W)).
    Errors: ``ValueError`` naming the nearest for an unknown mode, or unless scale > 0.
    Use when nothing should be learned; instead of it, ``ResizeConv``. Making smaller without a low pass aliases: then ``area``.

    >>> upsample(2, "bilinear")(torch.ones(1, 1, 2, 3)).shape
    torch.Size([1, 1, 4, 6])
    """
    if mode not in MODES:
        raise unknown("mode", mode, MODES)
    if not scale > 0:
        raise ValueError(f"upsample needs a scale above 0; got {scale}.")
    return nn.Upsample(scale_factor=float(scale), mode=mode, align_corners=False if mode in ("bilinear", "bicubic") else None)


class ResizeConv(nn.Module):
    """Enlarge by interpolation, then convolve: an upsampling without checkerboard.

    Shapes: x (B, in_channels, H, W) -> (B, out_channels, scale * H, scale * W), or at the ``size`` given to the call.
    Errors: ``ValueError`` for another number of channels, or naming the nearest for an unknown mode.
    Paper: Odena et al., 2016, "Deconvolution and checkerboard artifacts", doi:10.23915/distill.00003.
    Use when pictures are generated or maps enlarged; instead of it, ``PixelShuffleConv``, which convolves at the small size.
    Cost: a convolution at the large size.

    >>> layer = ResizeConv(4, 3, scale=2)
    >>> layer(torch.zeros(1, 4, 5, 6)).shape, layer(torch.zeros(1, 4, 5, 6), (11, 13)).shape
    (torch.Size([1, 3, 10, 12]), torch.Size([1, 3, 11, 13]))
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int = 3, *, scale: int = 2, mode: str = "nearest", bias: bool = True) -> None:
        super().__init__()
        if mode not in MODES:
            raise unknown("mode", mode, MODES)
        self.in_channels, self.scale, self.mode = in_channels, scale, mode
        self.conv = SameConv2d(in_channels, out_channels, kernel, bias=bias)

    def forward(self, x: Float[Tensor, "b i h w"], size: tuple[int, int] | None = None) -> Float[Tensor, "b o hh ww"]:
        expect(x, f"B {self.in_channels} H W", "ResizeConv")
        return self.conv(resized(x, size or (self.scale * x.shape[2], self.scale * x.shape[3]), self.mode))

    def extra_repr(self) -> str:
        return f"scale={self.scale}, mode={self.mode!r}"


@torch.no_grad()
def icnr_(weight: Tensor, scale: int) -> Tensor:
    """Fill a convolution's weight so that pixel shuffling after it begins as nearest enlarging: the scale^2 outputs of one pixel are equal.

    Errors: ``ValueError`` when scale^2 does not divide the outputs.
    Paper: Aitken et al., 2017, arXiv:1707.02937.

    >>> w = icnr_(torch.empty(8, 3, 3, 3), 2)
    >>> torch.equal(w[0], w[3]), torch.equal(w[0], w[4])
    (True, False)
    """
    if weight.shape[0] % scale**2:
        raise ValueError(f"icnr_ needs outputs that scale^2 = {scale**2} divides; got a weight of shape {tuple(weight.shape)}.")
    kernel = nn.init.kaiming_normal_(weight.new_empty(weight.shape[0] // scale**2, *weight.shape[1:]), nonlinearity="linear")
    return weight.copy_(kernel.repeat_interleave(scale**2, 0))


class PixelShuffleConv(nn.Module):
    """Convolve to scale^2 times the channels, then lay each group of them out as a scale x scale square of pixels.

    Shapes: x (B, in_channels, H, W) -> (B, out_channels, scale * H, scale * W). It begins as convolution and nearest enlarging (ICNR).
    Errors: ``ValueError`` for another number of channels.
    Papers: Shi et al., 2016, arXiv:1609.05158; the beginning: Aitken et al., 2017, arXiv:1707.02937.
    Use when enlarging should be quick and sharp (super-resolution); instead of it, ``ResizeConv``. Cost: a convolution at the small size.

    >>> PixelShuffleConv(4, 3, scale=3)(torch.zeros(1, 4, 5, 6)).shape
    torch.Size([1, 3, 15, 18])
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int = 3, *, scale: int = 2) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.conv = SameConv2d(in_channels, out_channels * scale**2, kernel)
        self.shuffle = nn.PixelShuffle(scale)
        icnr_(self.conv.weight, scale)
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o hh ww"]:
        expect(x, f"B {self.in_channels} H W", "PixelShuffleConv")
        return self.shuffle(self.conv(x))


class Carafe(nn.Module):
    """Content-aware enlarging: each new pixel is a weighted mean of its source's neighbours, with weights that the content gives.

    Shapes: x (B, channels, H, W) -> (B, channels, scale * H, scale * W). Weights of each new pixel are a softmax over ``reach`` x ``reach`` places.
    Errors: ``ValueError`` for another number of channels or an even reach.
    Paper: Wang et al., 2019, arXiv:1905.02188. Differs: neighbours beyond the border are zeros, as there, but no mask of them.
    Use when maps are enlarged in a pyramid and details matter; instead of it, ``resized``. Cost: reach^2 * channels multiplications a new pixel,
    and memory for reach^2 * channels numbers a source pixel.

    >>> Carafe(4)(torch.zeros(1, 4, 5, 6)).shape
    torch.Size([1, 4, 10, 12])
    """

    def __init__(self, channels: int, *, scale: int = 2, reach: int = 5, hidden: int = 64) -> None:
        super().__init__()
        if reach % 2 == 0:
            raise ValueError(f"Carafe needs an odd reach, so that it can be centred; got {reach}.")
        self.channels, self.scale, self.reach = channels, scale, reach
        self.compress = nn.Conv2d(channels, hidden, 1)
        self.encode = nn.Conv2d(hidden, (scale * reach) ** 2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c hh ww"]:
        expect(x, f"B {self.channels} H W", "Carafe")
        b, c, h, w = x.shape
        weights = self.shuffle(self.encode(self.compress(x))).softmax(1)                                   # (B, reach^2, sH, sW)
        weights = weights.reshape(b, self.reach**2, h, self.scale, w, self.scale)
        places = F.unfold(x, self.reach, padding=self.reach // 2).reshape(b, c, self.reach**2, h, w)
        return torch.einsum("bckhw,bkhiwj->bchiwj", places, weights.to(places.dtype)).reshape(b, c, h * self.scale, w * self.scale)
