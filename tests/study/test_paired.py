"""Whether a difference is one."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from weft.study import compare_paired

stats = pytest.importorskip("scipy.stats")
FIRST, SECOND = [0.91, 0.93, 0.90, 0.95, 0.92, 0.94], [0.90, 0.91, 0.905, 0.92, 0.915, 0.93]


def test_tests_are_scipys():
    """Parity: paired t, Wilcoxon, and the exact permutation test of SciPy."""
    assert compare_paired(FIRST, SECOND).p == pytest.approx(stats.ttest_rel(FIRST, SECOND).pvalue)
    differences = [a - b for a, b in zip(FIRST, SECOND, strict=True)]
    assert compare_paired(FIRST, SECOND, test="wilcoxon").p == pytest.approx(stats.wilcoxon(differences).pvalue)
    theirs = stats.permutation_test((FIRST, SECOND), lambda a, b: (a - b).mean(), permutation_type="samples", n_resamples=math.inf)
    assert compare_paired(FIRST, SECOND, test="permutation").p == pytest.approx(theirs.pvalue)


def test_the_permutation_test_by_enumeration_and_by_draws():
    """Brute force: all signs of 5 pairs; for many pairs the random signs come near the t test."""
    differences = [0.3, -0.1, 0.2, 0.4, 0.05]
    means = [abs(sum(s * d for s, d in zip(signs, differences, strict=True))) for signs in itertools.product((1, -1), repeat=5)]
    expected = sum(m >= abs(sum(differences)) - 1e-12 for m in means) / 32
    assert compare_paired(differences, [0.0] * 5, test="permutation").p == pytest.approx(expected)
    many = torch.randn(40, generator=torch.Generator().manual_seed(0)).add(0.4).tolist()
    assert compare_paired(many, [0.0] * 40, test="permutation").p == pytest.approx(compare_paired(many, [0.0] * 40).p, abs=0.02)


def test_right_and_wrong_answers_are_compared_where_they_differ():
    """Closed form: McNemar's exact test is a fair coin over the pairs that differ."""
    first, second = [1] * 10 + [0] * 5, [0] * 8 + [1] * 2 + [0] * 4 + [1]
    found = compare_paired(first, second, test="mcnemar")
    assert found.p == pytest.approx(2 * (1 + 9) / 2**9) and (found.wins, found.ties) == (8, 6)


def test_it_cries_wolf_as_rarely_as_it_says():
    """Property: of 400 comparisons of equals, about 5 % differ; equal lists never do."""
    draws = torch.randn(400, 2, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    alarms = sum(compare_paired(a.tolist(), b.tolist()).p < 0.05 for a, b in draws)
    assert abs(alarms / 400 - 0.05) < 3 * (0.05 * 0.95 / 400) ** 0.5
    for test in ("t", "wilcoxon", "permutation", "mcnemar"):
        assert compare_paired([1.0, 1.0], [1.0, 1.0], test=test).p == 1.0


def test_it_says_how_many_pairs_a_difference_needs():
    """Closed form: (z(0.975) + z(0.8))^2 (std / mean)^2."""
    found = compare_paired([1.0, 2.0, 0.0, 1.0], [0.0] * 4)
    assert found.pairs_needed == math.ceil((1.959964 + 0.841621) ** 2 * (2 / 3))
    assert "may not differ" in str(found) and "about 6 pairs" in str(found)
    assert "they differ" in str(compare_paired(FIRST, [x - 0.1 for x in FIRST[::-1]]))


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="2 and 3 values"):
        compare_paired([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="pair 1 is no number"):
        compare_paired([1.0, math.nan], [1.0, 2.0])
    with pytest.raises(ValueError, match="expected t, wilcoxon"):
        compare_paired([1.0, 2.0], [1.0, 2.0], test="z")
