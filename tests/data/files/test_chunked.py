"""Rows of chunked arrays."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weft.data.files.chunked import batch_of, check_lengths, column_of, record_of, rows_of


class Slices:
    """An array that can only be sliced, and counts how often."""

    def __init__(self, values):
        self.values, self.dtype, self.reads = values, values.dtype, []

    def __getitem__(self, rows):
        self.reads.append((rows.start, rows.stop))
        return self.values[rows]


@given(st.lists(st.integers(0, 49), min_size=1, max_size=30), st.integers(1, 60))
def test_rows_are_those_of_indexing_and_each_chunk_is_read_once(index, block):
    """Brute force: rows_of against NumPy's own indexing, with at most one read a chunk, inside it."""
    array = Slices(np.random.default_rng(0).normal(size=(50, 2)))
    assert np.array_equal(rows_of(array, np.array(index), block), array.values[index])
    assert len(array.reads) == len({i // block for i in index})
    assert all(start // block == (stop - 1) // block for start, stop in array.reads)


def test_kinds_of_values():
    assert column_of(np.array([1.5])).dtype == torch.float32
    ragged = np.empty(2, object)
    ragged[0], ragged[1] = np.array([1, 2]), b"text"
    assert [v.tolist() if isinstance(v, torch.Tensor) else v for v in column_of(ragged)] == [[1, 2], "text"]
    assert column_of(np.array(["a", "b"])) == ["a", "b"]
    arrays = {"x": np.arange(6).reshape(3, 2), "t": np.array(["a", "b", "c"])}
    assert record_of(arrays, 1)["t"] == "b" and record_of(arrays, 1)["x"].tolist() == [2, 3]
    nothing = batch_of(arrays, {"x": 2, "t": 2}, torch.tensor([], dtype=torch.int64))
    assert nothing["x"].shape == (0, 2) and nothing["t"] == []


def test_lengths_must_agree():
    assert check_lengths("f", {"a": 3, "b": 3}) == 3
    with pytest.raises(ValueError, match="different lengths"):
        check_lengths("f", {"a": 3, "b": 2})
    with pytest.raises(ValueError, match="no records"):
        check_lengths("f", {"a": 0})
