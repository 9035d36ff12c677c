"""Whether one of two is better, from results on the same seeds, folds or samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from weft.study.spread import Spread, scipy_stats, spread


@dataclass(frozen=True)
class Comparison:
    """The ``difference`` first - second with its interval; ``p`` of the chance that it is none, by ``test``; ``wins`` of the first; how many pairs
    would show a difference of this size in four of five studies (``pairs_needed``)."""

    difference: Spread
    p: float
    test: str
    wins: int
    ties: int
    pairs_needed: int | None

    def __str__(self) -> str:
        verdict = "differ" if self.p < 1 - self.difference.confidence else "may not differ"
        needed = "" if self.pairs_needed is None else f"; about {self.pairs_needed} pairs would show a difference of this size"
        return f"{self.difference} over {self.difference.count} pairs: they {verdict} (p = {self.p:.3g}, {self.test}){needed}"


def compare_paired(first: Sequence[float], second: Sequence[float], *, confidence: float = 0.95, test: str = "t", seed: int = 0) -> Comparison:
    """Compare two lists of results that belong together pair by pair: the same seed, fold or sample for both.

    ``test``: "t" (differences spread like a bell), "wilcoxon" (ranks, no bell), "permutation" (exact up to 12 pairs, 10,000 random signs
    beyond), "mcnemar" (right or wrong, 1 or 0, for each sample: exact binomial over the pairs that differ).

    Errors: ``ValueError`` for lists of different length, fewer than two pairs, an unknown test, or values that are no numbers.
    Papers: Student, 1908; Wilcoxon, 1945; McNemar, 1947; for their use on learning, Dietterich, 1998, doi:10.1162/089976698300017197. Several
    comparisons at once want a smaller threshold: divide it by their number. Needs SciPy (extra ``study``).

    >>> compare_paired([0.91, 0.93, 0.92, 0.94], [0.90, 0.91, 0.90, 0.93]).p < 0.05
    True
    """
    if len(first) != len(second) or len(first) < 2:
        raise ValueError(f"compare_paired: {len(first)} and {len(second)} values; expected two lists of one length, of at least 2 pairs.")
    differences = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    if not np.isfinite(differences).all():
        raise ValueError(f"compare_paired: pair {int(np.flatnonzero(~np.isfinite(differences))[0])} is no number; a failed run has no result.")
    stats = scipy_stats()
    if test == "t":
        p = float(stats.ttest_rel(first, second).pvalue) if differences.std() else float(not differences.any())
    elif test == "wilcoxon":
        p = float(stats.wilcoxon(differences).pvalue) if differences.any() else 1.0
    elif test == "permutation":
        p = _permutation(differences, seed)
    elif test == "mcnemar":
        better, worse = int((differences > 0).sum()), int((differences < 0).sum())
        p = float(stats.binomtest(better, better + worse).pvalue) if better + worse else 1.0
    else:
        raise ValueError(f"compare_paired(test={test!r}): expected t, wilcoxon, permutation or mcnemar.")
    found = spread(differences.tolist(), confidence)
    needed = None
    if found.std and found.mean:
        z = stats.norm.ppf((1 + confidence) / 2) + stats.norm.ppf(0.8)
        needed = max(2, math.ceil((z * found.std / found.mean) ** 2))
    return Comparison(found, p, test, int((differences > 0).sum()), int((differences == 0).sum()), needed)


def _permutation(differences: np.ndarray, seed: int) -> float:
    """The share of signs under which the mean is at least as far from zero."""
    count, exact = len(differences), len(differences) <= 12
    if exact:
        signs = 1 - 2 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)
    else:
        signs = np.random.default_rng(seed).choice([-1, 1], size=(10_000, count))
    means = np.abs(signs @ differences)
    reached = int((means >= abs(differences.sum()) - 1e-12).sum())
    return reached / len(signs) if exact else (reached + 1) / (len(signs) + 1)
