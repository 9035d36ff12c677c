"""Stop when a watched value no longer improves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from weft._lazy import hint, load
from weft.engine import Stop

SMALLER_IS_BETTER = frozenset(
    ("loss", "error", "mae", "mse", "rmse", "mape", "nll", "bits", "perplexity", "brier", "ece", "wer", "cer", "fid", "distance", "regret", "seconds")
)
LARGER_IS_BETTER = frozenset(
    ("accuracy", "precision", "recall", "f1", "auroc", "auc", "mcc", "kappa", "r2", "iou", "dice", "bleu", "rouge", "return", "reward", "correlation")
)

UNSAID = frozenset(("mean_of", "composite", "confusion_matrix"))      # whose direction each maker says, or that have none


class EarlyStop:
    """Returns ``Stop`` once ``monitor`` has not improved for ``patience`` of its values in a row.

    A value improves when it is better than the best so far by more than ``min_delta``, or with ``relative`` by more than that share of the
    best's size. What is not finite is never an improvement, so a run that only yields NaN ends too, with ``finite`` at once; equal is not an
    improvement. Only steps whose logs hold ``monitor`` count, that is the evaluations for ``val/...``; the first ``start`` of them are
    waited for, their best counts. With ``baseline`` a value must be better than that too, or it is no improvement.

    ``mode`` is ``"min"``, ``"max"``, or None: known from the name (``val/loss`` falls, ``val/accuracy`` rises) and, for the metrics of the
    catalogue, from the direction that they declare. Several conditions are several listeners; ``StopWhenAll`` waits for all of them.
    Raises ValueError when the name does not tell, and when evaluations never report ``monitor``.
    Paper: Prechelt, Early stopping - but when?, 1998, doi:10.1007/3-540-49430-8_3.
    Use when the length of training is unknown; instead of it, a fixed length with a decaying schedule; cost: none. ``state.best()`` restores
    the best weights.

    >>> from types import SimpleNamespace
    >>> stop, state = EarlyStop("val/loss", patience=2), SimpleNamespace(metrics={}, step=1)
    >>> [stop(state, {"val/loss": value}) is not None for value in (1.0, 0.5, float("nan"), 0.5)]
    [False, False, False, True]
    """

    def __init__(
        self, monitor: str, patience: int = 10, min_delta: float = 0.0, mode: str | None = None, *, baseline: float | None = None, start: int = 0,
        relative: bool = False, finite: bool = False,
    ) -> None:  # fmt: skip
        if patience < 1:
            raise ValueError(f"EarlyStop needs patience of at least 1 evaluation, got {patience}.")
        if min_delta < 0:
            raise ValueError(f"EarlyStop needs min_delta >= 0, got {min_delta}; the direction is said by mode.")
        if mode not in ("min", "max", None):
            raise ValueError(f"EarlyStop's mode is 'min', 'max' or None, got {mode!r}.")
        if start < 0:
            raise ValueError(f"EarlyStop's start is a number of evaluations, at least 0, got {start}.")
        if baseline is not None and not math.isfinite(baseline):
            raise ValueError(f"EarlyStop's baseline is a finite value to be better than, got {baseline}.")
        self.monitor, self.patience, self.min_delta = monitor, patience, min_delta
        self.baseline, self.start, self.relative, self.finite = baseline, start, relative, finite
        self.mode = mode or direction(monitor)
        self.best: float | None = None
        self.waited = 0
        self.evaluations = 0
        self.seen = False

    def __call__(self, state: Any, logs: Mapping[str, Any]) -> Stop | None:
        if self.monitor not in logs:
            if not self.seen and state.metrics and self.monitor not in state.metrics:
                raise ValueError(f"EarlyStop watches {self.monitor!r}, which no evaluation reports. {hint(self.monitor, state.metrics)}")
            return None
        self.seen = True
        self.evaluations += 1
        value = float(logs[self.monitor])
        if self.finite and not math.isfinite(value):
            self.waited = self.patience
            return Stop(f"{self.monitor} is {value}")
        if self.improves(value):
            self.best, self.waited = value, 0
            return None
        self.waited += self.evaluations > self.start
        if not self.spent:
            return None
        if self.best is not None:
            best = f"stayed at {self.best:.6g}"
        else:
            best = "never was a finite number" if self.baseline is None else f"was never better than the baseline of {self.baseline:.6g}"
        return Stop(f"{self.monitor} {best} for {self.patience} evaluations")

    @property
    def spent(self) -> bool:
        """Whether patience is at its end."""
        return self.waited >= self.patience

    def improves(self, value: float) -> bool:
        if not math.isfinite(value):
            return False
        best = self.baseline if self.best is None else self.best
        if best is None:
            return True
        gain = best - value if self.mode == "min" else value - best
        return gain > self.min_delta * (abs(best) if self.relative else 1)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "waited": self.waited, "seen": self.seen, "evaluations": self.evaluations}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best, self.waited, self.seen = state["best"], int(state["waited"]), bool(state["seen"])
        self.evaluations = int(state.get("evaluations", 0))

    def close(self) -> None:
        """Nothing to release."""


class StopWhenAll:
    """Returns ``Stop`` once each of several conditions has spent its patience; an improvement of any goes on.

    The conditions are ``EarlyStop`` listeners that are given to this one alone; given to ``fit`` side by side, the first one stops.
    Errors: ValueError without any condition.
    Use when loss and metric part ways, and either may still be worth waiting for.

    >>> from types import SimpleNamespace
    >>> stop, state = StopWhenAll(EarlyStop("val/loss", 1), EarlyStop("val/f1", 2)), SimpleNamespace(metrics={}, step=1)
    >>> [stop(state, {"val/loss": 1.0, "val/f1": value}) is not None for value in (0.5, 0.6, 0.6, 0.6)]
    [False, False, False, True]
    """

    def __init__(self, *conditions: EarlyStop) -> None:
        if not conditions:
            raise ValueError("StopWhenAll needs at least one EarlyStop to wait for.")
        self.conditions = conditions
        self.reasons = [""] * len(conditions)

    def __call__(self, state: Any, logs: Mapping[str, Any]) -> Stop | None:
        for number, condition in enumerate(self.conditions):
            stop = condition(state, logs)
            if stop is not None:
                self.reasons[number] = stop.reason
            elif not condition.spent:
                self.reasons[number] = ""
        return Stop("; ".join(self.reasons)) if all(self.reasons) else None

    def state_dict(self) -> dict[str, Any]:
        return {"conditions": [condition.state_dict() for condition in self.conditions], "reasons": list(self.reasons)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for condition, saved in zip(self.conditions, state["conditions"], strict=True):
            condition.load_state_dict(saved)
        self.reasons = list(state["reasons"])

    def close(self) -> None:
        """Nothing to release."""


def direction(monitor: str) -> str:
    """'min' or 'max' from the last part of a metric's name, or an error that asks for it.

    A metric of the catalogue says it itself; of other names the last word tells.

    >>> direction("val/loss"), direction("val/balanced_accuracy"), direction("val/hamming")
    ('min', 'max', 'min')
    """
    name = monitor.rsplit("/", 1)[-1].lower()
    catalogue = load("weft.metrics:TABLE")
    if name in catalogue and name not in UNSAID:
        return load(catalogue[name]).direction
    for known, mode in ((SMALLER_IS_BETTER, "min"), (LARGER_IS_BETTER, "max")):
        if name in known or any(name.endswith("_" + word) for word in known):
            return mode
    raise ValueError(f"Whether {monitor!r} should fall or rise cannot be told from its name; pass mode='min' or mode='max'.")
