"""Pascal VOC's pictures with a class for every pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from weft._lazy import hint
from weft.data.contracts import Record
from weft.data.image_file import MAX_PIXELS
from weft.data.sets.local_copy import inside, whole_copy
from weft.data.text_file import read_text

PUBLISHER = "http://host.robots.ox.ac.uk/pascal/VOC/ (photographs under Flickr's terms)"
CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog", "horse",
    "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip


class VOCSegments:
    """Pictures with classes by pixel: ``JPEGImages/NAME.jpg``, ``SegmentationClass/NAME.png`` and ``ImageSets/Segmentation/PART.txt``.

    Records: ``image`` Path, ``segments`` (H, W) uint8: 0 background, 1-20 by ``classes``, 255 the border of things, which counts for nothing;
    ``path``. Raises FileNotFoundError naming what lacks; ValueError for a part that is not there, and, when read, for a mask whose file has no
    palette (colours would have to be guessed back), another number in it, or a size beyond 50 million pixels.

    Published at http://host.robots.ox.ac.uk/pascal/VOC/. Everingham et al., 2010, doi:10.1007/s11263-009-0275-4.

    Use for semantic segmentation; instead of it, ``PascalVOC`` for boxes. Cost: a PNG decoded when read.

    >>> import tempfile
    >>> from weft.data.sets import write_stand_in
    >>> VOCSegments(write_stand_in("pascal_voc", tempfile.mkdtemp()), "val")[0]["segments"].unique()
    tensor([  0,   3, 255], dtype=torch.uint8)
    """

    def __init__(self, path: str | Path, part: str = "train") -> None:
        self.path = whole_copy(path, ["JPEGImages", "SegmentationClass", "ImageSets/Segmentation"], PUBLISHER)
        self.classes = CLASSES
        listed = self.path / "ImageSets" / "Segmentation" / f"{part}.txt"
        if not listed.is_file():
            raise ValueError(f"{str(self.path)!r} has no part {part!r}. {hint(part, [file.stem for file in listed.parent.glob('*.txt')])}")
        self.names = [line.strip() for line in read_text(listed).splitlines() if line.strip()]
        for name in self.names:
            for folder, ending in (("JPEGImages", "jpg"), ("SegmentationClass", "png")):
                if not inside(self.path / folder, f"{name}.{ending}", str(listed)).is_file():
                    raise FileNotFoundError(f"{str(listed)!r} names {name!r}; {str(self.path)!r} has no {folder}/{name}.{ending}")

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int) -> Record:
        name = self.names[i]
        path = f"JPEGImages/{name}.jpg"
        return {"image": self.path / path, "segments": class_numbers(self.path / "SegmentationClass" / f"{name}.png"), "path": path}

    def key(self, i: int) -> str:
        """The picture's name."""
        return self.names[i]


def class_numbers(path: Path) -> Tensor:
    """The numbers (H, W) uint8 of a PNG with a palette, whose colours only show them."""
    try:
        with Image.open(path, formats=("PNG",)) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise ValueError(f"it has {picture.width} x {picture.height} pixels; the limit is {MAX_PIXELS:,}")
            if picture.mode not in ("P", "L"):
                raise ValueError(f"it is of mode {picture.mode}; expected class numbers with a palette")
            numbers = np.array(picture)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{str(path)!r} is no mask of classes: {error}") from error
    wrong = numbers[(numbers >= len(CLASSES)) & (numbers != 255)]
    if wrong.size:
        raise ValueError(f"{str(path)!r} holds the class {wrong[0]}; expected 0 to {len(CLASSES) - 1}, and 255 at borders")
    return torch.from_numpy(numbers)
