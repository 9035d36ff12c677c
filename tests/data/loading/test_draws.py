"""Draws and chunk by chunk: counts, bounds, and which chunks a batch touches."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.data import Blocks, Draws, Loader


def test_draws_with_replacement_are_even_and_without_are_distinct():
    """Draws, property: over many epochs each record comes equally often within 4 sigma, 37 of 100 miss an epoch; without replacement none twice."""
    plan = Draws(64)
    drawn = torch.stack([torch.cat(list(plan.batches(200, 3, epoch))) for epoch in range(100)])
    counts = drawn.flatten().bincount(minlength=200)
    assert drawn.shape == (100, 200) and counts.min() > 60 and counts.max() < 140
    missing = 1 - torch.tensor([len(row.unique()) / 200 for row in drawn]).mean()
    assert abs(float(missing) - 0.367) < 0.01
    few = Draws(8, num_samples=50, replacement=False)
    for epoch in range(3):
        rows = torch.cat(list(few.batches(60, 3, epoch)))
        assert len(rows) == len(rows.unique()) == 50
    assert not torch.equal(torch.cat(list(few.batches(60, 3, 0))), torch.cat(list(few.batches(60, 3, 1))))
    assert len(Loader([{"x": torch.tensor(1)}] * 3, None, Draws(4, num_samples=10))) == 3


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 7), st.integers(1, 3), st.integers(0, 2))
def test_every_record_once_from_few_chunks_at_a_time(size, block, batch_size, together, epoch):
    """Blocks, brute force: every record once; in the order of batches a chunk's records lie within its group of chunks, all of one group
    before those of the next."""
    batches = Blocks(block, batch_size, together).batches(size, 5, epoch)
    order = torch.cat(list(batches)).tolist()
    assert sorted(order) == list(range(size)) and [len(b) for b in batches[:-1]] == [batch_size] * (len(batches) - 1)
    groups: list[set[int]] = []
    for i in order:  # a new group begins when a chunk comes that the present group has no room for
        chunk = i // block
        if not groups or (chunk not in groups[-1] and len(groups[-1]) == together):
            groups.append(set())
        groups[-1].add(chunk)
    assert sum(map(len, groups)) == -(-size // block), "a chunk is needed again after it was left"


def test_chunks_and_records_come_in_another_order_each_epoch():
    plan = Blocks(10, 5, 2)
    first, second = (torch.cat(list(plan.batches(100, 0, epoch))) for epoch in (0, 1))
    assert not torch.equal(first, second) and not torch.equal(first // 10, second // 10) and not torch.equal(first[:20].sort().values, torch.arange(20))
    assert plan.describe() == {"block": 10, "batch_size": 5, "together": 2}


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        Draws(0)
    with pytest.raises(ValueError, match="5 samples without replacement from 3"):
        Draws(2, 5, replacement=False).batches(3, 0, 0)
    with pytest.raises(ValueError, match="at least 1"):
        Blocks(0)
