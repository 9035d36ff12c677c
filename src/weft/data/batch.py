"""The batch: a dict of tensors with one first size, or an object with ``__len__``, ``split(parts)`` and ``to(device)``."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

Batch = Any
POSITIONS = ("input", "target", "weight")


def as_batch(raw: object) -> Batch:
    """Bring what a loader yields into the one form: ``(x, y)`` becomes ``{"input": x, "target": y}``, sizes are checked.

    Raises ``TypeError`` for what cannot be a batch, ``ValueError`` naming the key whose first size differs.
    """
    kind = type(raw)
    if (kind is tuple or kind is list) and 1 <= len(raw) <= len(POSITIONS):  # type: ignore[arg-type]  # what most loaders yield, asked first
        batch = dict(zip(POSITIONS, raw, strict=False))  # type: ignore[call-overload]
    elif isinstance(raw, Mapping):
        batch = dict(raw)  # a copy: transforms and methods may add keys without touching the loader's own
    elif isinstance(raw, Tensor):
        batch = {"input": raw}
    elif isinstance(raw, tuple | list) and 1 <= len(raw) <= len(POSITIONS):
        batch = dict(zip(POSITIONS, raw, strict=False))
    elif all(hasattr(raw, name) for name in ("__len__", "split", "to")):
        return raw
    else:
        came = f"a {type(raw).__name__} of {len(raw)}" if isinstance(raw, Sequence) else f"a {type(raw).__name__}"
        raise TypeError(
            f"The data yielded {came}. A batch is a dict of tensors, (input, target), (input, target, weight), a tensor, or an object with __len__,"
            " split(parts) and to(device)."
        )
    size = None
    for key, value in batch.items():
        length = value.shape[0] if type(value) is Tensor and value.ndim else _length(key, value)
        if size is None:
            size, first = length, key
        elif length != size:
            raise ValueError(
                f"In the batch, {key!r} has first size {length} but {first!r} has {size}. Every entry of a batch has one row per sample."
            )
    if size is None:
        raise ValueError("The data yielded an empty dict. A batch needs at least one tensor, usually under 'input'.")
    return batch


def _length(key: object, value: object) -> int:
    if isinstance(value, Tensor):
        if value.ndim:
            return value.shape[0]
        raise ValueError(f"In the batch, {key!r} is a scalar tensor. Every entry of a batch has one row per sample; constants belong to the method.")
    if isinstance(value, list | tuple):
        return len(value)
    raise TypeError(
        f"In the batch, {key!r} is a {type(value).__name__}. Entries are tensors, or lists with one item per sample; turn arrays into tensors, and"
        " flatten nested dicts into keys."
    )


def size(batch: Batch) -> int:
    """Number of samples."""
    return _length("", next(iter(batch.values()))) if isinstance(batch, dict) else len(batch)


def described(batch: Batch) -> str:
    """Names, shapes and types of a batch, in a line for an error.

    >>> described({"input": torch.zeros(2, 3), "text": ["a", "b"]})
    'input (2, 3) float32, text list of 2'
    """
    if not isinstance(batch, Mapping):
        return type(batch).__name__
    values = {
        k: f"{tuple(v.shape)} {str(v.dtype).removeprefix('torch.')}" if isinstance(v, Tensor) else f"{type(v).__name__} of {len(v)}"
        for k, v in batch.items()
    }
    return ", ".join(f"{name} {value}" for name, value in values.items())


def split(batch: Batch, parts: int) -> list[Batch]:
    """Cut into at most ``parts`` nearly equal pieces, none of them empty."""
    parts = max(1, min(parts, size(batch)))
    if parts == 1:
        return [batch]
    if not isinstance(batch, dict):
        return list(batch.split(parts))
    total = size(batch)
    bounds = [total * i // parts for i in range(parts + 1)]
    return [{k: v[a:b] for k, v in batch.items()} for a, b in itertools.pairwise(bounds)]


def move(batch: Batch, device: torch.device, channels_last: bool = False) -> Batch:
    """To the device, without waiting; images to channels-last memory where the network wants it."""
    if device.type == "cpu" and not channels_last and isinstance(batch, dict):
        return (
            batch
            if all(v.is_cpu for v in batch.values() if isinstance(v, Tensor))
            else {k: v.to(device) if isinstance(v, Tensor) else v for k, v in batch.items()}
        )
    if not isinstance(batch, dict):
        return batch.to(device)
    moved = {k: v.to(device, non_blocking=True) if isinstance(v, Tensor) else v for k, v in batch.items()}
    if channels_last:
        moved = {k: v.contiguous(memory_format=torch.channels_last) if isinstance(v, Tensor) and v.ndim == 4 else v for k, v in moved.items()}
    return moved
