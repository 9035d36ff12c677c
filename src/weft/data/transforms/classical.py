"""Classical operations on pictures: edges, corners, morphology, local equalising; differentiable where they are sums and products."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from weft._lazy import unknown
from weft.data.contracts import Batch
from weft.data.keyed import Random
from weft.data.transforms import colour
from weft.data.transforms.convert import to_bytes

Pictures = Float[Tensor, "b c h w"]
ACROSS = {"sobel": ((-1.0, 0.0, 1.0), (1.0, 2.0, 1.0)), "scharr": ((-1.0, 0.0, 1.0), (3.0, 10.0, 3.0))}
LAPLACE = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))


def filtered(x: Pictures, kernel: Float[Tensor, "m n"], border: str = "reflect") -> Pictures:
    """Every channel correlated with one kernel of odd sides; the border is mirrored ("reflect") or repeated ("replicate")."""
    m, n = kernel.shape
    padded = F.pad(x, (n // 2, n // 2, m // 2, m // 2), mode=border)
    return F.conv2d(padded, kernel.to(x).expand(x.shape[1], 1, m, n), groups=x.shape[1])


def gradients(x: Pictures, kind: str = "sobel") -> tuple[Pictures, Pictures]:
    """The slope along columns (x) and rows (y) by Sobel's or Scharr's 3 x 3 kernels, as OpenCV scales them.

    >>> gradients(torch.arange(5.0).expand(1, 1, 4, 5))[0][0, 0, 1, 2].item()
    8.0
    """
    if kind not in ACROSS:
        raise unknown("gradient", kind, ACROSS)
    slope, smooth = (torch.tensor(value) for value in ACROSS[kind])
    return filtered(x, smooth[:, None] * slope), filtered(x, slope[:, None] * smooth)


def edges(x: Pictures, kind: str = "sobel") -> Pictures:
    """The length of the slope, sqrt(x^2 + y^2); its own slope is finite where the picture is flat."""
    across, down = gradients(x, kind)
    return (across.square() + down.square() + 1e-12).sqrt()


def laplacian(x: Pictures) -> Pictures:
    """The sum of the second differences along rows and columns."""
    return filtered(x, torch.tensor(LAPLACE))


def dilate(x: Pictures, size: int = 3) -> Pictures:
    """The highest value in a square of ``size`` (odd) pixels around each; outside counts as lowest."""
    return F.max_pool2d(x, size, 1, size // 2)


def erode(x: Pictures, size: int = 3) -> Pictures:
    """The lowest value in a square of ``size`` (odd) pixels around each; outside counts as highest."""
    return -F.max_pool2d(-x, size, 1, size // 2)


def opened(x: Pictures, size: int = 3) -> Pictures:
    """Eroded, then dilated: bright specks smaller than the square vanish."""
    return dilate(erode(x, size), size)


def closed(x: Pictures, size: int = 3) -> Pictures:
    """Dilated, then eroded: dark specks smaller than the square vanish."""
    return erode(dilate(x, size), size)


def corners(x: Pictures, size: int = 3, k: float = 0.04) -> Float[Tensor, "b 1 h w"]:
    """How much each place is a corner: det(M) - k trace(M)^2, M the products of slopes of the lightness, averaged over a square.

    Paper: Harris and Stephens, 1988, doi:10.5244/C.2.23.
    """
    across, down = gradients(colour.grey(x))
    window = torch.full((size, size), 1 / size**2)
    xx, yy, xy = (filtered(product, window) for product in (across * across, down * down, across * down))
    return xx * yy - xy * xy - k * (xx + yy) ** 2


def canny(x: Pictures, low: float = 0.1, high: float = 0.2, sigma: float = 1.0) -> Bool[Tensor, "b 1 h w"]:
    """Thin edges of the lightness: smoothed, the ridges of the Sobel slope above ``high``, and those above ``low`` that touch one of them.

    Thresholds are slopes of a picture in [0, 1], the kernel scaled to one per pixel. Raises ValueError for thresholds out of order.
    Paper: Canny, 1986, doi:10.1109/TPAMI.1986.4767851.
    """
    if not 0 <= low <= high:
        raise ValueError(f"low={low}, high={high}; expected 0 <= low <= high")
    if not len(x):
        return torch.zeros(0, 1, *x.shape[-2:], dtype=torch.bool, device=x.device)
    smooth = colour.blur(colour.grey(x), torch.full((len(x),), sigma, device=x.device))
    across, down = gradients(smooth)
    steep = (across.square() + down.square()).sqrt() / 8
    sector = (torch.atan2(down, across) / (math.pi / 4)).round().long() % 4
    around = F.pad(steep, (1, 1, 1, 1))
    height, width = steep.shape[-2:]
    ridge = torch.zeros_like(steep, dtype=torch.bool)
    for number, (dy, dx) in enumerate(((0, 1), (1, 1), (1, 0), (1, -1))):
        ahead = around[..., 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
        behind = around[..., 1 - dy : 1 - dy + height, 1 - dx : 1 - dx + width]
        ridge |= (sector == number) & (steep > behind) & (steep >= ahead)
    weak, strong = ridge & (steep >= low), ridge & (steep >= high)
    while True:  # edges grow along weak ridges until nothing is added
        grown = weak & (dilate(strong.float()) > 0)
        if torch.equal(grown, strong):
            return strong
        strong = grown


def local_equalize(x: Pictures, tiles: int = 8, limit: float = 2.0) -> Pictures:
    """Contrast-limited adaptive histogram equalising (CLAHE) of pictures in [0, 1]: each of ``tiles`` x ``tiles`` tiles has a table of its own.

    A level's count is at most ``limit`` times the mean count, the rest is spread over all levels; between tile centres tables are blended
    bilinearly. Sides that the tiles do not divide are mirrored. Paper: Zuiderveld, 1994, Graphics Gems IV.
    """
    batch, channels, height, width = x.shape
    down, right = -height % tiles, -width % tiles
    whole = F.pad(x, (0, right, 0, down), mode="reflect") if down or right else x
    high, wide = whole.shape[2] // tiles, whole.shape[3] // tiles
    parts = to_bytes(whole).long().reshape(batch * channels, tiles, high, tiles, wide).permute(0, 1, 3, 2, 4).flatten(3)
    counts = torch.zeros(*parts.shape[:3], 256, device=x.device).scatter_add_(3, parts, torch.ones_like(parts, dtype=torch.float32))
    area = high * wide
    cap = max(1, int(limit * area / 256))
    excess = (counts - cap).clamp(min=0).sum(3, keepdim=True)
    tables = (counts.clamp(max=cap) + excess / 256).cumsum(3) / area  # (N, tiles, tiles, 256)
    levels = to_bytes(x).long().reshape(batch * channels, height, width)
    rows, columns = (((torch.arange(n, device=x.device) + 0.5) / size - 0.5).clamp(0, tiles - 1) for n, size in ((height, high), (width, wide)))
    record = torch.arange(len(levels), device=x.device)[:, None, None]
    out = torch.zeros(levels.shape, device=x.device)
    for top in (False, True):
        for left in (False, True):
            r, c = (line.floor() if first else (line.floor() + 1).clamp(max=tiles - 1) for line, first in ((rows, top), (columns, left)))
            share_r = 1 - (rows - rows.floor()) if top else rows - rows.floor()
            share_c = 1 - (columns - columns.floor()) if left else columns - columns.floor()
            out += tables[record, r.long()[:, None], c.long()[None], levels] * share_r[:, None] * share_c[None]
    return out.reshape(x.shape).to(x.dtype)


FILTERS: dict[str, Callable[[Tensor], Tensor]] = {
    "canny": lambda x: canny(x).to(x.dtype),
    "closing": closed,
    "corners": corners,
    "dilation": dilate,
    "equalize": colour.equalize,
    "erosion": erode,
    "laplacian": laplacian,
    "local_equalize": local_equalize,
    "opening": opened,
    "scharr": lambda x: edges(x, "scharr"),
    "sobel": edges,
}


@dataclass(frozen=True)
class Filter:
    """A classical operation on every picture; with ``append`` its result stands beside the colours as further channels.

    ``name``: "sobel", "scharr" (length of the slope), "laplacian", "canny", "corners", "dilation", "erosion", "opening", "closing", "equalize",
    "local_equalize". Shapes: (B, C, H, W) float in [0, 1] -> (B, c, H, W) or (B, C + c, H, W), c = 1 for "canny" and "corners", else C.
    Raises ValueError for an unknown name. Use for edge channels or as a fixed step before training (predicting needs it as well); instead of it, a
    convolution that learns. Cost: one or two small convolutions.

    >>> Filter("sobel", append=True)({"input": torch.rand(2, 3, 8, 8)}, Random(0, 0, torch.arange(2)))["input"].shape
    torch.Size([2, 6, 8, 8])
    """

    name: str
    append: bool = False
    keys: Sequence[str] = ("input",)

    def __post_init__(self) -> None:
        if self.name not in FILTERS:
            raise unknown("filter", self.name, FILTERS)
        object.__setattr__(self, "keys", tuple(self.keys))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        made = {key: FILTERS[self.name](batch[key]) for key in self.keys}
        return batch | ({key: torch.cat([batch[key], value], 1) for key, value in made.items()} if self.append else made)
