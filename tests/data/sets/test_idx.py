"""IDX files."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest

from weft.data.sets.idx import read_idx


def idx(array: np.ndarray, code: int) -> bytes:
    big = array.astype(array.dtype.newbyteorder(">"))
    return struct.pack(">HBB", 0, code, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + big.tobytes()


@pytest.mark.parametrize(("dtype", "code"), [("u1", 8), ("i2", 11), ("i4", 12), ("f4", 13), ("f8", 14)])
def test_arrays_survive_the_way_through_a_file(tmp_path, dtype, code):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    (tmp_path / "a").write_bytes(idx(array, code))
    (tmp_path / "a.gz").write_bytes(gzip.compress(idx(array, code)))
    assert np.array_equal(read_idx(tmp_path / "a"), array) and np.array_equal(read_idx(tmp_path / "a.gz"), array)


WHOLE = idx(np.arange(6, dtype=np.uint8).reshape(2, 3), 8)


@pytest.mark.parametrize(
    "data", [b"", b"\0\0", b"hello world", WHOLE[:9], WHOLE[:-1], WHOLE + b"x", b"\0\0\x08\x02" + b"\xff" * 8, b"\0\0\x07\x01\0\0\0\0"]
)
def test_a_header_that_does_not_fit_is_refused(tmp_path, data):
    (tmp_path / "odd").write_bytes(data)
    with pytest.raises(ValueError, match="odd"):
        read_idx(tmp_path / "odd")


def test_an_archive_of_zeros_stops_at_the_limit(tmp_path):
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", 10**7) + b"\0" * 10**7))
    with pytest.raises(ValueError, match="more than 1,000"):
        read_idx(tmp_path / "bomb.gz", 1000)
