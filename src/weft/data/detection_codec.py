"""Pictures with boxes, masks and key points to tensors and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from weft.data.arrays import stack
from weft.data.contracts import Batch, Record, Source
from weft.data.image_codec import ImageCodec
from weft.data.image_file import MAX_PIXELS, read_image
from weft.data.labels import name_of, target_of
from weft.data.transforms.targets import convert_boxes

PADDING = -100  # the label of places in a batch that hold no box: no class has this number


@dataclass(frozen=True)
class DetectionCodec:
    """A picture and the things in it: ``input`` (C, H, W), ``boxes`` (N, 4) as x1, y1, x2, y2 in its pixels, ``labels`` (N,), ``boxes_mask`` (N,).

    ``record["boxes"]`` are in pixels of the upright original, written as ``form`` says; ``record["labels"]`` are class names, one a box. Optional:
    ``record["masks"]``, one array (H, W) or polygon [[x, y], ...] a box, becomes ``masks`` (N, H, W) bool; ``record["keypoints"]`` (N, K, 2) or
    (N, K, 3), the third above 0 for what is seen, becomes ``keypoints`` (N, K, 2) and ``keypoints_mask``. A batch is padded to its longest record.
    ``resize`` "pad" keeps proportions and adds black to the right and below; "stretch" distorts. ``frame`` (4,) is how to come back: scales and the
    original's width and height. Raises ValueError naming the box that is inside out, outside the picture, or without a label.

    Use for detection, instance segmentation and key points; instead of it, ``ImageCodec`` for one label a picture. Cost: decoding and one resize.

    >>> record = {"image": np.zeros((10, 20, 3), np.uint8), "boxes": [[2, 4, 10, 8]], "labels": ["cat"]}
    >>> codec = DetectionCodec(size=10, classes=("cat", "dog"))
    >>> codec.encode(record)["boxes"].tolist()
    [[1.0, 2.0, 5.0, 4.0]]
    """

    size: int | Sequence[int]
    channels: int = 3
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    classes: Sequence[str] | None = None
    resize: str = "pad"
    form: str = "xyxy"
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if self.resize not in ("pad", "stretch"):
            raise ValueError(f"resize={self.resize!r}; expected 'pad' or 'stretch', which keep every box in the picture")
        convert_boxes(torch.zeros(4), self.form, "xyxy")
        like = ImageCodec(self.size, self.channels, self.mean, self.std, None, "stretch", self.max_pixels)  # checks the rest
        for name in ("size", "mean", "std"):
            object.__setattr__(self, name, getattr(like, name))
        object.__setattr__(self, "classes", None if self.classes is None else tuple(self.classes))

    @property
    def num_classes(self) -> int:
        return len(self.classes or ())

    def fit(self, source: Source) -> DetectionCodec:
        """Learn the classes of all boxes, and mean and deviation of pictures, from training data."""
        classes = self.classes
        if classes is None:
            classes = tuple(sorted({name_of(label) for i in range(len(source)) for label in source[i].get("labels", ())}))
            if not classes:
                raise ValueError("No record has 'labels', so there are no classes to learn; pass classes=")
        like = ImageCodec(self.size, self.channels, self.mean, self.std, (), "stretch", self.max_pixels).fit(source)
        return dataclasses.replace(self, classes=classes, mean=like.mean, std=like.std)

    def encode(self, record: Record) -> dict[str, Tensor]:
        if "image" not in record:
            raise ValueError(f"A detection record needs the key 'image', got {sorted(record)}")
        image = read_image(record["image"], channels=self.channels, max_pixels=self.max_pixels)
        height, width = self.size  # type: ignore[misc]
        scale = (width / image.width, height / image.height)
        if self.resize == "pad":
            scale = (min(scale),) * 2
        small = (max(1, round(image.width * scale[0])), max(1, round(image.height * scale[1])))
        canvas = Image.new(image.mode, (width, height))
        canvas.paste(image.resize(small, Image.Resampling.BILINEAR))
        pixels = torch.from_numpy(np.array(canvas).reshape(height, width, self.channels)).movedim(-1, 0).float() / 255
        mean = torch.tensor(self.mean or (0.0,) * self.channels)[:, None, None]
        std = torch.tensor(self.std or (1.0,) * self.channels)[:, None, None]
        frame = torch.tensor([small[0] / image.width, small[1] / image.height, image.width, image.height])
        encoded = {"input": (pixels - mean) / std, "frame": frame}
        return encoded | self._things(record, image, frame, small) if "boxes" in record else encoded

    def _things(self, record: Record, image: Image.Image, frame: Tensor, small: tuple[int, int]) -> dict[str, Tensor]:
        boxes = convert_boxes(torch.as_tensor(np.array(record["boxes"], np.float32)).reshape(-1, 4), self.form, "xyxy")
        limit = torch.tensor([image.width, image.height] * 2)
        for i, (x1, y1, x2, y2) in enumerate(boxes.tolist()):
            if x2 <= x1 or y2 <= y1:
                raise ValueError(f"Box {i} is {record['boxes'][i]} as {self.form}, which has no area; expected a right edge beyond the left one")
            if x1 >= image.width or y1 >= image.height or x2 <= 0 or y2 <= 0:
                raise ValueError(f"Box {i} is {record['boxes'][i]} as {self.form}, outside its picture of {image.width} x {image.height}")
        labels = record.get("labels", ())
        if self.classes is None or len(labels) != len(boxes):
            raise ValueError(f"{len(boxes)} boxes have {len(labels)} labels, of {self.num_classes} known classes; expected one of a known class each")
        encoded = {
            "boxes": boxes.clamp(min=0).minimum(limit) * frame[:2].repeat(2),
            "labels": torch.tensor([int(target_of(label, self.classes)) for label in labels], dtype=torch.int64),
            "boxes_mask": torch.ones(len(boxes), dtype=torch.bool),
        }
        if "masks" in record:
            masks = [self._mask(mask, image.size, small, f"Mask {i}") for i, mask in enumerate(record["masks"])]
            encoded["masks"] = torch.stack(masks) if masks else torch.zeros(0, *self.size, dtype=torch.bool)  # type: ignore[misc]
        if "keypoints" in record:
            points = torch.as_tensor(np.array(record["keypoints"], np.float32)).reshape(
                len(boxes), -1, np.shape(record["keypoints"])[-1] if len(boxes) else 2
            )
            encoded["keypoints"] = points[..., :2] * frame[:2]
            encoded["keypoints_mask"] = points[..., 2] > 0 if points.shape[-1] == 3 else torch.ones(points.shape[:2], dtype=torch.bool)
        if any(len(value) != len(boxes) for value in encoded.values()):
            raise ValueError(f"A record has { ({key: len(value) for key, value in encoded.items()}) }; expected as many of each as there are boxes")
        return encoded

    def _mask(self, mask: Any, original: tuple[int, int], small: tuple[int, int], name: str) -> Tensor:
        array = np.asarray(mask)
        if array.ndim == 2 and array.shape[1] == 2 and array.shape != original[::-1]:  # a polygon
            picture = Image.new("L", original)
            ImageDraw.Draw(picture).polygon([(float(x), float(y)) for x, y in array], fill=255)
        else:
            if array.shape != original[::-1]:
                raise ValueError(f"{name} has shape {array.shape}; expected (height, width) {original[::-1]} of its picture, or a polygon (n, 2)")
            picture = Image.fromarray((array > 0).astype(np.uint8) * 255)
        canvas = Image.new("L", self.size[::-1])  # type: ignore[index]
        canvas.paste(picture.resize(small, Image.Resampling.NEAREST))
        return torch.from_numpy(np.array(canvas) > 127)

    def collate(self, encoded: list[dict[str, Tensor]]) -> Batch:
        """Padded to the longest record: masks False, labels -100, the rest 0."""
        most = max(1, *(len(record.get("boxes", ())) for record in encoded)) if encoded else 1
        return stack([{key: self._padded(key, value, most) for key, value in record.items()} for record in encoded])

    def _padded(self, key: str, value: Tensor, size: int) -> Tensor:
        if key in ("input", "frame") or len(value) == size:
            return value
        filler = value.new_full((size - len(value), *value.shape[1:]), PADDING if key == "labels" else 0)
        return torch.cat([value, filler])

    def decode(self, prediction: dict[str, Tensor]) -> list[Record]:
        """``{"boxes", "labels", "scores"}`` a record, best first.

        ``prediction``: ``boxes`` (B, N, 4) in pixels of the input, ``labels`` (B, N), ``scores`` (B, N), and optional ``boxes_mask``. With the
        batch's ``frame`` (B, 4) among it, boxes come in pixels of the original, cut at its border and written as ``form`` says.
        """
        if self.classes is None:
            raise ValueError("This codec knows no classes; fit it on labelled pictures or pass classes=")
        if missing := {"boxes", "labels", "scores"} - prediction.keys():
            raise ValueError(f"The prediction lacks {sorted(missing)}; it has {sorted(prediction)}")
        values = {key: value.detach().float().cpu() for key, value in prediction.items()}
        records = []
        for i, boxes in enumerate(values["boxes"]):
            kept = values["boxes_mask"][i] > 0 if "boxes_mask" in values else torch.ones(len(boxes), dtype=torch.bool)
            if "frame" in values:
                scale, limit = values["frame"][i, :2].repeat(2), values["frame"][i, 2:].repeat(2)
                boxes = (boxes / scale).clamp(min=0).minimum(limit)
            order = [int(n) for n in values["scores"][i].argsort(descending=True, stable=True) if kept[n]]
            written = convert_boxes(boxes, "xyxy", self.form)
            records.append(
                {
                    "boxes": [[round(v, 3) for v in written[n].tolist()] for n in order],
                    "labels": [self.classes[int(values["labels"][i, n])] for n in order],
                    "scores": [round(float(values["scores"][i, n]), 6) for n in order],
                }
            )
        return records

    def schema(self) -> dict[str, Any]:
        image = {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/*", "description": "the file's bytes as base64"}
        return {"type": "object", "properties": {"image": image}, "required": ["image"]}

    def spec(self) -> dict[str, Any]:
        return {"name": "detection_codec", "args": {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(self).items()}}
