"""Shares of ranks cost alike, and the batches stay."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.data import Draws, Levelled, Loader


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=40), st.integers(1, 16), st.integers(1, 5))
def test_shares_differ_by_less_than_the_spread_of_the_batch(costs, batch_size, ranks):
    """Levelled, property: the same records in each batch; the shares of the ranks differ in number by at most one, and in cost by no more than
    the spread of the batch, and the odd records' own cost where it does not divide."""
    inner = Draws(batch_size, replacement=False)
    plain = inner.batches(len(costs), 1, 0)
    levelled = Levelled(inner, costs, ranks).batches(len(costs), 1, 0)
    for before, after in zip(plain, levelled, strict=True):
        assert sorted(before.tolist()) == sorted(after.tolist())
        shares = [[costs[i] for i in after[rank::ranks].tolist()] for rank in range(ranks)]
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
        values = sorted(costs[i] for i in after.tolist())
        odd = values[len(values) % ranks - 1] if len(values) % ranks else 0  # the dearest of the cheap ones that are over
        sums = [sum(share) for share in shares]
        assert max(sums) - min(sums) <= values[-1] - values[0] + odd


def test_two_ranks_wait_less():
    """Levelled, property: over batches of unequal lengths the dearest share of a batch is within 3 per cent of the mean one; dealt out as they
    come it is more than 10 per cent above."""
    lengths = (torch.rand(1024, generator=torch.Generator().manual_seed(0)) * 6).exp()
    inner = Draws(64, replacement=False)

    def excess(plan):
        batches = Loader([{"x": torch.tensor(0)}] * 1024, None, plan)._planned(0)
        return sum(float(max(lengths[b[r::4]].sum() for r in range(4)) / lengths[b].sum()) * 4 - 1 for b in batches) / len(batches)

    assert excess(Levelled(inner, lengths, 4)) < 0.03 and excess(inner) > 0.1


def test_nonsense_is_refused_and_the_plan_describes_itself():
    with pytest.raises(ValueError, match="one finite number"):
        Levelled(Draws(2), [1.0, float("nan")], 2)
    with pytest.raises(ValueError, match="2 costs for 3 records"):
        Levelled(Draws(2), [1.0, 2.0], 2).batches(3, 0, 0)
    a, b = (Levelled(Draws(2), costs, 2).describe() for costs in ([1.0, 2.0], [1.0, 3.0]))
    assert a != b and a["batch_size"] == 2 and a["plan"] == "Draws"
