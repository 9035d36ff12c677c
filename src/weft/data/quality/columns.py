"""The summary of a column in one pass with bounded memory: kinds of value, moments, a sample, extremes, most frequent values."""

from __future__ import annotations

import datetime
import decimal
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from weft.data.keyed import hashed
from weft.data.quality.findings import Problem, listed
from weft.data.quality.texts import CONTROL, mend_text
from weft.data.table import MISSING, NUMBER

SAMPLE = 2000  # values kept for quantiles and the histogram
DISTINCT = 1000  # values counted one by one; beyond that a column has "many"
LONG = 200  # letters of a value that is counted as a category
PLACES = 10  # rows named for each finding
BINS = 20
FIRST = frozenset("0123456789+-.iI")  # what a number can begin with
FAR = 3.0  # outliers lie this many interquartile ranges beyond the quartiles (Tukey's "far out")
KINDS = {bool: "boolean", int: "number", float: "number", str: "text", decimal.Decimal: "number", datetime.date: "time", datetime.datetime: "time"}


class ColumnSummary:
    """Statistics of values that come in pieces; the memory does not grow with their number.

    The sample holds the values whose row number has the smallest hash: uniform, and the same whatever the pieces.

    >>> column = ColumnSummary("age")
    >>> column.update([20, None, 40], places=[1, 2, 3])
    >>> {name: column.summary()[name] for name in ("kind", "count", "missing", "mean")}
    {'kind': 'number', 'count': 2, 'missing': 1, 'mean': 30.0}
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.kinds: Counter[str] = Counter()
        self.places: dict[str, list[Any]] = {}
        self.values: Counter[Any] | None = Counter()
        self.seen, self.total, self.mean, self.squares = 0, 0, 0.0, 0.0
        self.whole = True
        self.sample: tuple[np.ndarray, np.ndarray] = (np.empty(0, np.int64), np.empty(0))
        self.extremes: list[tuple[float, Any]] = []
        self.letters = [0, math.inf, 0]  # sum, least, most

    def update(self, values: Sequence[Any], places: Sequence[Any]) -> None:
        """Take in values and where each stands: a row's number, or (file, row or None)."""
        kinds = [KINDS.get(type(value)) or kind_of(value) for value in values]
        if not all(finite(value) for value, kind in zip(values, kinds, strict=True) if kind == "number"):
            pairs = zip(values, kinds, strict=True)
            kinds = [kind if kind != "number" or finite(value) else "missing" if value != value else "infinite" for value, kind in pairs]
        texts = [(value, place) for value, place, kind in zip(values, places, kinds, strict=True) if kind == "text"]
        if texts:
            self._texts(texts)
        self.kinds.update(kinds)
        for kind in set(kinds):
            known = self.places.setdefault(kind, [])
            if len(known) < PLACES:
                known += [place for place, other in zip(places, kinds, strict=True) if other == kind][: PLACES - len(known)]
        self._count(values, kinds)
        picked = [i for i, kind in enumerate(kinds) if kind == "number"]
        if picked:
            self._numbers([values[i] for i in picked], [places[i] for i in picked], self.seen + np.asarray(picked, np.int64))
        self.seen += len(values)

    def _texts(self, texts: Sequence[tuple[str, Any]]) -> None:
        lengths = [len(text) for text, _ in texts]
        self.letters = [self.letters[0] + sum(lengths), min(self.letters[1], *lengths), max(self.letters[2], *lengths)]
        together = "".join(text for text, _ in texts)
        if together.isascii() and together.isprintable():  # one look at all is much quicker than one at each
            return
        for text, place in texts:
            if text.isascii() and text.isprintable():
                continue
            wrong = "control" if CONTROL.search(text) else "mojibake" if mend_text(text) != text else None
            if wrong:
                self.kinds[f"{wrong} characters"] += 1
                known = self.places.setdefault(f"{wrong} characters", [])
                if len(known) < PLACES:
                    known.append(place)

    def _count(self, values: Sequence[Any], kinds: Sequence[str]) -> None:
        if self.values is None:
            return
        counted = [value for value, kind in zip(values, kinds, strict=True) if kind in ("text", "number", "boolean")]
        if any(isinstance(value, str) and len(value) > LONG for value in counted):
            self.values = None
            return
        self.values.update(counted)
        if len(self.values) > DISTINCT:
            self.values = None

    def _numbers(self, values: Sequence[Any], places: Sequence[Any], numbers: np.ndarray) -> None:
        x = np.asarray(values, dtype=np.float64)
        self.whole = self.whole and bool((x == np.floor(x)).all())
        # Chan, Golub, LeVeque 1983: two groups' means and squared deviations make those of both, without cancellation
        count, mean = len(x), float(x.mean())
        squares, delta, total = float(((x - mean) ** 2).sum()), mean - self.mean, self.total + len(x)
        self.squares += squares + delta**2 * self.total * count / total
        self.mean += delta * count / total
        self.total = total
        order = hashed(0, torch.from_numpy(numbers)).numpy()
        keys, kept = np.concatenate([self.sample[0], order]), np.concatenate([self.sample[1], x])
        if len(keys) > SAMPLE:
            smallest = np.argpartition(keys, SAMPLE)[:SAMPLE]
            keys, kept = keys[smallest], kept[smallest]
        self.sample = keys, kept
        ends = np.unique(np.concatenate([np.argsort(x, kind="stable")[:PLACES], np.argsort(-x, kind="stable")[:PLACES]]))
        extremes = sorted([*self.extremes, *((float(x[i]), places[i]) for i in ends)], key=lambda pair: pair[0])
        self.extremes = extremes if len(extremes) <= 2 * PLACES else extremes[:PLACES] + extremes[-PLACES:]

    @property
    def kind(self) -> str:
        """What most values are: number, text, boolean, time, nested; or empty."""
        real = {kind: n for kind, n in self.kinds.items() if kind != "missing" and not kind.endswith("characters")}
        best = max(real, key=lambda kind: real[kind], default="empty")
        return "number" if best == "infinite" else best

    @property
    def present(self) -> int:
        """How many values are not missing."""
        return sum(n for kind, n in self.kinds.items() if kind != "missing" and not kind.endswith("characters"))

    def summary(self) -> dict[str, Any]:
        """Plain data: kind, count, missing, distinct; of numbers min, max, mean, std, quartiles, histogram; of texts lengths; frequent values."""
        found: dict[str, Any] = {"kind": self.kind, "count": self.present, "missing": self.kinds["missing"]}
        found["distinct"] = f"more than {DISTINCT:,}" if self.values is None else len(self.values)
        if self.total and self.kind == "number":
            sample = np.sort(self.sample[1])
            counts, edges = np.histogram(sample, bins=BINS)
            found |= {"whole": self.whole, "min": self.extremes[0][0], "max": self.extremes[-1][0], "mean": self.mean}
            found["std"] = math.sqrt(self.squares / self.total)
            found["quartiles"] = [float(q) for q in np.quantile(sample, [0.25, 0.5, 0.75])]
            found["histogram"] = {"edges": edges.tolist(), "counts": counts.tolist(), "of": len(sample)}
        if self.kinds["text"]:
            found |= {"letters": {"min": self.letters[1], "max": self.letters[2], "mean": self.letters[0] / self.kinds["text"]}}
        if self.values is not None and self.kind in ("text", "boolean", "number") and len(self.values) <= 50:
            found["values"] = {str(value): count for value, count in self.values.most_common()}
        return found

    def problems(self) -> list[Problem]:
        """What is wrong with the column as a whole, with the places at which it shows."""
        made: list[Problem] = []

        def say(kind: str, message: str, places: Sequence[Any], count: int, severity: str = "warning") -> None:
            file, row, words = located(places, count)
            made.append(Problem(kind, message + words, file, row, self.name, severity))

        total, present = self.present + self.kinds["missing"], self.present
        if self.kinds["missing"] and present:
            count = self.kinds["missing"]
            say("missing", f"{count:,} of {total:,} values are missing ({count / total:.1%})", self.places.get("missing", []), count)
        elif total and not present:
            say("missing", f"all {total:,} values are missing", [], total)
        for kind in ("text", "number", "boolean", "time", "nested", "other"):
            count = self.kinds[kind]
            if count and kind != self.kind:
                say("mixed types", f"{count:,} of {present:,} values are {kind} where most are {self.kind}", self.places[kind], count, "error")
        for kind, severity in (("infinite", "error"), ("control characters", "warning"), ("mojibake characters", "warning")):
            if count := self.kinds[kind]:
                word = "infinite" if kind == "infinite" else f"with {kind}"
                say(kind.removesuffix(" characters"), f"{count:,} values are {word}", self.places[kind], count, severity)
        if present > 1 and self.values is not None and len(self.values) == 1:
            say("constant", f"all {present:,} values are {next(iter(self.values))!r}; the column says nothing", [], present, "note")
        if outside := self.outliers():
            values = ", ".join(f"{value:.5g}" for value, _ in outside[:5])
            say("outlier", f"far from the rest: {values}{' …' if len(outside) > 5 else ''}", [place for _, place in outside], len(outside))
        return made

    def outliers(self) -> list[tuple[float, Any]]:
        """The most extreme values beyond Tukey's outer fences (3 interquartile ranges), with their places; at most 20."""
        if self.total < 20 or self.kind != "number":
            return []
        low, high = np.quantile(self.sample[1], [0.25, 0.75])
        if not high > low:
            return []
        return [(value, place) for value, place in self.extremes if value < low - FAR * (high - low) or value > high + FAR * (high - low)]


