"""From easy to hard: shares by formula, mixtures, refusals."""

from __future__ import annotations

import math

import pytest
import torch

from weft.data import Curriculum

HARD = [float(i) for i in range(100)]


def rows(plan, epoch, size=100):
    return torch.cat(list(plan.batches(size, 5, epoch))).tolist()


@pytest.mark.parametrize(
    ("pace", "formula"),
    [
        ("linear", lambda t: 0.2 + 0.8 * t),
        ("root", lambda t: math.sqrt(0.04 + 0.96 * t)),
        ("exponential", lambda t: 0.2 ** (1 - t)),
        ("step", lambda t: 0.2 + 0.8 * math.floor(4 * t) / 4),
    ],
)
def test_the_share_follows_its_formula(pace, formula):
    """Curriculum, closed form: the easiest g(e) of the records, each once."""
    plan = Curriculum(HARD, 4, epochs=8, start=0.2, pace=pace)
    for epoch in range(10):
        found = rows(plan, epoch)
        assert sorted(found) == list(range(round(100 * formula(min(1, epoch / 8)))))
    assert rows(plan, 9) != rows(plan, 10)


def test_reverse_begins_with_the_hardest():
    assert sorted(rows(Curriculum(HARD, 4, start=0.1, reverse=True), 0)) == list(range(90, 100))


def test_hard_records_have_their_part_in_every_batch():
    """Curriculum, property: with hard_share every batch holds that part of the hardest allowed records, within one."""
    for batch in Curriculum(HARD, 8, start=1.0, hard_share=0.25).batches(100, 0, 0):
        assert abs(sum(i >= 75 for i in batch.tolist()) - len(batch) / 4) <= 1


def test_few_records_still_make_a_batch():
    assert len(rows(Curriculum(HARD[:6], 4, start=0.01), 0, 6)) == 4
    assert len(rows(Curriculum(HARD[:3], 4, start=0.01), 0, 3)) == 3


@pytest.mark.parametrize(
    "arguments",
    [{"pace": "fast"}, {"start": 0.0}, {"hard_share": 1.0}, {"epochs": 0}, {"difficulty": [math.nan]}, {"difficulty": torch.ones(2, 2)}],
)
def test_impossible_curricula_are_refused(arguments):
    with pytest.raises(ValueError, match=r"expected|one finite number"):
        Curriculum(**({"difficulty": HARD} | arguments))
    with pytest.raises(ValueError, match="100 difficulties for 4"):
        Curriculum(HARD).batches(4, 0, 0)
