"""Correlations and explained variance against scipy and scikit-learn."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.metrics import ExplainedVariance, Pearson, Spearman
from weft.metrics.correlation import explained_variance, pearson, spearman

stats = pytest.importorskip("scipy.stats")


def measure(metric, output, target, parts=3):
    for o, t in zip(output.chunk(parts), target.chunk(parts)):
        metric.update({"output": o}, {"target": t})
    return metric.compute()


@given(seed=st.integers(0, 10_000), size=st.integers(3, 40), levels=st.integers(2, 60))
@settings(max_examples=40, deadline=None)
def test_equal_scipy_with_ties(seed, size, levels):
    """Parity: Pearson and Spearman over batches of unlike size, on few levels, so that many values are equal."""
    random = torch.Generator().manual_seed(seed)
    output, target = (torch.randint(0, levels, (size,), generator=random).double() for _ in range(2))
    if output.unique().numel() > 1 and target.unique().numel() > 1:
        assert measure(Pearson(), output, target) == pytest.approx(stats.pearsonr(output, target).statistic, abs=1e-12)
        assert measure(Spearman(), output, target) == pytest.approx(stats.spearmanr(output, target).statistic, abs=1e-12)


@pytest.mark.parametrize("shape", [(40,), (40, 3)])
def test_explained_variance_equals_scikit_learn(shape):
    """Parity: ExplainedVariance of one column and several, in three batches; an offset costs nothing."""
    sklearn = pytest.importorskip("sklearn.metrics")
    target = torch.randn(shape, dtype=torch.float64)
    output = target / 2 + torch.randn(shape, dtype=torch.float64) + 5
    assert measure(ExplainedVariance(), output, target) == pytest.approx(sklearn.explained_variance_score(target, output))
    constant = torch.full((4,), 2.0)
    for guess in (constant + 1, torch.arange(4.0)):
        assert explained_variance(guess, constant) == sklearn.explained_variance_score(constant, guess)


@pytest.mark.parametrize("metric", [Pearson, ExplainedVariance])
def test_a_far_away_mean_changes_nothing(metric):
    """Property: 1e9 added to outputs and targets leaves the value, where sums of squares would cancel."""
    output = torch.randn(90, dtype=torch.float64)
    target = output + torch.randn(90, dtype=torch.float64)
    assert measure(metric(), output + 1e9, target + 1e9, 7) == pytest.approx(measure(metric(), output, target), abs=1e-5)


def test_degenerate_sets_are_undefined_and_heard_of():
    """Closed form: a constant column, one item, and NaN have no correlation; columns are averaged."""
    for function in (pearson, spearman):
        for output, target in ((torch.ones(4), torch.arange(4.0)), (torch.ones(1), torch.ones(1)), (torch.tensor([1.0, math.nan]), torch.arange(2.0))):
            with pytest.warns(UserWarning, match="is NaN"):
                assert math.isnan(function(output, target))
        x = torch.arange(5.0)
        assert function(torch.stack([x, x], 1), torch.stack([x, -x], 1)) == pytest.approx(0.0)
    with pytest.raises(ValueError, match="whole rows"):
        pearson(torch.ones(2, 2), torch.ones(2, 2), torch.ones(2, 2, dtype=torch.bool))
