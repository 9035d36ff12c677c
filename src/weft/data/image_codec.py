"""Pictures to tensors and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from weft.data.arrays import room, stack
from weft.data.contracts import Batch, Record, Source
from weft.data.image_file import MAX_PIXELS, read_image
from weft.data.labels import classes_of, decode_classes, target_of

CACHED = 1 << 18  # numbers that are normalised at a time, so that they stay in the processor's cache
SAMPLED = 2000  # pictures from which fit takes mean and deviation


@dataclass(frozen=True)
class ImageCodec:
    """A picture as a normalised tensor: (pixel / 255 - mean) / std per channel.

    ``record["image"]`` (see ``read_image``) becomes ``input`` (C, H, W) float32, ``record["label"]`` becomes ``target``, the number of its class.
    ``size`` is (height, width) or one number for both. ``resize``: "crop" scales the shorter side and cuts the middle, "pad" scales the longer
    side and adds black, "stretch" distorts. ``fit`` learns the classes, and mean and std over all pixels of up to 2,000 pictures unless given.
    Raises ValueError for a class not seen in training and for pictures that cannot be read or exceed ``max_pixels``.

    Use when the input is one picture; cost: decoding and one resize per record.

    >>> pictures = [{"image": np.full((8, 8), 255 * i, np.uint8), "label": i} for i in (0, 1)]
    >>> codec = ImageCodec(size=4, channels=1).fit(pictures)
    >>> codec.classes, codec.mean, codec.encode(pictures[1])["input"].shape
    (('0', '1'), (0.5,), torch.Size([1, 4, 4]))
    """

    size: int | Sequence[int]
    channels: int = 3
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    classes: Sequence[str] | None = None
    resize: str = "crop"
    max_pixels: int = MAX_PIXELS

    packed = ("input",)

    def __post_init__(self) -> None:
        size = (self.size, self.size) if isinstance(self.size, int) else tuple(self.size)
        if len(size) != 2 or min(size) < 1:
            raise ValueError(f"size={self.size!r}; expected a positive number or (height, width)")
        if self.channels not in (1, 3):
            raise ValueError(f"channels={self.channels}; expected 1 (grey) or 3 (colour)")
        if self.resize not in ("crop", "pad", "stretch"):
            raise ValueError(f"resize={self.resize!r}; expected 'crop', 'pad' or 'stretch'")
        object.__setattr__(self, "size", size)
        for name in ("mean", "std", "classes"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else tuple(value))
        for name in ("mean", "std"):
            value = getattr(self, name)
            if value is not None and len(value) != self.channels:
                raise ValueError(f"{name} has {len(value)} numbers; expected {self.channels}, one per channel")
        if self.std is not None and min(self.std) <= 0:
            raise ValueError(f"std={self.std}; every channel needs a positive deviation")

    @property
    def num_classes(self) -> int:
        return len(self.classes or ())

    def fit(self, source: Source) -> ImageCodec:
        """Learn classes (when records have labels), mean and deviation from training data."""
        classes = self.classes
        if classes is None and "label" in source[0]:
            classes = classes_of(source[i]["label"] for i in range(len(source)))
        mean, std = (self.mean, self.std) if self.mean is not None and self.std is not None else self._statistics(source)
        return dataclasses.replace(self, classes=classes, mean=self.mean or mean, std=self.std or std)

    def _statistics(self, source: Source) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Over all pixels; the mean of each picture's own deviation would miss what differs between pictures."""
        total, squares, count = torch.zeros(self.channels).double(), torch.zeros(self.channels).double(), 0
        for i in np.linspace(0, len(source) - 1, min(len(source), SAMPLED)).astype(int):
            pixels = (self._levels(source[int(i)]).float() / 255).double().flatten(1)
            total, squares, count = total + pixels.sum(1), squares + (pixels**2).sum(1), count + pixels.shape[1]
        mean = total / count
        std = (squares / count - mean**2).clamp(min=0).sqrt()
        std[std < 1e-3] = 1.0  # a channel without any variation is left as it is
        return tuple(round(v, 6) for v in mean.tolist()), tuple(round(v, 6) for v in std.tolist())

    def _levels(self, record: Record) -> Tensor:
        """The picture in its size, (C, H, W) uint8."""
        if "image" not in record:
            raise ValueError(f"An image record needs the key 'image', got {sorted(record)}")
        height, width = self.size  # pyright: ignore[reportGeneralTypeIssues]
        if isinstance(record["image"], np.ndarray) and (found := record["image"]).dtype == np.uint8 and found.shape == (height, width, self.channels):
            return torch.from_numpy(found if found.flags.writeable else found.copy()).movedim(-1, 0)
        image = read_image(record["image"], channels=self.channels, max_pixels=self.max_pixels, target=(height, width))
        array = np.array(resized(image, height, width, self.resize))
        return torch.from_numpy(array.reshape(height, width, self.channels)).movedim(-1, 0)

    def encode(self, record: Record) -> dict[str, Tensor]:
        packed = self.pack(record)
        return packed | {"input": self._normalised(packed["input"][None])[0]}

    def pack(self, record: Record) -> dict[str, Tensor]:
        """As ``encode``, with ``input`` still in bytes: (C, H, W) uint8."""
        encoded = {"input": self._levels(record)}
        if self.classes is not None and record.get("label") is not None:
            encoded["target"] = target_of(record["label"], self.classes)
        return encoded

    def unpack(self, batch: Batch) -> Batch:
        """A batch of packed records as one of encoded records."""
        return batch | {"input": self._normalised(batch["input"])}

    def _normalised(self, levels: Tensor) -> Tensor:
        """(B, C, H, W) uint8 to normalised float32; a few pictures at a time go through all steps before the next ones do."""
        mean = torch.tensor(self.mean or (0.0,) * self.channels)[:, None, None]
        std = torch.tensor(self.std or (1.0,) * self.channels)[:, None, None]
        out = room(levels.shape, torch.float32)
        step = max(1, CACHED // max(1, levels[:1].numel()))
        for part, given in zip(out.split(step), levels.split(step), strict=True):
            part.copy_(given).div_(255).sub_(mean).div_(std)
        return out

    def collate(self, encoded: list[dict[str, Tensor]]) -> Batch:
        if not encoded or encoded[0]["input"].dtype != torch.uint8:
            return stack(encoded)
        batch = stack([record | {"input": record["input"].movedim(0, -1)} for record in encoded])  # bytes lie colour by colour: copied as they lie
        return batch | {"input": batch["input"].movedim(-1, 1)}

    def decode(self, prediction: dict[str, Tensor]) -> list[Record]:
        """``{"label", "score", "scores"}`` of logits (B, C)."""
        if self.classes is None:
            raise ValueError("This codec knows no classes; fit it on labelled pictures or pass classes=")
        return decode_classes(prediction, self.classes)

    def picture(self, pixels: Tensor) -> Image.Image:
        """An encoded ``input`` (C, H, W) as an image again, for reports."""
        mean = torch.tensor(self.mean or (0.0,) * self.channels)[:, None, None]
        std = torch.tensor(self.std or (1.0,) * self.channels)[:, None, None]
        array = ((pixels.detach().float().cpu() * std + mean) * 255).round().clamp(0, 255).to(torch.uint8).movedim(0, -1).numpy()
        return Image.fromarray(array[..., 0] if self.channels == 1 else array)

    def schema(self) -> dict[str, Any]:
        image = {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/*", "description": "the file's bytes as base64"}
        return {"type": "object", "properties": {"image": image}, "required": ["image"]}

    def spec(self) -> dict[str, Any]:
        return {"name": "image_codec", "args": {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(self).items()}}


def resized(image: Image.Image, height: int, width: int, how: str) -> Image.Image:
    """``image`` at exactly (height, width)."""
    if image.size == (width, height):
        return image
    if how == "stretch":
        return image.resize((width, height), Image.Resampling.BILINEAR)
    scales = (width / image.width, height / image.height)
    scale = max(scales) if how == "crop" else min(scales)
    if how == "crop":  # the box is cut from the original, so that a very long picture is never enlarged first
        w, h = min(image.width, width / scale), min(image.height, height / scale)
        left, top = (image.width - w) / 2, (image.height - h) / 2
        return image.resize((width, height), Image.Resampling.BILINEAR, box=(left, top, left + w, top + h))
    small = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.BILINEAR)
    canvas = Image.new(image.mode, (width, height))
    canvas.paste(small, ((width - small.width) // 2, (height - small.height) // 2))
    return canvas
