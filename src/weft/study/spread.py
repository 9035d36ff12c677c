"""A mean with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Spread:
    """``mean`` and sample standard deviation ``std`` of ``count`` values, and the interval ``low`` to ``high`` for the mean at ``confidence``."""

    mean: float
    std: float
    low: float
    high: float
    count: int
    confidence: float

    def __str__(self) -> str:
        interval = "" if math.isnan(self.low) else f" [{self.low:.4g}, {self.high:.4g}]"
        return f"{self.mean:.4g} ± {self.std:.2g}{interval}" if self.count > 1 else f"{self.mean:.4g}"


def spread(values: Sequence[float], confidence: float = 0.95) -> Spread:
    """Mean, standard deviation and Student's interval for the mean: mean ± t(confidence, n - 1) std / sqrt(n).

    One value has no spread: its std and interval are NaN. Values that are no numbers make everything NaN, so that a failed run is not
    overlooked. Needs SciPy (extra ``study``) for two values and more.

    Errors: ``ValueError`` for no values, or a confidence that is not between 0 and 1.
    Source: Student, 1908. Use for means over seeds, which are few; it assumes that values spread alike above and below.

    >>> str(spread([0.90, 0.92, 0.94]))
    '0.92 ± 0.02 [0.8703, 0.9697]'
    """
    if not values:
        raise ValueError("spread needs at least one value; none came.")
    if not 0 < confidence < 1:
        raise ValueError(f"spread(confidence={confidence}): expected a number between 0 and 1, such as 0.95.")
    count, mean = len(values), math.fsum(values) / len(values)
    if count == 1:
        return Spread(mean, math.nan, math.nan, math.nan, 1, confidence)
    std = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
    half = float(scipy_stats().t.ppf((1 + confidence) / 2, count - 1)) * std / math.sqrt(count)
    return Spread(mean, std, mean - half, mean + half, count, confidence)


def scipy_stats() -> Any:
    """SciPy's statistics, or what to install.

    >>> scipy_stats().t.name
    't'
    """
    try:
        from scipy import stats
    except ImportError as error:
        raise ImportError("Intervals and tests need SciPy: pip install 'weft[study]'") from error
    return stats
