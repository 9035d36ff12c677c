"""The codec of networks that make something out of noise: a seed in, a picture or numbers out."""

from __future__ import annotations

import base64
import io
import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from weft.serve.values import Values

LARGEST = 1 << 24  # numbers of noise for one record; a bundle may come from a stranger


@dataclass(frozen=True)
class NoiseCodec:
    """A seed as standard normal noise of one shape; what a generator makes of it as a PNG, or as numbers.

    ``{"seed": 3}`` becomes ``input`` z ~ N(0, 1) of ``shape``, the same for the same seed; without a seed it is drawn. ``num_labels`` > 0
    adds ``label``, for a generator that is told what to make. ``span`` (low, high) are the values of black and white of an output
    (B, C, H, W) with 1 or 3 channels, which is then a picture.
    Shapes: input (shape); output any, first size B.
    Raises ``ValueError`` for a seed or label out of range, and for more than 16 million numbers.
    Use for the generators of ``gan``, ``vae`` and ``diffusion``; instead of it, ``TokenCodec`` for text. Cost: one draw a record.

    >>> codec = NoiseCodec(shape=[2])
    >>> codec.encode({"seed": 3})["input"].shape, bool((codec.encode({"seed": 3})["input"] == codec.encode({"seed": 3})["input"]).all())
    (torch.Size([2]), True)
    """

    shape: Sequence[int]
    span: Sequence[float] | None = None
    num_labels: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(self.shape))
        object.__setattr__(self, "span", None if self.span is None else tuple(self.span))
        if not all(type(size) is int and size > 0 for size in self.shape) or math.prod(self.shape) > LARGEST:
            raise ValueError(f"shape={self.shape}; expected positive sizes, at most {LARGEST:,} numbers together.")
        if self.span is not None and (len(self.span) != 2 or not self.span[0] < self.span[1]):
            raise ValueError(f"span={self.span}; expected (value of black, value of white), such as (-1, 1).")

    def encode(self, record: Mapping[str, Any]) -> dict[str, Tensor]:
        seed = record.get("seed")
        seed = secrets.randbits(32) if seed is None else _whole(seed, "seed", 1 << 32)
        encoded = {"input": torch.randn(self.shape, generator=torch.Generator().manual_seed(seed))}
        if self.num_labels:
            if "label" not in record:
                raise ValueError(f"expected a 'label' from 0 to {self.num_labels - 1}: what to make.")
            encoded["label"] = torch.tensor(_whole(record["label"], "label", self.num_labels))
        return encoded

    def collate(self, encoded: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        return {name: torch.stack([item[name] for item in encoded]) for name in encoded[0]}

    def decode(self, prediction: Mapping[str, Any]) -> list[dict[str, Any]]:
        """``{"image"}``, a PNG as base64, or ``{"output"}``, numbers."""
        output = prediction["output"]
        if self.span is None or output.ndim != 4 or output.shape[1] not in (1, 3):
            return Values().decode(prediction)
        low, high = self.span
        pixels = ((output - low) / (high - low)).nan_to_num().clamp(0, 1).mul(255).round().to(torch.uint8).movedim(1, -1)
        return [{"image": _png(picture)} for picture in pixels]

    def schema(self) -> dict[str, Any]:
        fields: dict[str, Any] = {"seed": {"type": "integer", "minimum": 0, "maximum": (1 << 32) - 1, "examples": [0]}}
        if self.num_labels:
            fields["label"] = {"type": "integer", "minimum": 0, "maximum": self.num_labels - 1, "examples": [0]}
        return {"type": "object", "properties": fields, "required": ["label"] if self.num_labels else [], "additionalProperties": False}

    def spec(self) -> dict[str, Any]:
        span = None if self.span is None else list(self.span)
        return {"name": "noise_codec", "args": {"shape": list(self.shape), "span": span, "num_labels": self.num_labels}}


def _whole(value: Any, name: str, count: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or not 0 <= value < count:
        raise ValueError(f"the {name} is {value!r}; expected a whole number from 0 to {count - 1}.")
    return int(value)


def _png(pixels: Tensor) -> str:
    from PIL import Image

    file = io.BytesIO()
    array = pixels.numpy()
    Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()
