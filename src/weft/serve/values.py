"""The codec of a bundle that has none: numbers in, numbers out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Values:
    """Nested lists of numbers to a tensor and back: ``{"input": [...]}`` to ``{"output": [...]}``.

    Whole numbers alone become int64 (tokens, classes), else float32.
    Shapes: input any shape, the same for all records of a batch.
    Raises ``ValueError`` for a ragged list, a value that is no finite number, or no ``input``.
    Use when a network has no codec; instead of it, a codec of ``weft.data``, which knows names, units and classes.

    >>> Values().encode({"input": [1.0, 2.5]})["input"]
    tensor([1.0000, 2.5000])
    """

    def encode(self, record: Mapping[str, Any]) -> dict[str, Tensor]:
        if "input" not in record:
            raise ValueError(f"expected a field 'input' with numbers, but got {', '.join(map(str, record)) or 'nothing'}.")
        value = record["input"]
        if isinstance(value, Tensor):
            return {"input": value}
        if isinstance(value, str | bytes | Mapping):
            raise ValueError(f"the field 'input' is a {type(value).__name__}; expected a number or nested lists of numbers.")
        try:
            tensor = torch.as_tensor(value)
        except (ValueError, TypeError, RuntimeError, OverflowError) as error:
            raise ValueError(f"the field 'input' is not a full block of numbers ({error}).") from error
        if tensor.is_floating_point():
            tensor = tensor.float()
            if not torch.isfinite(tensor).all():
                raise ValueError("the field 'input' holds NaN, infinity or a number too large for float32.")
        return {"input": tensor}

    def collate(self, encoded: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        tensors = [item["input"] for item in encoded]
        mixed = len({tensor.dtype for tensor in tensors}) > 1
        return {"input": torch.stack([tensor.float() if mixed else tensor for tensor in tensors])}

    def decode(self, prediction: Mapping[str, Any]) -> list[dict[str, Any]]:
        """One record per row; a number that JSON cannot hold is an error, not an answer."""
        lists = {name: value.tolist() if isinstance(value, Tensor) else list(value) for name, value in prediction.items()}
        for name, value in prediction.items():
            if isinstance(value, Tensor) and value.is_floating_point() and not math.isfinite(float(value.sum())):
                raise ValueError(f"the network's {name} holds NaN or infinity for this input.")
        return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]

    def schema(self) -> dict[str, Any]:
        numbers = {"description": "A number, or nested lists of numbers of one shape.", "anyOf": [{"type": "number"}, {"type": "array"}]}
        return {"type": "object", "properties": {"input": numbers}, "required": ["input"], "additionalProperties": False}

    def spec(self) -> None:
        """Nothing to write down: a bundle without a codec is opened with this one."""
        return
