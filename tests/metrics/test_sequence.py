"""Edit distance against a table filled by hand, and padding that changes nothing."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.metrics import EditDistance, ExactMatch
from weft.metrics.sequence import edit_distance, exact_match

rows = st.lists(st.lists(st.integers(1, 4), max_size=7), min_size=1, max_size=5)


def slow(a, b):
    """The table, cell by cell."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        corner, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (x != y))
    return row[-1]


def padded(lists, width, left=False):
    """Ids padded with 0 on one side."""
    return torch.tensor([[0] * (width - len(r)) + r if left else r + [0] * (width - len(r)) for r in lists]).view(len(lists), width)


@given(data=st.data(), first=rows)
@settings(max_examples=60, deadline=None)
def test_equals_the_table_whatever_the_padding(data, first):
    """Brute force: edit_distance of ragged rows, padded left or right and however wide, is that of each pair alone."""
    second = [data.draw(st.lists(st.integers(1, 4), max_size=7)) for _ in first]
    expected = [slow(a, b) for a, b in zip(first, second, strict=True)]
    for width, left in ((7, False), (7, True), (11, False)):
        guess, right = padded(first, width, left), padded(second, width + 1)
        assert edit_distance(guess, right, guess != 0, right != 0).tolist() == expected
        assert exact_match(guess, right, pad=0) == pytest.approx(sum(a == b for a, b in zip(first, second, strict=True)) / len(first))


def test_masks_and_pad_say_the_same():
    """Property: EditDistance and ExactMatch by output_mask and mask equal those by pad; the rate is over right tokens."""
    guess, right = torch.tensor([[1, 2, 3, 0], [4, 4, 0, 0]]), torch.tensor([[1, 3, 0], [4, 4, 0]])
    for make, expected in ((EditDistance, 0.5), (lambda **k: EditDistance(rate=True, **k), 0.25), (ExactMatch, 0.5)):
        by_pad, by_mask = make(pad=0), make()
        by_pad.update({"output": guess}, {"target": right})
        by_mask.update({"output": guess, "output_mask": guess != 0}, {"target": right, "mask": right != 0})
        assert by_pad.compute() == by_mask.compute() == pytest.approx(expected)
        assert by_mask.said is None


def test_scores_count_by_their_best_token_and_nothing_has_a_rate():
    """Closed form: (B, T, V) outputs; without a right token the rate is 0 or infinite."""
    scores = torch.nn.functional.one_hot(torch.tensor([[1, 2]]), 4).float()
    assert exact_match(scores, torch.tensor([[1, 2]])) == 1.0
    for output, value in ((torch.zeros(1, 2, dtype=torch.long), 0.0), (torch.ones(1, 2, dtype=torch.long), math.inf)):
        metric = EditDistance(rate=True, pad=0)
        metric.update({"output": output}, {"target": torch.zeros(1, 3, dtype=torch.long)})
        assert metric.compute() == value
    with pytest.raises(ValueError, match="Sequences want targets"):
        EditDistance().observe(torch.zeros(3, 2), torch.zeros(2, 2), None)
