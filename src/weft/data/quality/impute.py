"""Missing values: filled by what training data say, dropped, or refused, column by column."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from weft._lazy import hint
from weft.data.contracts import Record, Source
from weft.data.views import Subset

WAYS = ("mean", "median", "mode", "constant", "knn", "drop", "raise")


@dataclass(frozen=True)
class Impute:
    """Fill what is missing (None or NaN), by column: ``Impute({"age": "median", "city": "mode", "size": ("constant", 0)})``.

    ``mean``, ``median``, ``mode`` (the first of equally frequent ones in order), ``constant`` (given as a pair), ``knn`` (mean over the
    ``neighbours`` nearest training rows that have the value, by distance over the knn columns that both have), ``drop`` (the record is left out),
    ``raise``. ``indicator`` adds ``<column>_missing``. ``fit(training source)`` learns the numbers; ``apply(source)`` gives new records.
    Learned values are plain data, and test rows never change them. Raises ValueError for an unknown way, a column that is not there, one
    without any value, and a missing value where the way is ``raise``.

    Use before models that know no gaps; instead of it, ``TableCodec``, which has the median and categories built in. Cost: one pass; ``knn``
    compares with all training rows.

    >>> impute = Impute({"age": "mean"}, indicator=True).fit([{"age": 20}, {"age": 40}, {"age": None}])
    >>> impute({"age": None}), impute({"age": 3})
    ({'age': 30.0, 'age_missing': True}, {'age': 3, 'age_missing': False})
    """

    columns: Mapping[str, Any] = field(default_factory=dict)
    indicator: bool = False
    neighbours: int = 5
    values: Mapping[str, Any] = field(default_factory=dict)
    rows: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        for name in self.columns:
            if self.way(name) not in WAYS:
                raise ValueError(f"The column {name!r} is to be imputed by {self.way(name)!r}. {hint(str(self.way(name)), WAYS)}")

    def way(self, name: str) -> str:
        """How a column is filled."""
        given = self.columns[name]
        return given if isinstance(given, str) else given[0]

    @property
    def near(self) -> list[str]:
        """The columns that are filled by neighbours."""
        return [name for name in self.columns if self.way(name) == "knn"]

    def fit(self, source: Source) -> Impute:
        """One that has learned what to fill in from training records."""
        values: dict[str, Any] = {}
        for name in self.columns:
            column = [source[i].get(name) for i in range(len(source))]
            present = [value for value in column if not missing(value)]
            way = self.way(name)
            if not present and way in ("mean", "median", "mode", "knn"):
                known = f"has no value in any of {len(column):,} records" if any(name in source[i] for i in range(len(source))) else "is not there"
                near = hint(name, map(str, source[0] if len(source) else ()))
                raise ValueError(f"The column {name!r} {known}, so nothing can be learned for it. {near}")
            if way in ("mean", "median", "knn"):
                wrong = next((value for value in present if isinstance(value, (str, bool)) or not isinstance(value, (int, float))), None)
                if wrong is not None:
                    raise ValueError(f"The column {name!r} holds {wrong!r}; {way} is for numbers, use 'mode' or ('constant', value)")
                numbers = np.array(present, dtype=float)
                values[name] = float(np.median(numbers) if way == "median" else np.mean(numbers))
            elif way == "mode":
                counts = Counter(present)
                most = max(counts.values())
                values[name] = min((value for value, n in counts.items() if n == most), key=lambda value: (str(type(value)), value))
            elif way == "constant":
                values[name] = self.columns[name][1]
        rows = tuple(tuple(number(source[i].get(name)) for name in self.near) for i in range(len(source))) if self.near else ()
        return replace(self, values=values, rows=rows)

    def __call__(self, record: Record) -> Record:
        """A record without gaps; where the way is ``drop`` they stay, since ``apply`` leaves such records out."""
        made = dict(record)
        gaps = [name for name in self.columns if missing(record.get(name))]
        for name in gaps:
            way = self.way(name)
            if way == "raise":
                raise ValueError(f"The column {name!r} is missing in a record, and must not be")
            if way != "drop":
                made[name] = self._neighbours(record, name) if way == "knn" else self._learned(name)
        if self.indicator:
            made |= {f"{name}_missing": name in gaps for name in self.columns}
        return made

    def apply(self, source: Source) -> list[Record]:
        """New records of a whole source, without those that are dropped; an error names the record's number."""
        dropping = [name for name in self.columns if self.way(name) == "drop"]
        made = []
        for i in range(len(source)):
            if any(missing(source[i].get(name)) for name in dropping):
                continue
            try:
                made.append(self(source[i]))
            except ValueError as error:
                raise ValueError(f"Record {i}: {error}") from error
        return made

    def complete(self, source: Source) -> Subset:
        """The records of a source in which no column of these is missing."""
        return Subset(source, [i for i in range(len(source)) if not any(missing(source[i].get(name)) for name in self.columns)])

    def _learned(self, name: str) -> Any:
        if name not in self.values:
            raise ValueError(f"Nothing was learned for the column {name!r}; call fit with training records first")
        return self.values[name]

    def _neighbours(self, record: Record, name: str) -> float:
        """As scikit-learn: squared differences over the coordinates that both have, scaled up for those that are missing."""
        table, mine = np.array(self.rows, dtype=float), np.array([number(record.get(each)) for each in self.near])
        fallback = self._learned(name)
        both = ~np.isnan(table) & ~np.isnan(mine)
        shared = both.sum(1)
        squared = np.where(both, (table - np.where(np.isnan(mine), 0.0, mine)) ** 2, 0.0).sum(1)
        usable = (shared > 0) & ~np.isnan(table[:, self.near.index(name)])
        if not usable.any():
            return fallback
        distance = np.where(usable, squared * len(mine) / np.maximum(shared, 1), math.inf)
        order = np.argsort(distance, kind="stable")[: min(self.neighbours, int(usable.sum()))]
        return float(table[order, self.near.index(name)].mean())


def missing(value: Any) -> bool:
    """None or NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def number(value: Any) -> float:
    """A number, NaN where it is missing."""
    return math.nan if missing(value) else float(value)
