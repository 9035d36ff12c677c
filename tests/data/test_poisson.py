"""Poisson sampling: independent coins, by their counts."""

from __future__ import annotations

import pytest
import torch

from weft.data import Arrays, Loader, PoissonLoader


def test_sizes_have_the_mean_and_variance_of_independent_coins():
    """Property: the sizes of PoissonLoader are binomial; a shuffling loader's would have variance 0."""
    loader = PoissonLoader(Arrays({"input": torch.arange(500)}), expected_batch_size=25, seed=1)
    sizes = torch.tensor([float(len(batch["index"])) for _ in range(60) for batch in loader])
    assert len(sizes) == 60 * 20
    assert abs(sizes.mean() - 25) < 4 * (25 / 1200) ** 0.5
    assert abs(sizes.var() / (25 * 0.95) - 1) < 0.2


def test_records_join_at_the_same_rate_and_independently():
    """Property: every record's rate is q, and two records meet at rate q squared."""
    loader = PoissonLoader(Arrays({"input": torch.arange(20)}), expected_batch_size=4, seed=2)
    present = torch.zeros(1500, 20)
    row = 0
    while row < 1500:
        for batch in loader:
            present[row, batch["index"]] = 1
            row += 1
    assert (present.mean(0) - 0.2).abs().max() < 0.05
    assert abs((present[:, 3] * present[:, 4]).mean() - 0.04) < 0.02


def test_empty_batches_come_as_empty_tensors():
    loader = PoissonLoader(Arrays({"input": torch.ones(20, 3)}), expected_batch_size=0.2)
    batches = list(loader)
    assert len(batches) == len(loader) == 100
    assert any(batch["input"].shape == (0, 3) for batch in batches)


@pytest.mark.parametrize("size", [0, -1, 21])
def test_an_impossible_size_is_refused(size):
    with pytest.raises(ValueError, match="at most the 20"):
        PoissonLoader(Arrays({"input": torch.ones(20)}), expected_batch_size=size)


def test_its_position_is_no_position_of_an_ordinary_loader():
    source = Arrays({"input": torch.ones(20)})
    with pytest.raises(ValueError, match="expected_batch_size"):
        Loader(source).load_state_dict(PoissonLoader(source, expected_batch_size=5).state_dict())
