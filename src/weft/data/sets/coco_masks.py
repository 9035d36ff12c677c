"""Masks as COCO writes them: runs of a column after the other, plain or packed into text, and polygons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from weft.data.image_file import MAX_PIXELS


def coco_mask(segmentation: Any, height: int, width: int) -> np.ndarray:
    """The mask (H, W) bool of an annotation's ``segmentation``: ``{"size", "counts"}`` with runs or their text, or a list of polygons.

    Raises ValueError for runs that do not fill the picture, a size that is not the picture's, polygons without three corners, and a picture
    above 50 million pixels, before anything of its size is made.

    >>> coco_mask({"size": [2, 2], "counts": [1, 2, 1]}, 2, 2).tolist()
    [[False, True], [True, False]]
    """
    if height * width > MAX_PIXELS:
        raise ValueError(f"a mask of {height} x {width} pixels; the limit is {MAX_PIXELS:,}")
    if isinstance(segmentation, dict):
        if list(segmentation.get("size", ())) != [height, width]:
            raise ValueError(f"a mask of size {segmentation.get('size')}; the picture has {[height, width]}")
        counts = segmentation.get("counts")
        return from_runs(runs_of_text(counts) if isinstance(counts, str) else counts, height, width)
    if not isinstance(segmentation, list) or not segmentation:
        raise ValueError(f"a segmentation of {type(segmentation).__name__}; expected polygons or {{'size', 'counts'}}")
    return np.logical_or.reduce([from_polygon(polygon, height, width) for polygon in segmentation])


def from_runs(counts: Any, height: int, width: int) -> np.ndarray:
    """Lengths of runs, the first of background, down each column in turn, as a mask (H, W)."""
    if not isinstance(counts, list) or not all(type(count) is int and count >= 0 for count in counts) or sum(counts) != height * width:
        raise ValueError(f"runs that are no whole numbers or do not add up to {height} x {width} pixels")
    inside = np.arange(len(counts)) % 2 == 1
    return np.repeat(inside, counts).reshape(width, height).T


def runs_of_text(text: str) -> list[int]:
    """The runs of COCO's packed text: five bits a letter, lowest first, the sixth says that more follow; from the fourth on, changes.

    A change is to the last run but one.

    >>> runs_of_text("11d0O")
    [1, 1, 20, 0]
    """
    runs: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift > 35:
            raise ValueError(f"the letter {letter!r} at a place where packed runs have none such")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            if bits & 16:
                value -= 1 << shift
            runs.append(value + runs[-2] if len(runs) > 2 else value)
            value = shift = 0
    if shift:
        raise ValueError("packed runs that end within a number")
    return runs


def from_polygon(polygon: Any, height: int, width: int) -> np.ndarray:
    """The pixels whose centres lie in a polygon [x0, y0, x1, y1, ...], by the even-odd rule; pycocotools may differ by the pixels of the edge."""
    try:
        corners = np.asarray(polygon, np.float64)
    except (ValueError, TypeError):
        corners = np.zeros(0)
    if corners.ndim != 1 or corners.size < 6 or corners.size % 2 or not np.isfinite(corners).all():
        raise ValueError("a polygon without three corners of finite x and y")
    x, y = corners.reshape(-1, 2).T
    crossings = np.zeros((height, width + 1), np.int64)
    rows = np.arange(height) + 0.5
    for x0, y0, x1, y1 in zip(x, y, np.roll(x, -1), np.roll(y, -1), strict=True):
        crossed = np.flatnonzero((y0 <= rows) != (y1 <= rows))
        if len(crossed):
            at = x0 + (rows[crossed] - y0) * ((x1 - x0) / (y1 - y0))
            crossings[crossed, np.ceil(at - 0.5).clip(0, width).astype(np.int64)] += 1
    return crossings.cumsum(1)[:, :width] % 2 == 1


def to_runs(mask: Sequence[Sequence[bool]] | np.ndarray) -> dict[str, Any]:
    """A mask (H, W) as COCO's plain runs; the way back of ``coco_mask``.

    >>> to_runs([[False, True], [True, False]])
    {'size': [2, 2], 'counts': [1, 2, 1]}
    """
    values = np.asarray(mask, bool)
    flat = values.T.reshape(-1)
    edges = np.flatnonzero(np.diff(flat)) + 1
    bounds = [0] * int(bool(flat.size and flat[0])) + [0, *edges.tolist(), flat.size]
    return {"size": list(values.shape), "counts": np.diff(bounds).tolist()}
