"""The IDX format of MNIST: a header of big-endian numbers, then raw values."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from weft.data.text_file import read_bytes

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | Path, max_bytes: int = 500_000_000) -> np.ndarray:
    """The array of an IDX file, ``.gz`` or plain; raises ValueError when header and size do not agree."""
    data = read_bytes(path, max_bytes)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in TYPES:
        raise ValueError(f"{str(path)!r} is not an IDX file: it starts with {data[:4].hex() or 'nothing'}")
    dtype, header = np.dtype(TYPES[data[2]]), 4 + 4 * data[3]
    if len(data) < header:
        raise ValueError(f"{str(path)!r} is cut short inside its header")
    shape = tuple(int(n) for n in np.frombuffer(data[4:header], ">u4"))
    expected = header + math.prod(shape) * dtype.itemsize
    if len(data) != expected:
        raise ValueError(f"{str(path)!r} has {len(data):,} bytes; its header {shape} announces {expected:,}")
    return np.frombuffer(data, dtype, offset=header).reshape(shape)
