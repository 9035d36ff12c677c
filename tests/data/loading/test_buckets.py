"""Buckets and token budgets: nobody is lost, nothing is exceeded, little is padding."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.data import Arrays, Buckets, Loader, TokenBudget

LENGTHS = st.lists(st.integers(0, 40), min_size=1, max_size=120)


def padding(lengths, batches):
    padded = sum(len(b) * int(lengths[b].max()) for b in batches)
    return 1 - float(lengths.sum()) / padded


@settings(max_examples=80, deadline=None)
@given(LENGTHS, st.integers(1, 9), st.one_of(st.none(), st.integers(1, 5)), st.integers(0, 3))
def test_every_record_once_in_buckets(lengths, batch_size, window, epoch):
    """Buckets, property: a partition of the records into batches of the size asked for and one shorter one."""
    batches = Buckets(lengths, batch_size, window).batches(len(lengths), 3, epoch)
    assert sorted(torch.cat(list(batches)).tolist()) == list(range(len(lengths)))
    assert sum(len(b) < batch_size for b in batches) <= 1 and max(map(len, batches)) <= batch_size


@settings(max_examples=80, deadline=None)
@given(LENGTHS, st.integers(40, 200), st.sampled_from([1, 4, 8]), st.one_of(st.none(), st.integers(1, 6)), st.integers(0, 3))
def test_no_batch_above_the_budget(lengths, max_tokens, multiple, most, epoch):
    """TokenBudget, property: every record once, padded size within the budget, and no more batches than filling them by hand makes."""
    batches = TokenBudget(lengths, max_tokens, most, multiple, window=None).batches(len(lengths), 3, epoch)
    rounded = (torch.tensor(lengths) + multiple - 1) // multiple * multiple
    assert sorted(torch.cat(list(batches)).tolist()) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) * int(rounded[batch].max()) <= max_tokens
        assert most is None or len(batch) <= most
    greedy, held = 1, []
    for length in sorted(rounded.clamp(min=multiple).tolist()):  # by hand: the next one, as long as it fits
        held = [*held, length]
        if len(held) * length > max_tokens or len(held) > (most or len(lengths)):
            greedy, held = greedy + 1, [length]
    assert len(batches) == greedy


def test_padding_is_far_below_that_of_random_batches():
    lengths = torch.randint(1, 100, (2000,), generator=torch.Generator().manual_seed(0))
    plain = padding(lengths, Loader(Arrays({"x": lengths}), batch_size=32, shuffle=True).batches(0, 0))
    assert padding(lengths, Buckets(lengths, 32).batches(2000, 0, 0)) < 0.1 * plain
    assert padding(lengths, TokenBudget(lengths, 3200).batches(2000, 0, 0)) < 0.1 * plain


def test_order_changes_from_epoch_to_epoch_and_repeats_within():
    lengths = list(range(64))
    plan = Buckets(lengths, 4, window=2)
    first, again, second = (torch.cat(list(plan.batches(64, 0, epoch))).tolist() for epoch in (0, 0, 1))
    assert first == again != second
    assert len(Buckets(lengths[:10], 4, drop_last=True).batches(10, 0, 0)) == 2


def test_the_loader_follows_a_plan_and_resumes_within_it():
    """Loader, property: batches are the plan's, len is exact, a position holds for an equal plan only."""
    source = Arrays({"input": torch.arange(50)})
    loader = Loader(source, None, TokenBudget(list(range(1, 51)), 100), seed=4)
    whole = [batch["index"].tolist() for batch in loader]
    assert len(whole) == len(TokenBudget(list(range(1, 51)), 100).batches(50, 4, 0))
    assert sorted(i for batch in whole for i in batch) == list(range(50))
    loader.set_epoch(0)
    assert len(loader) == len(whole)
    running = iter(loader)
    for _ in range(3):
        next(running)
    state = loader.state_dict()
    other = Loader(source, None, TokenBudget(list(range(1, 51)), 100), seed=4)
    other.load_state_dict(state)
    assert [batch["index"].tolist() for batch in other] == whole[3:]
    with pytest.raises(ValueError, match="max_tokens was 100, now 120"):
        Loader(source, None, TokenBudget(list(range(1, 51)), 120), seed=4).load_state_dict(state)
    with pytest.raises(ValueError, match="decided by the plan Buckets"):
        Loader(source, None, Buckets(list(range(50))), shuffle=True)
    with pytest.raises(TypeError, match="Plan"):
        Loader(source, None, "many")


def test_lengths_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="Record 1 takes 60 tokens, and 1 records in all"):
        TokenBudget([5, 60], 50)
    with pytest.raises(ValueError, match="3 lengths for 2 records"):
        Buckets([1, 2, 3]).batches(2, 0, 0)
    for wrong in (torch.tensor([1.5]), [-1], torch.tensor([[1]])):
        with pytest.raises(ValueError, match="whole numbers from 0 on"):
            Buckets(wrong)
    with pytest.raises(ValueError, match="at least 1"):
        Buckets([1], 0)
    with pytest.raises(ValueError, match="at least 1"):
        TokenBudget([1], 10, multiple_of=0)


def test_making_a_plan_reads_no_record():
    """Buckets and TokenBudget, contract: lengths are enough; a loader made, counted and planned has opened nothing, and reads each record once."""
    read = []

    class Slow:
        def __len__(self):
            return 12

        def __getitem__(self, i):
            read.append(i)
            return {"input": torch.zeros(2), "number": i}

    for plan in (Buckets(range(12), 4), TokenBudget(range(12), 40)):
        loader = Loader(Slow(), None, plan)
        assert len(loader) > 0 and len(list(loader.batches(0, 0))) == len(loader) and read == []
        assert sum(len(batch["number"]) for batch in loader) == 12 and sorted(read) == list(range(12))
        read.clear()
