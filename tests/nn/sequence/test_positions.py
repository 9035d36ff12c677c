"""Positions."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.nn import AlibiBias, LearnedPositions


def test_learned_positions_are_rows_of_a_table():
    """Parity with torch.nn.Embedding of the positions: LearnedPositions, from any start."""
    layer, x = LearnedPositions(9, 4), torch.randn(2, 5, 4)
    table = nn.Embedding.from_pretrained(layer.weight.detach())
    torch.testing.assert_close(layer(x), x + table(torch.arange(5)))
    torch.testing.assert_close(layer(x, 3), x + table(torch.arange(3, 8)))
    with pytest.raises(ValueError, match="10 tokens do not fit the context of 9"):
        layer(x, 5)


@pytest.mark.parametrize("heads", [1, 4, 6, 8, 12])
def test_alibi_takes_a_share_of_the_distance(heads):
    """Closed form: AlibiBias by its published slopes, pair by pair; a cache's single query gets the row that the whole gets."""
    layer, scores = AlibiBias(heads), torch.randn(2, heads, 5, 5)
    powers = {1: [2**-8], 4: [2 ** (-2 * i) for i in range(1, 5)], 8: [2**-i for i in range(1, 9)]}
    powers[6] = powers[4] + [2**-1, 2**-3]
    powers[12] = powers[8] + [2 ** -(i - 0.5) for i in range(1, 5)]
    assert layer.slopes.tolist() == pytest.approx(powers[heads])
    expected = scores.clone()
    for i in range(5):
        for j in range(5):
            expected[:, :, i, j] -= torch.tensor(powers[heads]) * abs(i - j)
    torch.testing.assert_close(layer(scores), expected)
    torch.testing.assert_close(layer(scores[:, :, -1:]), expected[:, :, -1:])
