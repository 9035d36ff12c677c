"""What is known of a training when it is judged: its curves, and what the monitors reported."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weft.observe.metrics_file import read_metrics

Row = Mapping[str, Any]
MONITORS = ("gradients", "activations", "weights")


@dataclass(frozen=True)
class Evidence:
    """One stage of a run: lines of its metrics, reports of the monitors, and how it failed, if it did.

    >>> evidence = Evidence([{"step": 1, "loss": 2.3}, {"step": 2, "loss": float("nan")}], [{"step": 1, "output/classes": 10.0}])
    >>> round(evidence.chance, 2), evidence.values("loss")
    (2.3, [2.3])
    """

    metrics: Sequence[Row]
    reports: Sequence[Row] = ()
    stage: str = ""
    failed: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def of(cls, path: Path, stage: str) -> Evidence:
        """What a run's directory holds on one stage."""
        metrics = [row for row in read_metrics(path / "metrics.jsonl") if row.get("stage", "") == stage]
        reports = [row for name in MONITORS for row in read_metrics(path / "health" / f"{name}.jsonl") if row.get("stage", "") == stage]
        note = failure(path)
        return cls(metrics, reports, stage, note if note.get("stage") == stage else {})

    def values(self, name: str) -> list[float]:
        """Every finite value of that name, in order: of the metrics where they have it, else of the reports."""
        rows = self.metrics if any(name in row for row in self.metrics) else self.reports
        return [float(row[name]) for row in rows if name in row and math.isfinite(float(row[name]))]

    def reported(self, name: str) -> list[float]:
        """Every finite value that a monitor reported under that name."""
        return [float(row[name]) for row in self.reports if name in row and math.isfinite(float(row[name]))]

    def most(self, name: str) -> float:
        """The largest report, 0 when there is none."""
        return max(self.reported(name), default=0.0)

    def latest(self, name: str) -> float:
        """The last report, 0 when there is none."""
        return next(reversed(self.reported(name)), 0.0)

    def at_first(self, name: str) -> float:
        """The report of the first step, 0 when there is none."""
        return next((float(row[name]) for row in self.reports if row.get("step") == 1 and name in row and math.isfinite(float(row[name]))), 0.0)

    def where(self, prefix: str) -> str:
        """The part with the largest last report under ``prefix``, such as the layer of most dead units."""
        last: dict[str, float] = {}
        for row in self.reports:
            last |= {name.removeprefix(prefix): float(value) for name, value in row.items() if name.startswith(prefix)}
        return max(last, key=lambda name: last[name], default="")

    @property
    def steps(self) -> int:
        return max((int(row.get("step", 0)) for row in (*self.metrics, *self.reports)), default=0)

    @property
    def classes(self) -> int:
        """How many numbers the network answers; 0 when it is not known."""
        return int(self.latest("output/classes"))

    @property
    def names_classes(self) -> bool:
        """Whether a metric says that classes are answered."""
        return any(word in name for row in self.metrics for name in row for word in ("accuracy", "log_loss", "perplexity", "f1"))

    @property
    def classifies(self) -> bool:
        """Whether the answer is a class: a metric says so, or the first loss is that of guessing among that many classes."""
        if self.classes < 2:
            return False
        if self.names_classes:
            return True
        return abs(self.first - math.log(self.classes)) < 0.25 * math.log(self.classes)

    @property
    def first(self) -> float:
        """The loss of the first step, or of the first line."""
        return self.at_first("loss") or next(iter(self.values("loss")), 0.0)

    @property
    def chance(self) -> float:
        """The loss of knowing nothing: log K for K classes, else the loss at the beginning."""
        return math.log(self.classes) if self.classifies else self.first

    def ending(self, name: str, share: float = 0.15) -> float:
        """The median of the last ``share`` of the values; NaN without any."""
        values = self.values(name)
        return statistics.median(values[-max(1, round(len(values) * share)) :]) if values else math.nan

    @property
    def validation(self) -> str:
        """The name of the validation loss, empty when there is none."""
        names = [name for row in self.metrics for name in row if name.endswith("/loss") and name.count("/") == 1]
        return "val/loss" if "val/loss" in names else next(iter(names), "")

    @property
    def accuracy(self) -> float | None:
        """The last validation accuracy."""
        return next((float(row[name]) for row in reversed(self.metrics) for name in row if name.endswith("/accuracy")), None)


def stages(path: Path) -> list[str]:
    """The stages of a run in the order in which they began."""
    rows = [*read_metrics(path / "metrics.jsonl"), *(row for name in MONITORS for row in read_metrics(path / "health" / f"{name}.jsonl"))]
    note = failure(path)
    return list(dict.fromkeys([*(str(row.get("stage", "")) for row in rows), *([str(note["stage"])] if "stage" in note else [])]))


def failure(path: Path) -> dict[str, Any]:
    """How the run's last training failed; nothing when it did not, or when the note cannot be read."""
    try:
        note = json.loads((path / "failed.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}
