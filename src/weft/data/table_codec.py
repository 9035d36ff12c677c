"""Rows of a table to vectors and back."""

from __future__ import annotations

import dataclasses
import math
import statistics
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from weft._lazy import hint
from weft.data.arrays import stack
from weft.data.contracts import Batch, Record, Source
from weft.data.labels import classes_of, decode_classes, name_of, target_of

FEW = 20  # up to so many different whole numbers, a numeric target is read as classes


@dataclass(frozen=True)
class TableCodec:
    """A row as one vector: numbers standardised, categories one-hot, missing values marked.

    A numeric column gives (x - mean) / std, where a missing x is the training median, and one more 0/1 entry if training had missing values;
    a category gives one 0/1 entry per training value, "missing" being one if it occurred. ``target`` is the number of the class, or the
    standardised target of a regression (``decode`` returns original units).
    ``task`` "auto" means classification for text, booleans and up to 20 different whole numbers. ``categorical`` names numeric columns that
    are categories. ``unseen`` and ``missing`` say what happens to a category that training did not have, and to a missing value in a column
    that was complete in training: "stop" raises, "ignore" encodes no category (all zeros) and the median.
    ``exclude`` names columns to leave out: identifiers, and what is not known when one predicts.
    ``fit`` leaves out, with a warning, columns that never change and texts that are nearly always different (identifiers).
    Raises ValueError naming the column for an absent target, infinite numbers, text in a numeric column, and the cases above.

    Use when rows have named columns of numbers and short texts; instead of it, ``TextCodec`` for prose. Cost: one entry per category value.

    >>> rows = [{"age": 20, "city": "Rome", "buys": "no"}, {"age": 40, "city": "Oslo", "buys": "yes"}]
    >>> codec = TableCodec(target="buys").fit(rows)
    >>> codec.features, codec.encode(rows[1])["input"].tolist()
    (('age', 'city=Oslo', 'city=Rome'), [1.0, 1.0, 0.0])
    """

    target: str
    task: str = "auto"
    categorical: Sequence[str] = ()
    unseen: str = "stop"
    missing: str = "stop"
    columns: dict[str, dict[str, Any]] | None = None
    classes: Sequence[str] | None = None
    scale: Sequence[float] | None = None
    exclude: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name, value, known in (
            ("task", self.task, ("auto", "classification", "regression")),
            ("unseen", self.unseen, ("stop", "ignore")),
            ("missing", self.missing, ("stop", "ignore")),
        ):
            if value not in known:
                raise ValueError(f"{name}={value!r}; expected {' or '.join(map(repr, known))}")
        for name in ("categorical", "classes", "scale", "exclude"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else tuple(value))
        if self.columns is not None:  # JSON objects have no order; the entries of ``input`` have one, so it is that of the names
            object.__setattr__(self, "columns", dict(sorted(self.columns.items())))

    def fit(self, source: Source) -> TableCodec:
        """Learn columns, classes and scales from training data."""
        rows = [source[i] for i in range(len(source))]
        names = list(rows[0])
        for name in (self.target, *self.categorical, *self.exclude):
            if name not in rows[0]:
                raise ValueError(f"The table has no column {name!r}. {hint(name, names)}")
        if self.target in self.exclude:
            raise ValueError(f"The column {self.target!r} is the target, so it cannot be left out too")
        targets = [row[self.target] for row in rows]
        empty = [i for i, value in enumerate(targets) if is_missing(value)]
        if empty:
            raise ValueError(f"The target {self.target!r} is missing in {len(empty)} rows, the first is row {empty[0]}; remove these rows")
        columns = {name: self._column(name, [row.get(name) for row in rows]) for name in names if name not in (self.target, *self.exclude)}
        if all(column["kind"] == "ignored" for column in columns.values()):
            raise ValueError(f"No column besides {self.target!r} says anything: {columns}")
        task = self.task if self.task != "auto" else guess_task(targets)
        if task == "classification":
            return dataclasses.replace(self, task=task, columns=columns, classes=self.classes or classes_of(targets))
        values = [number(self.target, value) for value in targets]
        scale = (statistics.fmean(values), statistics.pstdev(values) or 1.0)
        return dataclasses.replace(self, task=task, columns=columns, scale=scale)

    def _column(self, name: str, values: list[Any]) -> dict[str, Any]:
        present = [value for value in values if not is_missing(value)]
        gaps = len(present) < len(values)
        different = len({name_of(value) for value in present})
        if different + gaps < 2:
            return ignored(name, f"the same in all {len(values)} rows")
        if name not in self.categorical and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in present):
            numbers = [number(name, value) for value in present]
            std = statistics.pstdev(numbers)
            return {
                "kind": "number",
                "mean": statistics.fmean(numbers),
                "std": std if std > 0 else 1.0,
                "median": statistics.median(numbers),
                "gaps": gaps,
            }
        if different > max(FEW, len(values) // 2):
            return ignored(name, f"{different} different values in {len(values)} rows, which looks like an identifier")
        return {"kind": "category", "values": sorted({name_of(value) for value in present}), "gaps": gaps}

    @cached_property
    def features(self) -> tuple[str, ...]:
        """What each entry of ``input`` means."""
        names: list[str] = []
        for name, column in self._fitted().items():
            if column["kind"] == "number":
                names.append(name)
            elif column["kind"] == "category":
                names += [f"{name}={value}" for value in column["values"]]
            if column.get("gaps"):
                names.append(f"{name} is missing")
        return tuple(names)

    @property
    def num_features(self) -> int:
        return len(self.features)

    @property
    def num_classes(self) -> int:
        return len(self.classes or ())

    def _fitted(self) -> dict[str, dict[str, Any]]:
        if self.columns is None:
            raise ValueError("This TableCodec has not been fitted; call codec = codec.fit(training_rows)")
        return self.columns

    def encode(self, record: Record) -> dict[str, Tensor]:
        entries: list[float] = []
        for name, column in self._fitted().items():
            if column["kind"] == "ignored":
                continue
            if name not in record:
                raise ValueError(f"The row has no column {name!r}, which training had. {hint(name, record)}")
            value = record[name]
            gap = is_missing(value)
            if gap and not column["gaps"] and self.missing == "stop":
                raise ValueError(f"Column {name!r} is missing; it never was in training. Give a value, or train with missing='ignore'")
            if column["kind"] == "number":
                x = column["median"] if gap else number(name, value)
                entries.append((x - column["mean"]) / column["std"])
            else:
                entries += self._one_hot(name, column["values"], None if gap else name_of(value))
            if column["gaps"]:
                entries.append(float(gap))
        encoded = {"input": torch.tensor(entries, dtype=torch.float32)}
        if not is_missing(record.get(self.target)):
            encoded["target"] = self._target(record[self.target])
        return encoded

    def _one_hot(self, name: str, values: list[str], value: str | None) -> list[float]:
        if value is not None and value not in values and self.unseen == "stop":
            raise ValueError(f"Column {name!r} has {value!r}, which training never had. {hint(value, values)} Or train with unseen='ignore'")
        return [float(value == known) for known in values]

    def _target(self, value: Any) -> Tensor:
        if self.classes is not None:
            return target_of(value, self.classes)
        mean, std = self.scale or (0.0, 1.0)
        return torch.tensor((number(self.target, value) - mean) / std, dtype=torch.float32)

    def collate(self, encoded: list[dict[str, Tensor]]) -> Batch:
        return stack(encoded)

    def decode(self, prediction: dict[str, Tensor]) -> list[Record]:
        """``{"label", "score", "scores"}`` of logits (B, C), or ``{"value"}`` of a regression's output (B,) or (B, 1)."""
        self._fitted()
        if self.classes is not None:
            return decode_classes(prediction, self.classes)
        mean, std = self.scale or (0.0, 1.0)
        output = prediction["output"].detach().double().cpu()
        if output.ndim > 2 or (output.ndim == 2 and output.shape[1] != 1):
            raise ValueError(f"The network's output has shape {tuple(output.shape)}; expected (B,) or (B, 1), one number per row")
        return [{"value": value * std + mean} for value in output.reshape(-1).tolist()]

    def schema(self) -> dict[str, Any]:
        properties: dict[str, Any] = {}
        for name, column in self._fitted().items():
            may_miss = column.get("gaps") or self.missing == "ignore"
            if column["kind"] == "number":
                properties[name] = {"type": ["number", "null"] if may_miss else "number"}
            elif column["kind"] == "category":
                properties[name] = {"type": ["string", "number", "boolean"] + ["null"] * bool(may_miss), "examples": column["values"][:20]}
        # rows come with more columns than a model uses; ``encode`` passes over them
        return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": True}

    def spec(self) -> dict[str, Any]:
        return {"name": "table_codec", "args": {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(self).items()}}


def ignored(name: str, why: str) -> dict[str, Any]:
    """A column that the codec leaves out, said aloud."""
    warnings.warn(f"Column {name!r} is left out: {why}", stacklevel=5)
    return {"kind": "ignored", "why": why}


def is_missing(value: Any) -> bool:
    """None, NaN and empty text."""
    return value is None or (isinstance(value, float) and math.isnan(value)) or (isinstance(value, str) and not value.strip())


def number(name: str, value: Any) -> float:
    """``value`` as a finite float; raises ValueError naming the column."""
    try:
        x = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"Column {name!r} holds {str(value)[:50]!r}; expected a number") from None
    if not math.isfinite(x):
        raise ValueError(f"Column {name!r} holds {x}; expected a finite number")
    return x


def guess_task(targets: list[Any]) -> str:
    """Classification for text, booleans and few different whole numbers; else regression."""
    if any(isinstance(value, (str, bool)) for value in targets):
        return "classification"
    whole = all(float(value).is_integer() for value in targets)
    return "classification" if whole and len(Counter(targets)) <= FEW else "regression"
