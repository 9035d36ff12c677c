"""Batches of several sizes in turn."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weft.data import Arrays, Loader, Sizes


@given(st.lists(st.integers(1, 30), min_size=1, max_size=4), st.integers(1, 200), st.booleans())
def test_sizes_go_round_and_length_is_exact(sizes, count, shuffle):
    """Sizes, brute force: every record once, sizes as a loop by hand deals them, len as many batches."""
    loader = Loader(Arrays({"input": torch.arange(count)}), None, Sizes(sizes, shuffle))
    assert loader.batch_size.describe() == {"sizes": sizes, "shuffle": shuffle}
    expected, left, turn = [], count, 0
    while left:
        expected.append(min(left, sizes[turn % len(sizes)]))
        left, turn = left - expected[-1], turn + 1
    length = len(loader)
    batches = [batch["index"].tolist() for batch in loader]
    assert [len(b) for b in batches] == expected and length == len(expected)
    assert sorted(i for b in batches for i in b) == list(range(count))
    assert shuffle or [i for b in batches for i in b] == list(range(count))


@pytest.mark.parametrize("sizes", [(), (3, 0)])
def test_impossible_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match="each at least 1"):
        Sizes(sizes)
