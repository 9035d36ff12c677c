"""Tests of change, held against scipy, with the rate of false alarms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from weft.data import chi_square_test, drift, holm, ks_test, mmd_test, population_stability


def sample(seed, size, shift=0.0):
    return torch.from_numpy(np.random.default_rng(seed).normal(shift, 1, size))


@pytest.mark.parametrize(("n", "m", "shift"), [(5, 7, 0.0), (40, 40, 0.5), (120, 83, 0.3), (300, 100, 1.0)])
def test_ks_equals_scipy_exactly(n, m, shift):
    """ks_test, parity with scipy.stats.ks_2samp, method exact."""
    stats = pytest.importorskip("scipy.stats")
    x, y = sample(n, n), sample(m + 1000, m, shift)
    expected = stats.ks_2samp(x.numpy(), y.numpy(), method="exact")
    found = ks_test(x, y)
    assert found.statistic == pytest.approx(expected.statistic, abs=1e-12) and found.p == pytest.approx(expected.pvalue, rel=1e-7, abs=1e-11)


def test_ks_with_ties_and_large_samples():
    """ks_test, parity with scipy: the statistic with ties, and the asymptotic probability."""
    stats = pytest.importorskip("scipy.stats")
    x, y = sample(1, 50).round(), sample(2, 70, 0.4).round()
    assert ks_test(x, y).statistic == pytest.approx(stats.ks_2samp(x.numpy(), y.numpy()).statistic, abs=1e-12)
    x, y = sample(3, 5000), sample(4, 4000, 0.03)
    expected = stats.ks_2samp(x.numpy(), y.numpy(), method="asymp")
    assert ks_test(x, y).statistic == pytest.approx(expected.statistic, abs=1e-12) and ks_test(x, y).p == pytest.approx(expected.pvalue, abs=0.02)
    assert ks_test(x, x).p == 1.0 and ks_test(sample(1, 3000), sample(2, 3000, 2.0)).p == 0.0


def test_chi_square_equals_scipy():
    """chi_square_test, parity with scipy.stats.chi2_contingency."""
    stats = pytest.importorskip("scipy.stats")
    a, b = "a" * 50 + "b" * 30 + "c" * 12, "a" * 40 + "b" * 45 + "d" * 9
    expected = stats.chi2_contingency([[50, 30, 12, 0], [40, 45, 0, 9]], correction=False)
    found = chi_square_test(a, b)
    assert found.statistic == pytest.approx(expected.statistic) and found.p == pytest.approx(expected.pvalue, rel=1e-6)
    assert chi_square_test("aa", "aaa").p == 1.0


def test_stability_index_by_hand():
    """population_stability, closed form: (q - p) ln(q / p) summed over the bins."""
    expected = 0.25 * math.log(0.75 / 0.5) - 0.25 * math.log(0.25 / 0.5)
    assert population_stability(["a", "b"] * 10, ["a"] * 15 + ["b"] * 5).statistic == pytest.approx(expected)
    x = torch.arange(1000.0)
    assert population_stability(x, x).statistic == 0 and population_stability(x, x + 50).statistic < 0.1 < 0.25 < population_stability(x, x + 500).statistic
    assert math.isfinite(population_stability(x, x + 5000).statistic)


def test_kernel_discrepancy_by_brute_force():
    """mmd_test, brute force over all pairs."""
    x, y = sample(0, 24).reshape(8, 3), sample(1, 21).reshape(7, 3)
    both = torch.cat([x, y])
    width = torch.tensor([float((both[i] - both[j]).square().sum()) for i in range(15) for j in range(i)]).median()

    def k(a, b):
        return math.exp(-float((a - b).square().sum()) / float(width))

    xx = np.mean([k(x[i], x[j]) for i in range(8) for j in range(8) if i != j])
    yy = np.mean([k(y[i], y[j]) for i in range(7) for j in range(7) if i != j])
    xy = np.mean([k(a, b) for a in x for b in y])
    assert mmd_test(x, y, permutations=5).statistic == pytest.approx(xx + yy - 2 * xy, abs=1e-6)


def test_kernel_test_sees_what_no_column_shows():
    """mmd_test, property: two columns that are normal alone, once independent, once equal."""
    a, b = sample(0, 150), sample(1, 150)
    apart, together = torch.stack([a, b], 1), torch.stack([sample(2, 150), sample(2, 150)], 1)
    assert min(ks_test(apart[:, i], together[:, i]).p for i in range(2)) > 0.05
    assert mmd_test(apart, together, permutations=100).p < 0.02


@pytest.mark.parametrize("test", [lambda i: ks_test(sample(2 * i, 60), sample(2 * i + 1, 80)), lambda i: mmd_test(sample(2 * i, 30)[:, None], sample(2 * i + 1, 30)[:, None], permutations=19, seed=i)])
def test_false_alarms_are_as_rare_as_the_level_says(test):
    """Property: over 100 pairs without change p is below 0.1 in about a tenth."""
    share = np.mean([test(i).p <= 0.1 for i in range(100)])
    assert abs(share - 0.1) < 3.5 * math.sqrt(0.1 * 0.9 / 100)


def test_holm_by_hand():
    """holm, closed form: the smallest times 4, the next times 3 … never falling."""
    assert holm([0.04, 0.01, 0.03, 0.5]) == pytest.approx([0.09, 0.04, 0.09, 0.5]) and holm([]) == []


def test_drift_names_the_columns_that_changed():
    """drift, property: the three columns that were changed are named, and nothing is for a part of the same data."""
    rng = np.random.default_rng(0)
    old = {"age": rng.normal(40, 10, 500).tolist(), "city": rng.choice(["a", "b"], 500).tolist(), "same": rng.normal(0, 1, 500).tolist(), "gaps": [1.0] * 500}
    new = {"age": rng.normal(45, 10, 400).tolist(), "city": rng.choice(["a", "b", "c"], 400).tolist(), "same": rng.normal(0, 1, 400).tolist(), "gaps": [None, 1.0] * 200}
    found = {problem.column: problem.message for problem in drift(old, new)}
    assert set(found) == {"age", "city", "gaps"} and "missing" in found["gaps"] and "stability index" in found["age"]
    assert drift(old, {name: values[:300] for name, values in old.items()}) == []
    with pytest.raises(ValueError, match="The columns differ"):
        drift(old, {"age": [1]})


def test_bad_samples_are_refused():
    with pytest.raises(ValueError, match="empty or holds NaN"):
        ks_test(torch.tensor([1.0, float("nan")]), torch.ones(3))
    with pytest.raises(ValueError, match="0 and 1 values"):
        chi_square_test([], ["a"])
    with pytest.raises(ValueError, match="two rows or more"):
        mmd_test(torch.zeros(3, 2), torch.zeros(1, 2))
