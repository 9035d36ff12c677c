"""Made pictures of shapes with everything that vision asks for."""

from __future__ import annotations

import torch

from weft.data.arrays import Arrays
from weft.data.sets.made_points import drawn

SHAPES = ("disc", "square", "cross")


def shapes(size: int = 300, side: int = 32, *, objects: int = 1, noise: float = 0.1, seed: int = 0) -> Arrays:
    """Pictures of bright discs, squares and crosses on dark noise, with class, boxes, masks and key points.

    ``image`` (3, side, side) float32 in [0, 1]; ``labels`` (K,) 0-2 (``SHAPES``), ``boxes`` (K, 4) xmin, ymin, xmax, ymax in pixels, ends
    excluded, ``masks`` (K, side, side) bool, ``keypoints`` (K, 2) the centres x, y; ``label`` is that of the first. K = ``objects``, each in
    its own column of the picture, so that none covers another. Baseline: how much of its box a shape fills (a square all, a disc about 0.79, a
    cross less).
    Raises ValueError when a column is narrower than nine pixels.

    >>> made = shapes(2, 24, objects=2).columns
    >>> made["image"].shape, made["masks"].shape
    (torch.Size([2, 3, 24, 24]), torch.Size([2, 2, 24, 24]))
    """
    width = side // objects
    if width < 9:
        raise ValueError(f"{objects} objects in a picture {side} wide leave {width} pixels each; expected at least 9")
    random = drawn(size, seed, 17)
    labels = random.integers(0, len(SHAPES), objects)
    radius = random.integers(3, (width - 1) // 2 + 1, objects)
    room_x, room_y = width - 2 * radius - 1, side - 2 * radius - 1
    x = radius + (random.uniform(objects) * (room_x + 1)).long() + width * torch.arange(objects)
    y = radius + (random.uniform(objects) * (room_y + 1)).long()
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    dx, dy = (columns - x[..., None, None]).abs(), (rows - y[..., None, None]).abs()
    r = radius[..., None, None]
    inside = torch.maximum(dx, dy) <= r
    forms = torch.stack([dx**2 + dy**2 <= r**2 + r, inside, inside & (torch.minimum(dx, dy) <= r // 4)])
    masks = forms.gather(0, labels[None, ..., None, None].expand(1, -1, -1, side, side))[0]
    colour = 0.5 + 0.5 * random.uniform(objects, 3)
    paint = (masks[:, :, None] * colour[..., None, None]).amax(1)
    image = (paint + noise * random.uniform(3, side, side)).clamp(0, 1)
    boxes = torch.stack([x - radius, y - radius, x + radius + 1, y + radius + 1], -1).float()
    return Arrays(
        {"image": image, "label": labels[:, 0], "labels": labels, "boxes": boxes, "masks": masks, "keypoints": torch.stack([x, y], -1).float()}
    )
