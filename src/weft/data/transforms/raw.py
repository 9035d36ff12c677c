"""Transforms of one raw record before its codec: pictures of different sizes, videos of different lengths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from weft.data.clips import dense_frames, segment_frames
from weft.data.contracts import Record
from weft.data.image_file import read_image
from weft.data.keyed import Random
from weft.data.transforms import geometry
from weft.data.transforms.crop import check_rectangles, rectangle
from weft.data.video_codec import frames_of


@dataclass(frozen=True)
class RawResizedCrop:
    """Cut a rectangle of random area and proportions from the original picture, and bring it to ``size``: ``image`` becomes an array (H, W, C) uint8.

    Area and ratio as in ``RandomResizedCrop``; here they are parts of the whole original, whose detail the codec's resize would have lost. A
    JPEG whose part is more than four times ``size`` is decoded at reduced size. Pixels are those of Pillow's resize, to one level of 255.
    Raises ValueError for impossible ranges, and for records with boxes, masks or key points, which move with the batch instead.
    Paper: Szegedy et al., 2015, arXiv:1409.4842.
    Use before ``ImageCodec`` of the same size, as ImageNet is trained; cost: it replaces the codec's own resize.

    >>> from PIL import Image
    >>> record = {"image": Image.new("RGB", (40, 30)), "label": "cat"}
    >>> RawResizedCrop(8)(record, Random(0, 0, torch.arange(1)))["image"].shape
    (8, 8, 3)
    """

    size: int | Sequence[int]
    scale: Sequence[float] = (0.08, 1.0)
    ratio: Sequence[float] = (3 / 4, 4 / 3)
    interpolation: str = "bilinear"
    channels: int = 3

    raw = True

    def __post_init__(self) -> None:
        check_rectangles(self.scale, self.ratio)
        geometry.check_interpolation(self.interpolation)
        object.__setattr__(self, "size", geometry.sides(self.size, 1, 1))
        for name in ("scale", "ratio"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    def __call__(self, record: Record, random: Random) -> Record:
        if wrong := {"boxes", "masks", "keypoints"} & record.keys():
            raise ValueError(f"RawResizedCrop moves only the picture, and the record has {sorted(wrong)}; use RandomResizedCrop on batches")
        draw = random.uniform(4)[0].tolist()
        size: tuple[int, int] = self.size  # type: ignore[assignment]
        original: list[Any] = []

        def needed(*whole: int) -> tuple[int, int]:
            """How large the whole picture must be for its part to have ``size``."""
            original.append(whole)
            extent = rectangle(draw, whole, self.scale, self.ratio)[1]
            return math.ceil(whole[0] * size[0] / extent[0]), math.ceil(whole[1] * size[1] / extent[1])

        image = read_image(record["image"], channels=self.channels, target=needed)
        have = (image.height, image.width)
        whole = original[0] if original else have
        (top, left), (height, width) = rectangle(draw, whole, self.scale, self.ratio)
        if have != whole:  # decoded at reduced size
            down, across = have[0] / whole[0], have[1] / whole[1]
            top, left, height, width = int(top * down), int(left * across), max(1, round(height * down)), max(1, round(width * across))
        part = image.crop((left, top, min(left + width, image.width), min(top + height, image.height)))
        return record | {"image": resized(np.array(part), size, self.interpolation)}


def resized(levels: np.ndarray, size: tuple[int, int], interpolation: str) -> np.ndarray:
    """A picture (H, W) or (H, W, C) uint8 at another size, (H, W, C); torch uses wide instructions here, Pillow's wheels do not."""
    pixels = torch.from_numpy(levels if levels.ndim == 3 else levels[..., None]).movedim(-1, 0)[None]
    mode = "nearest-exact" if interpolation == "nearest" else interpolation
    return functional.interpolate(pixels, size, mode=mode, antialias=interpolation != "nearest")[0].movedim(0, -1).numpy()


