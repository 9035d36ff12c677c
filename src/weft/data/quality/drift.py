"""Whether two samples come from one distribution: Kolmogorov and Smirnov, chi-square, population stability, kernel means."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from weft.data.keyed import Random
from weft.data.quality.findings import Problem

EXACT = 4_000_000  # cells of the lattice that exact probabilities walk through
PSI_BINS = 10
SMALL = 1e-4  # share that an empty bin counts as
MOST_POINTS = 1000  # of each sample in the kernel test


@dataclass(frozen=True)
class Test:
    """The result of a test: its statistic, and the probability of one as large or larger when nothing has changed (None: the index has none)."""

    __test__ = False  # pytest collects classes of this name

    statistic: float
    p: float | None


def ks_test(first: Float[Tensor, " n"], second: Float[Tensor, " m"]) -> Test:
    """The largest distance between two cumulative distributions, D = max |F(x) - G(x)|, two-sided.

    p is exact (lattice paths) up to n m = 4 million, beyond that the asymptotic series. Ties are allowed, p is then conservative. Raises
    ValueError for an empty sample or values that are not finite.

    Paper: Smirnov, 1948, doi:10.1214/aoms/1177730256; exact: Hodges, 1958, doi:10.1007/BF02589501.
    Use for one column of numbers; instead of it, ``chi_square_test`` for categories, ``mmd_test`` for several columns together. Cost: a sort.

    >>> ks_test(torch.arange(4.0), torch.arange(4.0) + 2)  # doctest: +ELLIPSIS
    Test(statistic=0.5, p=0.77142857142...)
    """
    x, y = numbers(first), numbers(second)
    n, m = len(x), len(y)
    both = np.concatenate([x, y])
    gap = np.abs(np.searchsorted(x, both, "right") * m - np.searchsorted(y, both, "right") * n).max()  # whole numbers, so that ties are exact
    if n * m <= EXACT:
        return Test(float(gap / (n * m)), outside(n, m, int(gap)))
    root = math.sqrt(n * m / (n + m))
    lift = (root + 0.12 + 0.11 / root) * float(gap / (n * m))  # Stephens 1970
    tail = 1.0 if lift < 0.2 else 2 * sum((-1) ** (k - 1) * math.exp(-2 * k * k * lift * lift) for k in range(1, 101))
    return Test(float(gap / (n * m)), min(1.0, max(0.0, tail)))


def outside(n: int, m: int, gap: int) -> float:
    """The share of lattice paths from (0, 0) to (n, m) that reach |i m - j n| >= gap somewhere."""
    if gap <= 0:
        return 1.0
    across = np.arange(m + 1, dtype=np.int64)
    inside = np.where(across * n < gap, 1.0, 0.0)
    inside = np.cumprod(inside)  # along the edge one path leads to each point, until it leaves
    log = 0.0
    for i in range(1, n + 1):
        allowed = np.abs(i * m - across * n) < gap
        inside = np.where(allowed, np.cumsum(np.where(allowed, inside, 0.0)), 0.0)
        top = inside.max()
        if not top:
            return 1.0
        inside, log = inside / top, log + math.log(top)
    total = math.lgamma(n + m + 1) - math.lgamma(n + 1) - math.lgamma(m + 1)
    return float(min(1.0, max(0.0, 1 - math.exp(log + math.log(inside[m]) - total) if inside[m] else 1.0)))


def chi_square_test(first: Sequence[Any], second: Sequence[Any]) -> Test:
    """Whether categories are equally frequent in two samples: sum (observed - expected)^2 / expected over the 2 x C table, C - 1 degrees.

    No continuity correction. Raises ValueError for an empty sample. One category in both gives statistic 0 and p 1.

    Paper: Pearson, 1900, doi:10.1080/14786440009463897.
    Use for a column of categories, each expected five times or more; rarer ones are better joined first.

    >>> round(chi_square_test("aaab", "abbb").statistic, 3)
    2.0
    """
    table = frequencies(first, second)
    expected = np.outer(table.sum(1), table.sum(0)) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    degrees = table.shape[1] - 1
    p = float(torch.special.gammaincc(torch.tensor(degrees / 2).double(), torch.tensor(statistic / 2).double())) if degrees else 1.0
    return Test(statistic, p)


def population_stability(reference: Sequence[Any] | Tensor, current: Sequence[Any] | Tensor) -> Test:
    """PSI = sum (q - p) ln(q / p) over bins: tenths of the reference for numbers, or categories. Below 0.1 little, above 0.25 much has changed.

    Empty bins count as a share of 0.0001. Has no p-value: it measures the size of a change, not whether it could be chance.

    Paper: Yurdakul, 2018, Statistical Properties of Population Stability Index; Siddiqi, 2006, Credit Risk Scorecards.

    >>> round(population_stability(["a", "b"] * 50, ["a"] * 75 + ["b"] * 25).statistic, 4)
    0.2747
    """
    if isinstance(reference, Tensor) or isinstance(current, Tensor):
        x, y = numbers(torch.as_tensor(reference)), numbers(torch.as_tensor(current))
        edges = np.unique(np.quantile(x, np.linspace(0, 1, PSI_BINS + 1))[1:-1])
        table = np.stack([np.bincount(np.searchsorted(edges, values, "right"), minlength=len(edges) + 1) for values in (x, y)]).astype(float)
    else:
        table = frequencies(reference, current)
    p, q = np.maximum(table / table.sum(1, keepdims=True), SMALL)
    return Test(float(((q - p) * np.log(q / p)).sum()), None)


def mmd_test(first: Float[Tensor, "n d"], second: Float[Tensor, "m d"], *, permutations: int = 200, seed: int = 0) -> Test:
    """Maximum mean discrepancy with a Gaussian kernel: E k(x, x') + E k(y, y') - 2 E k(x, y), unbiased, with p by permutation.

    The kernel's width is the median distance. Of samples above 1,000 that many are drawn. p = (1 + number of permutations with as large a
    value) / (1 + permutations). Raises ValueError for fewer than two rows or other widths.

    Paper: Gretton et al., 2012, JMLR 13:723-773.
    Use for several columns or features together, whose single columns may not change; cost: O((n + m)^2) for each permutation.

    >>> x = torch.arange(40.0)[:, None]
    >>> mmd_test(x, x + 100).p < 0.01, mmd_test(x[::2], x[1::2]).p > 0.5
    (True, True)
    """
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1] or min(len(first), len(second)) < 2:
        raise ValueError(f"The samples have shapes {tuple(first.shape)} and {tuple(second.shape)}; expected (n, d) and (m, d), two rows or more")
    key = Random(seed, 0, torch.tensor([0]))
    x, y = (each[key.uniform(len(each))[0].argsort()[:MOST_POINTS]].double() for each in (first, second))
    both, n = torch.cat([x, y]), len(x)
    squared = torch.cdist(both, both).square()
    distances = squared[torch.triu(torch.ones_like(squared, dtype=torch.bool), 1)]
    kernel = torch.exp(-squared / distances.median().clamp(min=1e-12)).fill_diagonal_(0)
    statistic = discrepancy(kernel, torch.arange(len(both)) < n)
    orders = key.uniform(permutations, len(both))[0].argsort(-1)
    larger = sum(discrepancy(kernel, order < n) >= statistic - 1e-12 for order in orders)
    return Test(statistic, (1 + larger) / (1 + permutations))


def discrepancy(kernel: Tensor, of_first: Tensor) -> float:
    """The unbiased squared discrepancy of two parts of a kernel matrix whose diagonal is zero."""
    a = of_first.double()
    b = 1 - a
    n, m = float(a.sum()), float(b.sum())
    return float(a @ kernel @ a / (n * (n - 1)) + b @ kernel @ b / (m * (m - 1)) - 2 * (a @ kernel @ b) / (n * m))


def holm(p: Sequence[float]) -> list[float]:
    """p-values corrected for how many tests were made, so that the chance of any false alarm stays at the level.

    Paper: Holm, 1979, Scandinavian Journal of Statistics 6:65-70.

    >>> [round(value, 6) for value in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order, made, worst = sorted(range(len(p)), key=lambda i: p[i]), [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        worst = max(worst, min(1.0, (len(p) - rank) * p[i]))
        made[i] = worst
    return made


def drift(reference: Mapping[str, Sequence[Any]], current: Mapping[str, Sequence[Any]], *, level: float = 0.05) -> list[Problem]:
    """Columns whose distribution changed: numbers by Kolmogorov and Smirnov, all else by chi-square, corrected by Holm; empty when none did.

    Missing values are left out of the tests; that more are missing is tested as a category of its own. The message has the population
    stability index, since with many rows the smallest change is certain. Raises ValueError when the columns differ.

    Use on each new batch of data or predictions against the training set; instead of it, ``Adwin`` on a stream. Cost: sorts.

    >>> str(drift({"age": list(range(100))}, {"age": list(range(50, 150))})[0]).split(" (")[0]
    "column 'age': the distribution changed"
    """
    if set(reference) != set(current):
        raise ValueError(f"The columns differ: {sorted(set(reference) ^ set(current))[:10]} are in one of the two only; see Schema.drift")
    tests: list[tuple[str, str, Test, float]] = []
    for name in reference:
        (a, gone_a), (b, gone_b) = present(reference[name]), present(current[name])
        if gone_a or gone_b:
            missing = chi_square_test("-" * gone_a + "+" * len(a), "-" * gone_b + "+" * len(b))
            tests.append((name, "more or fewer values are missing", missing, 0.0))
        if not a or not b:
            continue
        if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (*a, *b)):
            x, y = torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64)
            tests.append((name, "the distribution changed", ks_test(x, y), population_stability(x, y).statistic))
        else:
            tests.append((name, "the frequencies changed", chi_square_test(a, b), population_stability(a, b).statistic))
    corrected = holm([float(test.p or 0) for _, _, test, _ in tests])
    found = []
    for (name, what, test, index), p in sorted(zip(tests, corrected, strict=True), key=lambda pair: pair[1]):
        if p < level:
            found.append(Problem("drift", f"{what} (statistic {test.statistic:.3g}, p {p:.2g} corrected, stability index {index:.2g})", column=name))
    return found


def present(values: Sequence[Any]) -> tuple[list[Any], int]:
    """The values that are there, and how many are not."""
    kept = [value for value in values if value is not None and value == value]
    return kept, len(values) - len(kept)


def numbers(values: Tensor) -> np.ndarray:
    """Sorted float64; raises ValueError for none, and for what is not finite."""
    x = np.sort(values.detach().cpu().double().numpy().reshape(-1))
    if not len(x) or not np.isfinite(x[[0, -1]]).all():
        raise ValueError("A sample is empty or holds NaN or infinity; leave those values out first")
    return x


def frequencies(first: Sequence[Any], second: Sequence[Any]) -> np.ndarray:
    """How often each category occurs in two samples, (2, C)."""
    if not len(first) or not len(second):
        raise ValueError(f"The samples have {len(first)} and {len(second)} values; expected at least one each")
    a, b = Counter(map(str, first)), Counter(map(str, second))
    names = sorted(a | b)
    return np.array([[counts[name] for name in names] for counts in (a, b)], dtype=float)
