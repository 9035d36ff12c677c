"""Short videos to tensors and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from weft.data.arrays import stack
from weft.data.clips import dense_frames, uniform_frames
from weft.data.contracts import Batch, Record, Source
from weft.data.folder import pictures
from weft.data.image_codec import SAMPLED, ImageCodec
from weft.data.image_file import MAX_PIXELS
from weft.data.labels import classes_of, decode_classes, target_of


@dataclass(frozen=True)
class VideoCodec:
    """``frames`` pictures of a video as one normalised tensor ``input`` (T, C, H, W); ``record["label"]`` becomes ``target``.

    ``record["frames"]`` is a folder (``Path``) whose pictures in the order of their names are the frames, a list of pictures as ``read_image`` takes
    them, or a uint8 tensor (T, C, H, W). ``sampling``: "uniform" takes the middles of equal segments of the whole, "dense" takes the middle
    stretch, ``stride`` frames apart; for random clips in training put ``SampleClip`` before. Only the frames taken are decoded.
    ``size`` and ``resize`` as in ``ImageCodec``. Raises ValueError for a video without frames.

    Use for actions and short clips; instead of it, ``ImageCodec`` when one frame tells. Cost: ``frames`` pictures a record.

    >>> video = {"frames": [np.full((8, 8), 20 * i, np.uint8) for i in range(10)], "label": "up"}
    >>> codec = VideoCodec(frames=5, size=4, channels=1, classes=("down", "up"))
    >>> (codec.encode(video)["input"][:, 0, 0, 0] * 255).round().tolist()
    [20.0, 60.0, 100.0, 140.0, 180.0]
    """

    frames: int
    size: int | Sequence[int]
    channels: int = 3
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    classes: Sequence[str] | None = None
    resize: str = "crop"
    sampling: str = "uniform"
    stride: int = 1
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if self.frames < 1 or self.stride < 1 or self.sampling not in ("uniform", "dense"):
            raise ValueError(f"frames={self.frames}, stride={self.stride}, sampling={self.sampling!r}; expected at least 1, and 'uniform' or 'dense'")
        picture = self._picture
        for name in ("size", "mean", "std", "classes"):
            object.__setattr__(self, name, getattr(picture, name))

    @property
    def _picture(self) -> ImageCodec:
        return ImageCodec(self.size, self.channels, self.mean, self.std, self.classes, self.resize, self.max_pixels)

    @property
    def num_classes(self) -> int:
        return len(self.classes or ())

    def fit(self, source: Source) -> VideoCodec:
        """Learn classes (when records have labels), mean and deviation from the middle frames of training data."""
        classes = self.classes
        if classes is None and "label" in source[0]:
            classes = classes_of(source[i]["label"] for i in range(len(source)))
        if self.mean is not None and self.std is not None:
            return dataclasses.replace(self, classes=classes)
        chosen = np.linspace(0, len(source) - 1, min(len(source), SAMPLED)).astype(int).tolist()
        middles = [{"image": self._taken(source[i], 1)[0]} for i in chosen]
        like = dataclasses.replace(self._picture, classes=()).fit(middles)
        return dataclasses.replace(self, classes=classes, mean=like.mean, std=like.std)

    def _taken(self, record: Record, count: int) -> list[Any]:
        if "frames" not in record:
            raise ValueError(f"A video record needs the key 'frames', got {sorted(record)}")
        frames = frames_of(record["frames"])
        if not len(frames):
            raise ValueError(f"The video {record['frames']!r} has no frames; expected a folder or a list of pictures")
        dense = self.sampling == "dense"
        return [frames[i] for i in (dense_frames(len(frames), count, self.stride) if dense else uniform_frames(len(frames), count)).tolist()]

    def encode(self, record: Record) -> dict[str, Tensor]:
        picture = dataclasses.replace(self._picture, classes=None)
        encoded = {"input": torch.stack([picture.encode({"image": frame})["input"] for frame in self._taken(record, self.frames)])}
        if self.classes is not None and record.get("label") is not None:
            encoded["target"] = target_of(record["label"], self.classes)
        return encoded

    def collate(self, encoded: list[dict[str, Tensor]]) -> Batch:
        return stack(encoded)

    def decode(self, prediction: dict[str, Tensor]) -> list[Record]:
        """``{"label", "score", "scores"}`` of logits (B, C)."""
        if self.classes is None:
            raise ValueError("This codec knows no classes; fit it on labelled videos or pass classes=")
        return decode_classes(prediction, self.classes)

    def schema(self) -> dict[str, Any]:
        image = {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/*"}
        frames = {"type": "array", "items": image, "minItems": 1, "description": "the frames in order, each file's bytes as base64"}
        return {"type": "object", "properties": {"frames": frames}, "required": ["frames"]}

    def spec(self) -> dict[str, Any]:
        return {"name": "video_codec", "args": {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(self).items()}}


def frames_of(video: Any) -> Any:
    """The frames of a folder (numbers in names count as numbers: frame 10 comes after frame 9), a list or a tensor.

    Raises ValueError for a folder that does not exist.
    """
    if isinstance(video, Path):
        if not video.is_dir():
            raise ValueError(f"{str(video)!r} is not a folder of frames; to read a video file, write its frames to a folder first")
        return sorted(
            pictures(video), key=lambda file: [int(part) if part.isdigit() else part for part in _parts(file.relative_to(video).as_posix())]
        )
    return video


def _parts(name: str) -> list[str]:
    """Runs of letters and of digits in turn, letters first, so that names compare part by part."""
    runs, digits = [""], False
    for letter in name:
        if letter.isdecimal() != digits:
            digits = not digits
            runs.append("")
        runs[-1] += letter
    return runs
