"""Where pixels go: resizing, cutting and warping whole batches, each record by parameters of its own.

Places are continuous: the picture's left edge is 0 and its right edge W, so that the middle of pixel j lies at j + 0.5. Every function takes
(B, K, H, W) of any type; pictures of whole numbers are computed in float32 and rounded back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.nn import functional as F

INTERPOLATIONS = ("nearest", "bilinear", "bicubic")


def in_float(x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """``function`` of ``x`` computed in floating point, rounded and kept inside the range of a type of whole numbers."""
    if x.is_floating_point():
        return function(x)
    out = function(x.float()).round()
    if x.dtype == torch.bool:
        return out > 0
    limits = torch.iinfo(x.dtype)
    return out.clamp(limits.min, limits.max).to(x.dtype)


def check_interpolation(interpolation: str) -> None:
    """Raise ValueError for a way of interpolation that does not exist."""
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"interpolation={interpolation!r}; expected one of {', '.join(map(repr, INTERPOLATIONS))}")


def sides(size: int | Sequence[int], height: int, width: int, rule: str = "exact") -> tuple[int, int]:
    """The (height, width) to resize to: "exact" takes ``size``, "short" and "long" bring that edge to ``size`` and keep the proportions.

    >>> sides(256, 480, 640, "short"), sides(256, 480, 640, "exact")
    ((256, 341), (256, 256))
    """
    if rule == "exact":
        return (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
    if not isinstance(size, int) or rule not in ("short", "long"):
        raise ValueError(f"size={size!r}, rule={rule!r}; expected 'exact', or one number with 'short' or 'long'")
    edge = min(height, width) if rule == "short" else max(height, width)
    return max(1, int(size * height / edge)), max(1, int(size * width / edge))


def resize(x: Shaped[Tensor, "b k h w"], size: tuple[int, int], interpolation: str = "bilinear", antialias: bool = True) -> Shaped[Tensor, "b k i j"]:
    """Every picture at ``size`` (height, width); with ``antialias`` a smaller picture averages what it leaves out, without it it skips.

    >>> resize(torch.arange(4.0).reshape(1, 1, 1, 4), (1, 2))[0, 0, 0].tolist()
    [0.7142857313156128, 2.2857143878936768]
    """
    check_interpolation(interpolation)
    if x.shape[-2:] == size:
        return x
    if interpolation == "nearest":
        # (i + 1/2) m / n in whole numbers: in floating point, what lies exactly between two pixels would fall to either side
        rows, columns = ((2 * torch.arange(n, device=x.device) + 1) * m // (2 * n) for n, m in zip(size, x.shape[-2:], strict=True))
        return x[:, :, rows[:, None], columns]
    return in_float(x, lambda y: F.interpolate(y, size=size, mode=interpolation, antialias=antialias, align_corners=False))


def pad(x: Shaped[Tensor, "b k h w"], border: Sequence[int], fill: float = 0.0, mode: str = "constant") -> Shaped[Tensor, "b k i j"]:
    """Add (left, right, top, bottom) pixels; ``mode`` "constant" (of ``fill``), "reflect" or "replicate"."""
    if not any(border):
        return x
    if mode == "constant":
        return F.pad(x, tuple(border), value=fill)
    return in_float(x, lambda y: F.pad(y, tuple(border), mode=mode))


def cut(x: Shaped[Tensor, "b k h w"], top: Int[Tensor, " b"], left: Int[Tensor, " b"], size: tuple[int, int]) -> Shaped[Tensor, "b k i j"]:
    """The window of ``size`` whose corner is (top, left), another one for each record.

    >>> cut(torch.arange(9).reshape(1, 1, 3, 3), torch.tensor([1]), torch.tensor([0]), (2, 2))[0, 0].tolist()
    [[3, 4], [6, 7]]
    """
    rows = top[:, None] + torch.arange(size[0], device=x.device)
    columns = left[:, None] + torch.arange(size[1], device=x.device)
    return _gathered(x, rows, columns)


def _gathered(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    record = torch.arange(len(x), device=x.device)[:, None, None]
    return x.movedim(1, -1)[record, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)


def resized_crop(
    x: Shaped[Tensor, "b k h w"], corner: Float[Tensor, "b 2"], extent: Float[Tensor, "b 2"], size: tuple[int, int], interpolation: str = "bilinear"
) -> Shaped[Tensor, "b k i j"]:
    """The rectangle of each record with (top, left) ``corner`` and (height, width) ``extent``, brought to one ``size``, anti-aliased.

    Resizing is linear in rows and in columns, so each record has two small matrices and the batch is two products: no loop over records.
    Cost: O(H W (i + j)) a channel.
    """
    check_interpolation(interpolation)
    if interpolation == "nearest":
        places = [_nearest(corner[:, axis], extent[:, axis], size[axis], x.shape[2 + axis]) for axis in (0, 1)]
        return _gathered(x, *places)

    def products(y: Tensor) -> Tensor:
        rows, columns = (_weights(corner[:, a], extent[:, a], size[a], x.shape[2 + a], interpolation).to(y.dtype) for a in (0, 1))
        return rows[:, None] @ (y @ columns[:, None].mT)

    return in_float(x, products)


def _nearest(start: Tensor, length: Tensor, size: int, limit: int) -> Tensor:
    places = start[:, None] + (torch.arange(size, device=start.device) + 0.5) * (length / size)[:, None]
    return places.long().clamp(0, limit - 1)


def _weights(start: Tensor, length: Tensor, size: int, limit: int, interpolation: str) -> Tensor:
    """(B, size, limit): how much each new row takes from each old one; nothing from outside the rectangle."""
    step = (length / size)[:, None]
    centre = start[:, None] + (torch.arange(size, device=start.device) + 0.5) * step
    old = torch.arange(limit, device=start.device)
    distance = ((old + 0.5 - centre[:, :, None]) / step.clamp(min=1)[:, :, None]).abs()
    weight = (1 - distance).clamp(min=0) if interpolation == "bilinear" else _cubic(distance)
    inside = (old >= start.floor()[:, None]) & (old < (start + length).ceil()[:, None])
    weight = weight * inside[:, None]
    total = weight.sum(2, keepdim=True)
    return weight / torch.where(total == 0, 1.0, total)  # a place beside the picture takes from nothing


def _cubic(d: Tensor, a: float = -0.5) -> Tensor:
    """Keys' kernel, 1981, doi:10.1109/TASSP.1981.1163711."""
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = a * (((d - 5) * d + 8) * d - 4)
    return torch.where(d < 1, near, torch.where(d < 2, far, 0.0))


