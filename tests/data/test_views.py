"""Subset and Concat: numbers map to numbers."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.data import Arrays, Concat, Loader, PadCollate, Subset
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


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), *[st.none() | st.integers(-15, 15)] * 2, st.none() | st.integers(-4, 4).filter(bool))
def test_a_slice_is_that_of_a_list(size, start, stop, step):
    """Subset, property: any slice of any source gives the records that a list would, one by one and by the batch."""
    wanted = list(range(size))[start:stop:step]
    part = Subset(Arrays({"input": torch.arange(size)}), slice(start, stop, step))
    assert [part[i]["input"].item() for i in range(len(part))] == wanted
    assert part.gather(torch.arange(len(part)))["input"].tolist() == wanted


def test_sequences_of_any_length_with_their_targets_are_a_source():
    """Arrays, PadCollate: sequences stay as they are until a batch is made, whose mask tells what is padding."""
    sequences = [torch.arange(n + 1.0) for n in (3, 1, 2)]
    source = Arrays({"input": sequences, "target": [0, 1, 0]})
    assert len(source) == 3 and source[-1]["input"].tolist() == [0, 1, 2]
    with pytest.raises(IndexError):
        source[3]
    with pytest.raises(ValueError, match="equal length"):
        Arrays({"input": sequences, "target": [0, 1]})
    batch = PadCollate()([source[i] for i in range(3)])
    assert batch["attend"].sum(1).tolist() == [4, 2, 3] and [int(value) for value in batch["target"]] == [0, 1, 0]
