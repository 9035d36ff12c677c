"""Means and intervals."""

from __future__ import annotations

import math

import pytest
import torch

from weft.study import spread

stats = pytest.importorskip("scipy.stats")


def test_the_interval_is_scipys():
    """Parity: SciPy's interval of Student."""
    values = [0.3, 0.5, 0.2, 0.9, 0.4]
    found = spread(values, 0.9)
    low, high = stats.t.interval(0.9, 4, loc=found.mean, scale=stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_it_holds_the_true_mean_as_often_as_it_says():
    """Property: of 400 intervals of five draws each, 90 % hold the mean, within three standard errors."""
    draws = torch.randn(400, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    held = sum(one.low <= 0 <= one.high for one in (spread(row.tolist(), 0.9) for row in draws))
    assert abs(held / 400 - 0.9) < 3 * (0.9 * 0.1 / 400) ** 0.5


def test_one_value_has_no_spread_and_a_failed_run_shows():
    assert math.isnan(spread([1.0]).std) and str(spread([1.0])) == "1"
    assert math.isnan(spread([1.0, math.nan]).mean)
    with pytest.raises(ValueError, match="at least one value"):
        spread([])
    with pytest.raises(ValueError, match="between 0 and 1"):
        spread([1.0], 95)
