"""Windows of a token stream: every target where it belongs."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weft.data import Loader
from weft.data.windows import Windows


@given(st.integers(2, 60), st.integers(1, 12), st.integers(1, 15))
def test_targets_are_the_next_tokens_at_every_stride(size, length, stride):
    """Brute force: Windows against slices of a list."""
    tokens = list(range(100, 100 + size))
    if size < length + 1:
        return
    windows = Windows(torch.tensor(tokens), length, stride)
    starts = range(0, size - length, stride)
    assert [w["input"].tolist() for w in windows] == [tokens[s : s + length] for s in starts]
    assert [w["target"].tolist() for w in windows] == [tokens[s + 1 : s + length + 1] for s in starts]


@given(st.integers(2, 60), st.integers(1, 12))
def test_cover_counts_every_target_exactly_once(size, length):
    """Property: so that a loss over the windows is the loss over the whole stream."""
    if size < length + 1:
        return
    windows = Windows(torch.arange(size), length, cover=True)
    counted = torch.cat([w["target"][w["mask"]] for w in windows])
    assert sorted(counted.tolist()) == list(range(1, size))


def test_a_loader_gathers_what_single_records_give():
    windows = Windows(torch.arange(50), 7, cover=True)
    for batch in Loader(windows, batch_size=3, shuffle=True):
        for row, i in enumerate(batch["index"].tolist()):
            assert all(torch.equal(batch[key][row], value) for key, value in windows[i].items())


@pytest.mark.parametrize(("arguments", "words"), [((8,), "need 9"), ((0,), "at least 1"), ((2, 0), "at least 1")])
def test_impossible_windows_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        Windows(torch.arange(8), *arguments)
    with pytest.raises(ValueError, match="stride = length"):
        Windows(torch.arange(8), 3, 1, cover=True)
