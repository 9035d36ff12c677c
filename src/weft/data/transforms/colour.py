"""What light does: brightness, contrast, hue and their kin on whole batches, each record with a strength of its own.

Every function takes pictures (B, ..., C, H, W), float in [0, 1] or uint8 in 0 to 255, and gives the same type back; strengths are (B,), in parts
of the range and not in levels, so that they mean the same for both types. All frames of a clip share the strength.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional as F

GREY = (0.2989, 0.587, 0.114)
Strength = Float[Tensor, " b"]
Pictures = Shaped[Tensor, "b *t c h w"]


def in_range(x: Tensor, function: Callable[..., Tensor], *strength: Tensor) -> Tensor:
    """``function`` of float pictures (N, C, H, W) in [0, 1] and strengths (N, 1, 1, 1), applied to any pictures; the result is clipped to the range.

    Raises ValueError for values far outside [0, 1], such as normalised ones.
    """
    pictures, wide = frames(x), len(x) and x.shape[1:-3].numel()
    factors = [value.to(x.device).repeat_interleave(wide)[:, None, None, None] for value in strength]
    if not pictures.numel():
        return x
    if x.dtype == torch.uint8:
        return (function(pictures.float() / 255, *factors).clamp(0, 1) * 255).round().to(torch.uint8).reshape(x.shape)
    if not x.is_floating_point():
        raise ValueError(f"Colours have type {x.dtype}; expected floating point in [0, 1] or uint8")
    low, high = (float(value) for value in pictures.aminmax())
    if low < -0.5 or high > 1.5:
        raise ValueError(
            f"Colours reach from {low:.3g} to {high:.3g}; expected [0, 1]. Are they normalised? Put colour transforms into InPixels(mean, std, [...])"
        )
    return function(pictures, *factors).clamp(0, 1).to(x.dtype).reshape(x.shape)


def frames(x: Tensor) -> Tensor:
    """Pictures and clips as (N, C, H, W)."""
    if x.ndim < 4:
        raise ValueError(f"Colours have shape {tuple(x.shape)}; expected pictures (B, C, H, W) or clips (B, T, C, H, W)")
    return x if x.ndim == 4 else x.flatten(0, x.ndim - 4)


def grey(x: Shaped[Tensor, "n c h w"]) -> Shaped[Tensor, "n 1 h w"]:
    """The lightness, 0.2989 red + 0.587 green + 0.114 blue; raises ValueError unless there are 1 or 3 channels."""
    if x.shape[1] == 1:
        return x
    if x.shape[1] != 3:
        raise ValueError(f"A picture has {x.shape[1]} channels; lightness and hue exist for 1 (grey) or 3 (red, green, blue)")
    return (x * torch.tensor(GREY, dtype=x.dtype, device=x.device)[:, None, None]).sum(1, keepdim=True)


def grayscale(x: Pictures) -> Pictures:
    """Every channel becomes the lightness."""
    return in_range(x, lambda y: grey(y).expand_as(y))


def brightness(x: Pictures, factor: Strength) -> Pictures:
    """factor x: 0 is black, 1 the same."""
    return in_range(x, lambda y, f: y * f, factor)


def contrast(x: Pictures, factor: Strength) -> Pictures:
    """factor x + (1 - factor) m, m the mean lightness of the picture."""
    return in_range(x, lambda y, f: torch.lerp(grey(y).mean((1, 2, 3), keepdim=True), y, f), factor)


def saturation(x: Pictures, factor: Strength) -> Pictures:
    """factor x + (1 - factor) grey: 0 takes all colour away."""
    return in_range(x, lambda y, f: torch.lerp(grey(y).expand_as(y), y, f), factor)


def hue(x: Pictures, turn: Strength) -> Pictures:
    """Colours move round their circle by ``turn`` of it, -0.5 to 0.5; grey pictures stay."""

    def moved(y: Tensor, t: Tensor) -> Tensor:
        if y.shape[1] == 1:
            return y
        grey(y)  # complains of other numbers of channels
        h, s, v = rgb_to_hsv(y).unbind(1)
        return hsv_to_rgb(torch.stack([(h + t[:, 0]) % 1, s, v], 1))

    return in_range(x, moved, turn)


def rgb_to_hsv(x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """Red, green, blue in [0, 1] as hue (turns), saturation and value. Smith, 1978, doi:10.1145/965139.807361."""
    red, green, blue = x.unbind(1)
    value, low = x.amax(1), x.amin(1)
    spread = value - low
    safe = torch.where(spread == 0, 1.0, spread)
    h = torch.where(value == red, (green - blue) / safe % 6, torch.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4))
    return torch.stack([h / 6 % 1, spread / torch.where(value == 0, 1.0, value), value], 1)


def hsv_to_rgb(x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """Back from hue (turns), saturation and value."""
    h, s, v = x.unbind(1)
    # each colour is a trapezium over the circle: full, sinking, empty, rising
    sector = (torch.tensor([5.0, 3.0, 1.0], device=x.device)[None, :, None, None] + 6 * h[:, None]) % 6
    return v[:, None] - (v * s)[:, None] * torch.minimum(sector, 4 - sector).clamp(0, 1)


def gamma(x: Pictures, power: Strength) -> Pictures:
    """x ** power: above 1 the shadows darken, below 1 they brighten."""
    return in_range(x, lambda y, p: y.clamp(0, 1) ** p, power)


def invert(x: Pictures) -> Pictures:
    """1 - x, or 255 - x."""
    return in_range(x, lambda y: 1 - y)


def posterize(x: Pictures, bits: Strength) -> Pictures:
    """Only the first ``bits`` of each number stay: 2 ** bits levels."""

    def reduced(y: Tensor, b: Tensor) -> Tensor:
        levels = 2.0 ** b.round()
        return (y * levels).floor().clamp(min=0).minimum(levels - 1) / levels

    if x.dtype == torch.uint8:  # exactly as on the bits
        step = (2 ** (8 - bits.round()).to(torch.int32)).to(x.device).reshape(-1, *(1,) * (x.ndim - 1))
        return (x.int() // step * step).to(torch.uint8)
    return in_range(x, reduced, bits)


def solarize(x: Pictures, threshold: Strength) -> Pictures:
    """What is at ``threshold`` or above is inverted; 0.5 of the range for floats is level 127.5 of bytes."""
    return in_range(x, lambda y, t: torch.where(y >= t - 1e-6, 1 - y, y), threshold)


def sharpness(x: Pictures, factor: Strength) -> Pictures:
    """factor x + (1 - factor) smoothed: 0 smooths, above 1 sharpens; the outermost pixels stay."""

    def sharpened(y: Tensor, f: Tensor) -> Tensor:
        if min(y.shape[-2:]) <= 2:
            return y
        kernel = torch.ones(3, 3, dtype=y.dtype, device=y.device)
        kernel[1, 1] = 5
        smooth = y.clone()
        smooth[:, :, 1:-1, 1:-1] = F.conv2d(y, (kernel / 13).expand(y.shape[1], 1, 3, 3), groups=y.shape[1])
        return torch.lerp(smooth, y, f)

    return in_range(x, sharpened, factor)


def autocontrast(x: Pictures) -> Pictures:
    """Each channel stretched so that its darkest is 0 and its brightest 1; a channel of one value stays."""

    def stretched(y: Tensor) -> Tensor:
        low, high = y.amin((2, 3), keepdim=True), y.amax((2, 3), keepdim=True)
        return torch.where(high > low, (y - low) / torch.where(high > low, high - low, 1), y)

    return in_range(x, stretched)


def equalize(x: Pictures) -> Pictures:
    """Each channel's levels spread so that all of 256 are about equally frequent, by Pillow's integer rule; a channel of one value stays."""
    if x.dtype != torch.uint8:
        return in_range(x, lambda y: equalize((y.clamp(0, 1) * 255).round().to(torch.uint8)).to(y.dtype) / 255)
    if not x.numel():
        return x
    flat = x.flatten(-2).reshape(-1, x.shape[-2:].numel()).long()
    counts = torch.zeros(len(flat), 256, dtype=torch.int64, device=x.device).scatter_add_(1, flat, torch.ones_like(flat))
    last = counts.gather(1, flat.amax(1, keepdim=True))
    step = (flat.shape[1] - last) // 255
    table = (counts.cumsum(1) - counts + step // 2) // step.clamp(min=1)
    return torch.where(step > 0, table.clamp(0, 255).gather(1, flat), flat).to(torch.uint8).reshape(x.shape)


def blur(x: Pictures, sigma: Strength, size: int | None = None) -> Pictures:
    """A Gaussian of deviation ``sigma`` pixels over ``size`` (odd) pixels, by default three deviations to each side; the border is mirrored."""
    if not len(x):
        return x
    if size is None:
        size = 2 * int(torch.ceil(3 * sigma.max())) + 1
    reach = min(size // 2, min(x.shape[-2:]) - 1)
    places = torch.arange(-reach, reach + 1, device=x.device)

    def smoothed(y: Tensor, s: Tensor) -> Tensor:
        kernel = (-(places**2) / (2 * s[:, :, 0] ** 2)).exp()
        kernel = (kernel / kernel.sum(2, keepdim=True)).expand(-1, y.shape[1], -1).reshape(-1, 1, 1, len(places)).to(y.dtype)
        one = F.pad(y, (reach,) * 4, mode="reflect").reshape(1, -1, y.shape[2] + 2 * reach, y.shape[3] + 2 * reach)
        one = F.conv2d(F.conv2d(one, kernel, groups=len(kernel)), kernel.mT, groups=len(kernel))
        return one.reshape(y.shape)

    return in_range(x, smoothed, sigma.clamp(min=1e-3))
