"""Windows over sequences, by enumeration."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.data import Sliding, split_by_hash


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=4), st.integers(1, 5), st.integers(1, 6), st.sampled_from(["drop", "short", "end"]))
def test_windows_are_those_counted_by_hand(lengths, window, stride, last):
    """Sliding, brute force: every start of a whole window, and what the rule adds at each sequence's end; no window crosses a border."""
    sequences = [100 * n + torch.arange(length) for n, length in enumerate(lengths)]
    expected = []
    for sequence in sequences:
        whole = [sequence[s : s + window].tolist() for s in range(0, len(sequence), stride) if s + window <= len(sequence)]
        rest = [sequence[s : s + window].tolist() for s in range(0, len(sequence), stride) if s + window > len(sequence)]
        reached = bool(whole) and whole[-1][-1] == sequence[-1]
        extra = [] if reached or last == "drop" else rest[:1] if last == "short" else [sequence[-window:].tolist()] if whole else []
        expected += whole + extra
    if not expected:
        with pytest.raises(ValueError, match="long enough"):
            Sliding(sequences, window, stride, last=last)
        return
    found = Sliding(sequences, window, stride, last=last)
    assert [record["input"].tolist() for record in found] == expected and len(found) == len(expected)
    assert all((record["input"] // 100 == record["sequence"]).all() for record in found)
    assert found[-1]["input"].tolist() == expected[-1]


def test_targets_follow_and_sequences_stay_together():
    """Sliding, property: a scalar target is each window's, a long one is cut along; a split by key keeps a sequence on one side."""
    sequences = [torch.arange(6) + 10 * n for n in range(20)]
    whole = Sliding(sequences, 3, 3, targets=list(range(20)))
    assert [record["target"] for record in whole] == [n for n in range(20) for _ in range(2)]
    steps = Sliding(sequences, 3, 2, targets=[sequence * 2 for sequence in sequences])
    assert all(torch.equal(record["target"], record["input"] * 2) for record in steps)
    parts = split_by_hash(whole, {"train": 0.5, "test": 0.5})
    assert not {r["sequence"] for r in parts["train"]} & {r["sequence"] for r in parts["test"]}


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        Sliding([torch.arange(3)], 0)
    with pytest.raises(ValueError, match="2 targets for 1 sequences"):
        Sliding([torch.arange(3)], 1, targets=[1, 2])
    with pytest.raises(ValueError, match="3 steps and its target 2"):
        Sliding([torch.arange(3)], 1, targets=[torch.arange(2)])
    with pytest.raises(IndexError):
        Sliding([torch.arange(3)], 1)[3]