@dataclass(frozen=True)
class BySize:
    """Choose a raw transform by the shorter side of the picture: ``rules`` are (side, transform), the first whose side is not reached holds.

    The last rule may have the side None: any picture. A picture that no rule takes stays as it is. Raises ValueError for sides that do not rise.
    Use when small pictures should be handled gently and large ones cut: ``BySize([(224, None), (None, RawResizedCrop(224))])``. Cost: the chosen
    transform's.

    >>> from PIL import Image
    >>> rule = BySize([(20, None), (None, RawResizedCrop(8))])
    >>> [len(np.asarray(rule({"image": Image.new("RGB", (n, n))}, Random(0, 0, torch.arange(1)))["image"])) for n in (12, 30)]
    [12, 8]
    """

    rules: Sequence[Sequence[object]]
    channels: int = 3

    raw = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "rules", tuple(tuple(rule) for rule in self.rules))
        sides = [side for side, _ in self.rules if side is not None]
        if sides != sorted(set(sides)) or any(side is None for side, _ in self.rules[:-1]):  # type: ignore[type-var]
            raise ValueError(f"The sides of the rules are {[side for side, _ in self.rules]}; expected rising numbers, None only as the last")

    def __call__(self, record: Record, random: Random) -> Record:
        image = read_image(record["image"], channels=self.channels)
        record = record | {"image": image}
        for side, transform in self.rules:
            if side is None or min(image.size) < side:  # type: ignore[operator]
                return record if transform is None else transform(record, random)  # type: ignore[operator]
        return record


@dataclass(frozen=True)
class SampleClip:
    """Take ``frames`` frames of a video at random: "dense", a stretch ``stride`` frames apart, or "segments", one of each equal part.

    ``stride`` may be (low, high), drawn uniformly: the speed. ``reverse`` is the probability of playing backwards, ``drop`` that a frame is lost and
    the one before is seen again. ``record["frames"]`` as ``VideoCodec`` takes it becomes a list. Raises ValueError for impossible numbers.
    Paper: Wang et al., 2016, arXiv:1608.00859 (segments). Use before ``VideoCodec``; cost: none, since frames are decoded later.

    >>> clip = SampleClip(3, stride=2)({"frames": list(range(100))}, Random(0, 0, torch.arange(1)))["frames"]
    >>> clip[1] - clip[0], clip[2] - clip[1]
    (2, 2)
    """

    frames: int
    sampling: str = "dense"
    stride: int | Sequence[int] = 1
    reverse: float = 0.0
    drop: float = 0.0

    raw = True

    def __post_init__(self) -> None:
        low, high = (self.stride, self.stride) if isinstance(self.stride, int) else self.stride
        if self.frames < 1 or not 1 <= low <= high or self.sampling not in ("dense", "segments"):
            raise ValueError(
                f"frames={self.frames}, stride={self.stride}, sampling={self.sampling!r}; expected at least 1, and 'dense' or 'segments'"
            )
        if not 0 <= self.reverse <= 1 or not 0 <= self.drop <= 1:
            raise ValueError(f"reverse={self.reverse}, drop={self.drop}; expected probabilities")
        object.__setattr__(self, "stride", (low, high))

    def __call__(self, record: Record, random: Random) -> Record:
        frames = frames_of(record["frames"])
        low, high = self.stride  # type: ignore[misc]
        stride, place = int(random.integers(low, high + 1)[0]), random.uniform(self.frames)[0]
        if self.sampling == "dense":
            index = dense_frames(len(frames), self.frames, stride, float(place[0]))
        else:
            index = segment_frames(len(frames), self.frames, place)
        lost = random.chance(self.drop, self.frames)[0]
        lost[0] = False
        # each place shows the last frame that was not lost
        index = index[torch.where(lost, 0, torch.arange(self.frames)).cummax(0).values]
        if bool(random.chance(self.reverse)[0]):
            index = index.flip(0)
        return record | {"frames": [frames[i] for i in index.tolist()]}