def affine_map(
    angle: Float[Tensor, " b"], shift: Float[Tensor, "b 2"], scale: Float[Tensor, " b"], shear: Float[Tensor, "b 2"], centre: Sequence[float]
) -> Float[Tensor, "b 3 3"]:
    """Where each place (x, y, 1) of the new picture comes from in the old one.

    The picture is sheared by ``shear`` (x, y), turned clockwise by ``angle``, both in degrees as the field writes them, scaled by ``scale``
    about ``centre`` (x, y), and moved by ``shift`` (x, y) pixels; the map is the inverse of that.
    """
    turn, sx, sy = angle.deg2rad(), shear[:, 0].deg2rad(), shear[:, 1].deg2rad()
    a, c = (turn - sy).cos() / sy.cos(), (turn - sy).sin() / sy.cos()
    b, d = -a * sx.tan() - turn.sin(), -c * sx.tan() + turn.cos()
    # the determinant of [[a, b], [c, d]] is 1, so the inverse is written down
    inverse = torch.stack([torch.stack([d, -b], 1), torch.stack([-c, a], 1)], 1) / scale[:, None, None]
    middle = torch.tensor(list(centre), dtype=angle.dtype, device=angle.device)
    return about(inverse, middle - (inverse @ (middle + shift)[:, :, None])[:, :, 0])


def about(linear: Float[Tensor, "b 2 2"], offset: Float[Tensor, "b 2"]) -> Float[Tensor, "b 3 3"]:
    """The 3 x 3 matrix of p -> linear p + offset."""
    bottom = torch.tensor([0.0, 0.0, 1.0], dtype=linear.dtype, device=linear.device).expand(len(linear), 1, 3)
    return torch.cat([torch.cat([linear, offset[:, :, None]], 2), bottom], 1)


def perspective_map(start: Float[Tensor, "b 4 2"], end: Float[Tensor, "b 4 2"]) -> Float[Tensor, "b 3 3"]:
    """The homography that leads back from the four places ``end`` (x, y) of the new picture to ``start`` of the old one.

    Raises ValueError when three of the places lie on a line.
    """
    (x, y), (u, v) = end.double().unbind(2), start.double().unbind(2)
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    left = torch.cat(
        [torch.stack([x, y, one, zero, zero, zero, -u * x, -u * y], 2), torch.stack([zero, zero, zero, x, y, one, -v * x, -v * y], 2)], 1
    )
    solved, info = torch.linalg.solve_ex(left, torch.cat([u, v], 1))
    if bool((info != 0).any()):
        raise ValueError("Three of the four places of a perspective lie on a line; expected the corners of a quadrilateral")
    return torch.cat([solved, torch.ones_like(solved[:, :1])], 1).reshape(-1, 3, 3).to(start.dtype)


def through(points: Float[Tensor, "b p 2"], matrix: Float[Tensor, "b 3 3"]) -> Float[Tensor, "b p 2"]:
    """Points (x, y) through a map, divided by its third coordinate."""
    mapped = torch.cat([points, torch.ones_like(points[..., :1])], 2) @ matrix.to(points.dtype).mT
    return mapped[..., :2] / mapped[..., 2:]


def warp(
    x: Shaped[Tensor, "b k h w"], matrix: Float[Tensor, "b 3 3"], interpolation: str = "bilinear", fill: float = 0.0
) -> Shaped[Tensor, "b k h w"]:
    """Each place p of the new picture shows ``matrix`` p of the old one; ``fill`` where that lies outside."""
    height, width = x.shape[-2:]
    rows, columns = torch.arange(height, device=x.device) + 0.5, torch.arange(width, device=x.device) + 0.5
    places = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), 2).reshape(1, -1, 2).expand(len(x), -1, 2)
    return read(x, through(places, matrix).reshape(len(x), height, width, 2), interpolation, fill)


def read(
    x: Shaped[Tensor, "b k h w"], places: Float[Tensor, "b i j 2"], interpolation: str = "bilinear", fill: float = 0.0
) -> Shaped[Tensor, "b k i j"]:
    """The pictures at ``places`` (x, y); the border fades into ``fill`` over half a pixel."""
    check_interpolation(interpolation)
    grid = 2 * places / torch.tensor([x.shape[3], x.shape[2]], device=x.device) - 1

    def sampled(y: Tensor) -> Tensor:
        return F.grid_sample(y - fill, grid.to(y.dtype), mode=interpolation, align_corners=False) + fill

    return in_float(x, sampled) if len(x) else x
