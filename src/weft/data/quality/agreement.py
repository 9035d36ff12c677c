"""How far people who labelled the same records agree, beyond chance."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from weft.data.labels import name_of

WEIGHTS = ("none", "linear", "quadratic")
LEVELS = ("nominal", "ordinal", "interval", "ratio")


def cohen_kappa(first: Sequence[Any], second: Sequence[Any], *, weights: str = "none", order: Sequence[Any] | None = None) -> float:
    """(p_o - p_e) / (1 - p_e) of two annotators: observed agreement against that of independent ones with the same frequencies.

    ``weights`` linear or quadratic punish disagreement by its distance in ``order`` (default: sorted; numbers by value). 1 is perfect, 0
    chance, below it worse; NaN when both always say the same one thing. Raises ValueError for different lengths, no labels, or a label
    outside ``order``.

    Paper: Cohen, 1960, doi:10.1177/001316446002000104; weighted: Cohen, 1968, doi:10.1037/h0026256.
    Use for two annotators; instead of it, ``fleiss_kappa`` for more, ``krippendorff_alpha`` when some labels are missing.

    >>> cohen_kappa(["a", "a", "b", "b"], ["a", "a", "b", "a"])
    0.5
    """
    if len(first) != len(second) or not len(first):
        raise ValueError(f"The annotators gave {len(first)} and {len(second)} labels; expected as many, and at least one")
    if weights not in WEIGHTS:
        raise ValueError(f"weights={weights!r}; expected one of {', '.join(WEIGHTS)}")
    names = ordered([*first, *second]) if order is None else [name_of(value) for value in order]
    number = {name: i for i, name in enumerate(names)}
    strange = {name_of(value) for value in (*first, *second)} - set(names)
    if strange:
        raise ValueError(f"The label {min(strange)!r} is not in the order {names[:10]}")
    table = np.zeros((len(names), len(names)))
    for a, b in zip(first, second, strict=True):
        table[number[name_of(a)], number[name_of(b)]] += 1
    distance = np.abs(np.subtract.outer(np.arange(len(names)), np.arange(len(names)))).astype(float)
    cost = {"none": (distance > 0).astype(float), "linear": distance, "quadratic": distance**2}[weights]
    expected = np.outer(table.sum(1), table.sum(0)) / table.sum()
    chance = float((cost * expected).sum())
    return 1 - float((cost * table).sum()) / chance if chance else math.nan


def fleiss_kappa(ratings: Sequence[Sequence[Any]]) -> float:
    """Kappa of several annotators: each record has the same number of labels, from any of them.

    Mean pairwise agreement P against P_e = sum of squared class shares: (P - P_e) / (1 - P_e); NaN when there is only one class. Raises
    ValueError for fewer than two labels a record or different numbers of them.

    Paper: Fleiss, 1971, doi:10.1037/h0031619.

    >>> round(fleiss_kappa([["a", "a", "a"], ["a", "b", "b"], ["b", "b", "b"]]), 4)
    0.55
    """
    sizes = {len(row) for row in ratings}
    if len(sizes) != 1 or min(sizes) < 2:
        raise ValueError(f"Records have {sorted(sizes)} labels; expected the same number, two or more. For missing ones use krippendorff_alpha")
    (raters,) = sizes
    names = {name: i for i, name in enumerate(dict.fromkeys(name_of(value) for row in ratings for value in row))}
    counts = np.zeros((len(ratings), len(names)))
    for i, row in enumerate(ratings):
        for value in row:
            counts[i, names[name_of(value)]] += 1
    agreed = ((counts**2).sum(1) - raters) / (raters * (raters - 1))
    chance = float(((counts.sum(0) / counts.sum()) ** 2).sum())
    return float((agreed.mean() - chance) / (1 - chance)) if chance < 1 else math.nan


def krippendorff_alpha(ratings: Sequence[Sequence[Any]], *, level: str = "nominal") -> float:
    """1 - D_o / D_e: observed over expected disagreement, for any number of annotators and with missing labels (None or NaN).

    ``ratings`` has one row for each record, one column for each annotator. ``level`` says how far two values are apart: nominal (equal or not),
    ordinal (by ranks and their frequencies), interval ((a - b)^2), ratio (((a - b) / (a + b))^2). NaN when there is only one value.
    Records with fewer than two labels do not count; raises ValueError when none is left.

    Paper: Krippendorff, 2011, Computing Krippendorff's Alpha-Reliability; Hayes and Krippendorff, 2007, doi:10.1080/19312450709336664.

    >>> round(krippendorff_alpha([[1, 1, None], [2, 2, 2], [3, 3, 1]]), 4)
    0.6667
    """
    if level not in LEVELS:
        raise ValueError(f"level={level!r}; expected one of {', '.join(LEVELS)}")
    rows = [[value for value in row if value is not None and value == value] for row in ratings]
    rows = [row for row in rows if len(row) > 1]
    if not rows:
        raise ValueError("No record has two labels or more; agreement cannot be measured")
    values = sorted({value if level != "nominal" else name_of(value) for row in rows for value in row})
    number = {value: i for i, value in enumerate(values)}
    coincidences = np.zeros((len(values), len(values)))
    for row in rows:
        counts = Counter(number[value if level != "nominal" else name_of(value)] for value in row)
        for a, n in counts.items():
            for b, m in counts.items():
                coincidences[a, b] += n * (m - (a == b)) / (len(row) - 1)
    totals = coincidences.sum(1)
    apart = np.array([[metric(level)(a, b, values, totals) for b in range(len(values))] for a in range(len(values))])
    expected = (np.outer(totals, totals) * apart).sum() / (totals.sum() - 1)
    return 1 - float((coincidences * apart).sum() / expected) if expected else math.nan


def metric(level: str) -> Callable[[int, int, Sequence[Any], np.ndarray], float]:
    """The squared distance of the values numbered a and b."""

    def ordinal(a: int, b: int, values: Sequence[Any], totals: np.ndarray) -> float:
        low, high = min(a, b), max(a, b)
        return float(totals[low : high + 1].sum() - (totals[a] + totals[b]) / 2) ** 2

    def ratio(a: int, b: int, values: Sequence[Any], totals: np.ndarray) -> float:
        total = values[a] + values[b]
        return ((values[a] - values[b]) / total) ** 2 if total else 0.0

    return {
        "nominal": lambda a, b, values, totals: float(a != b),
        "ordinal": lambda a, b, values, totals: 0.0 if a == b else ordinal(a, b, values, totals),
        "interval": lambda a, b, values, totals: float(values[a] - values[b]) ** 2,
        "ratio": ratio,
    }[level]


def ordered(labels: Sequence[Any]) -> list[str]:
    """The names of labels, numbers by value, text by alphabet."""
    values = {name_of(label): label for label in labels}
    numbers = all(isinstance(value, (int, float)) for value in values.values())
    return sorted(values, key=lambda name: values[name]) if numbers else sorted(values)