def located(places: Sequence[Any], count: int) -> tuple[str, int | None, str]:
    """The file and the row that a problem names, and words for all of its places; of several files the first.

    >>> located([3, 5], 4)
    ('', 3, ' (rows 3, 5 and 2 more)')
    >>> located([("a.wav", None), ("b.wav", None)], 2)
    ('a.wav', None, ' (a.wav, b.wav)')
    """
    if not places:
        return "", None, ""
    pairs = [place if isinstance(place, tuple) else ("", place) for place in places]
    files = {file for file, _ in pairs}
    if len(files) == 1 and pairs[0][1] is not None:
        return pairs[0][0], pairs[0][1], f" ({'row' if count == 1 else 'rows'} {listed((row for _, row in pairs), count)})"
    return pairs[0][0], pairs[0][1], f" ({listed((file if row is None else f'{file} row {row}' for file, row in pairs), count)})"


def finite(value: Any) -> bool:
    """Whether a number is one that arithmetic can use; whole numbers beyond the range of floats are not.

    >>> finite(3), finite(float("nan")), finite(10**400)
    (True, False, False)
    """
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def kind_of(value: Any) -> str:
    """The kind of a value whose type is none of the usual ones."""
    if value is None:
        return "missing"
    if isinstance(value, np.generic):
        return KINDS.get(type(value.item()), "other")
    return "nested" if isinstance(value, (list, dict, tuple)) else "other"


def interpreted(cell: str) -> Any:
    """A CSV cell as a number, a text, or None where it says that nothing is there.

    >>> interpreted("12"), interpreted("1.5"), interpreted("007"), interpreted("NA")
    (12, 1.5, '007', None)
    """
    if len(cell) <= 4 and cell.lower() in MISSING:  # none of these words is longer
        return None
    if cell[0] in FIRST and NUMBER.fullmatch(cell):
        digits = cell.lstrip("+-")
        return int(cell) if digits.isdigit() and len(digits) <= 18 else float(cell)
    return cell
