"""Subset and Concat: numbers map to numbers."""

from __future__ import annotations

import pytest
import torch

from weft.data import Arrays, Concat, Loader, Subset
from weft.data.views import key


def test_subset_and_concat_enumerate_their_sources():
    """Brute force: Subset and Concat against list indexing."""
    a, b = [{"text": c} for c in "abc"], [{"text": c} for c in "de"]
    both = Concat(a, b)
    assert [r["text"] for r in both] == list("abcde")
    assert [r["text"] for r in Subset(both, [4, 0, 3, 0])] == ["e", "a", "d", "a"]
    assert Subset(Subset(both, [4, 2, 0]), [2, 1])[0] == {"text": "a"}
    assert both[-1] == {"text": "e"}
    for i in (5, -6):
        with pytest.raises(IndexError):
            both[i]


def test_a_subset_of_arrays_is_still_read_by_the_batch():
    part = Subset(Arrays({"input": torch.arange(10.0)}), [9, 3, 1])
    assert part.gather(torch.tensor([2, 0]))["input"].tolist() == [1.0, 9.0]
    assert [b["input"].tolist() for b in Loader(part, batch_size=2)] == [[9.0, 3.0], [1.0]]
    assert not hasattr(Subset([{"input": 1}], [0]), "gather")


def test_keys_are_those_of_the_source_below():
    class Named(list):
        def key(self, i):
            return f"name{i}"

    source = Named([{"x": 1}, {"x": 2}])
    assert key(Subset(Concat([{"x": 0}], source), [2]), 0) == "name1"
    assert key([{"x": 0}], 0) == "0"


def test_numbers_outside_are_refused():
    with pytest.raises(ValueError, match="record 3 of a source of 3"):
        Subset([{"x": i} for i in range(3)], [0, 3])
    with pytest.raises(ValueError, match="at least one"):
        Concat()
