"""The test by a classifier: its rate of false alarms, its power, and its numbers."""

from __future__ import annotations

import pytest
import torch

from weft.data import classifier_test, ks_test
from weft.data.quality.classifier_test import fitted, tail


def drawn(seed, size=150, width=4):
    return torch.randn(size, width, generator=torch.Generator().manual_seed(seed))


def test_false_alarms_are_as_rare_as_said_and_shifts_are_found():
    """classifier_test, property: over 100 pairs of equal samples p < 0.05 in no more than 11; a shift of half a deviation in each of four
    columns, a doubled spread, and columns that go together without any single one changing are found with p < 0.001 (spread only by squares)."""
    alarms = sum(classifier_test(drawn(seed), drawn(1000 + seed)).p < 0.05 for seed in range(100))
    assert alarms <= 11
    for seed in range(5):
        x, y = drawn(seed, 400), drawn(100 + seed, 400)
        assert classifier_test(x, y + 0.5).p < 0.001 and classifier_test(x, 2 * y).p < 0.001 < classifier_test(x, 2 * y, squares=False).p
        together = torch.cat([y[:, :1], y[:, :1] + 0.3 * y[:, 1:2], y[:, 2:]], 1) / torch.tensor([1.0, 1.09**0.5, 1.0, 1.0])
        assert min(ks_test(x[:, c], together[:, c]).p for c in range(4)) > 0.001
        sums = torch.cat([x, x[:, :1] - x[:, 1:2]], 1), torch.cat([together, together[:, :1] - together[:, 1:2]], 1)
        assert classifier_test(*sums).p < 0.001


@pytest.mark.parametrize("tried", [1, 7, 40])
def test_p_is_that_of_scipy(tried):
    """classifier_test, parity: p is scipy.stats.binomtest's, one-sided."""
    stats = pytest.importorskip("scipy.stats")
    for right in range(tried + 1):
        assert tail(right, tried) == pytest.approx(stats.binomtest(right, tried, 0.5, "greater").pvalue, abs=1e-12)


def test_the_classifier_is_scikit_learns():
    """classifier_test, parity: the weights are those of scikit-learn's ridge logistic regression without intercept."""
    linear = pytest.importorskip("sklearn.linear_model")
    z, y = drawn(1, 80).double(), (drawn(2, 80)[:, 0] + drawn(1, 80)[:, 0] > 0).double()
    theirs = linear.LogisticRegression(C=1.0, fit_intercept=False, tol=1e-10, max_iter=1000).fit(z.numpy(), y.numpy())
    torch.testing.assert_close(fitted(z, y), torch.from_numpy(theirs.coef_[0]), rtol=0, atol=1e-6)


def test_samples_of_other_sizes_and_nonsense():
    assert classifier_test(drawn(0, 30), drawn(1, 500)).p > 0.001
    with pytest.raises(ValueError, match="with 4 rows or more"):
        classifier_test(drawn(0, 3), drawn(1, 10))
    with pytest.raises(ValueError, match="NaN or infinity"):
        classifier_test(drawn(0) / 0, drawn(1))
