"""Keyed randomness: against the reference generator, by distribution, and free of state."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weft.data.keyed import Random, hashed, mix, shuffled, signed

MASK = 2**64 - 1
MANY = torch.arange(100_000)


def splitmix(x: int) -> int:
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & MASK
    return x ^ (x >> 31)


@given(st.integers(0, MASK))
def test_mix_equals_splitmix64_in_big_integers(x):
    assert mix(torch.tensor(signed(x))).item() == signed(splitmix(x))


def test_mix_gives_the_published_first_output_of_seed_zero():
    assert mix(torch.tensor(signed(0x9E3779B97F4A7C15))).item() % 2**64 == 0xE220A8397B1DCDAF


def test_hashed_depends_on_every_part_and_on_their_order():
    values = [hashed(*parts).item() for parts in ((0, 0), (0, 1), (1, 0), (1, 1), (0,), (0, 0, 0), (-1, 0))]
    assert len(set(values)) == len(values)


def test_shuffled_is_a_permutation_that_changes_with_seed_and_epoch():
    orders = [tuple(shuffled(50, seed, epoch).tolist()) for seed in range(4) for epoch in range(4)]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len(set(orders)) == 16


def test_places_after_shuffling_are_uniform():
    # record 0's place over many epochs, chi-square with 9 degrees of freedom: 27.9 is the 0.1 % point
    places = torch.tensor([(shuffled(10, 7, epoch) == 0).nonzero().item() for epoch in range(2000)])
    counts = places.bincount(minlength=10)
    assert ((counts - 200.0) ** 2 / 200).sum() < 27.9


def test_a_record_draws_the_same_in_any_company():
    alone = Random(1, 2, torch.tensor([5]), 3)
    among = Random(1, 2, torch.tensor([9, 5, 0]), 3)
    for draw in ("uniform", "normal", "bits"):
        assert torch.equal(getattr(alone, draw)(2, 3)[0], getattr(among, draw)(2, 3)[1])
    assert torch.equal(alone.integers(0, 100)[0], among.integers(0, 100)[1])
    assert torch.equal(alone.beta(0.3)[0], among.beta(0.3)[1])


@pytest.mark.parametrize("other", [(2, 2, 3), (1, 3, 3), (1, 2, 4)])
def test_seed_epoch_and_transform_all_matter(other):
    seed, epoch, transform = other
    same, changed = Random(1, 2, MANY[:100], 3), Random(seed, epoch, MANY[:100], transform)
    assert (same.uniform() == changed.uniform()).sum() <= 1


def test_successive_draws_and_neighbours_do_not_correlate():
    random = Random(0, 0, MANY)
    first, second = random.uniform(), random.uniform(2)
    for a, b in ((first, second[:, 0]), (second[:, 0], second[:, 1]), (first[1:], first[:-1])):
        assert abs(torch.corrcoef(torch.stack([a, b]))[0, 1]) < 0.015  # 4.7 standard errors


def test_uniform_fills_its_range():
    draws = Random(3, 0, MANY).uniform()
    assert draws.min() >= 0 and draws.max() < 1
    counts = (draws * 100).long().bincount(minlength=100)
    assert ((counts - 1000.0) ** 2 / 1000).sum() < 149  # chi-square, 99 degrees of freedom, 0.1 %


def test_normal_has_the_moments_of_a_normal():
    draws = Random(4, 0, MANY).normal().double()
    assert abs(draws.mean()) < 0.02 and abs(draws.var() - 1) < 0.03
    assert abs((draws**3).mean()) < 0.05 and abs((draws**4).mean() - 3) < 0.15


@pytest.mark.parametrize("alpha", [0.05, 0.2, 1.0, 5.0])
def test_beta_has_the_moments_of_a_beta(alpha):
    draws = Random(5, 0, MANY).beta(alpha).double()
    assert draws.isfinite().all() and draws.min() >= 0 and draws.max() <= 1
    assert abs(draws.mean() - 0.5) < 0.01
    assert abs(draws.var() - 1 / (4 * (2 * alpha + 1))) < 0.005


def test_integers_reach_both_ends_and_refuse_an_empty_range():
    draws = Random(6, 0, MANY).integers(-2, 3)
    assert draws.unique().tolist() == [-2, -1, 0, 1, 2]
    assert (draws.add(2).bincount() - 20_000).abs().max() < 600
    with pytest.raises(ValueError, match="empty range"):
        Random(6, 0, MANY).integers(3, 3)


def test_permutation_orders_the_batch_and_an_empty_batch_draws_nothing():
    assert Random(0, 0, torch.arange(20)).permutation().sort().values.tolist() == list(range(20))
    empty = Random(0, 0, torch.arange(0))
    assert empty.permutation().shape == (0,) and empty.uniform(3).shape == (0, 3) and empty.beta(1.0).shape == (0,)


def test_a_row_draws_what_its_record_draws_alone():
    """Random.row, property: whatever is drawn, in whatever order the records ask, it is that of a batch of one."""
    index = torch.tensor([5, 0, 9])
    whole = Random(3, 1, index, 2)
    for place in (1, 0, 2):
        row, alone = whole.row(place), Random(3, 1, index[place : place + 1], 2)
        for draw in ("uniform", "normal"):
            assert torch.equal(getattr(row, draw)(4), getattr(alone, draw)(4))
        assert torch.equal(row.integers(0, 7), alone.integers(0, 7)) and torch.equal(row.beta(0.3), alone.beta(0.3))
    assert torch.equal(whole.uniform(4), Random(3, 1, index, 2).uniform(4))  # rows do not move the batch on
