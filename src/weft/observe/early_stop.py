"""Stop when a watched value no longer improves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from weft._lazy import hint
from weft.engine import Stop

SMALLER_IS_BETTER = frozenset(
    ("loss", "error", "mae", "mse", "rmse", "mape", "nll", "bits", "perplexity", "brier", "ece", "wer", "cer", "fid", "distance", "regret", "seconds")
)
LARGER_IS_BETTER = frozenset(
    ("accuracy", "precision", "recall", "f1", "auroc", "auc", "mcc", "kappa", "r2", "iou", "dice", "bleu", "rouge", "return", "reward", "correlation")
)


class EarlyStop:
    """Returns ``Stop`` once ``monitor`` has not improved for ``patience`` of its values in a row.

    A value improves when it is better than the best so far by more than ``min_delta``. NaN is never an improvement, so a run that only
    yields NaN ends too; equal is not an improvement. Only steps whose logs hold ``monitor`` count, that is the evaluations for ``val/...``.

    ``mode`` is ``"min"``, ``"max"``, or None: known from the name (``val/loss`` falls, ``val/accuracy`` rises).
    Raises ValueError when the name does not tell, and when evaluations never report ``monitor``.
    Paper: Prechelt, Early stopping - but when?, 1998, doi:10.1007/3-540-49430-8_3.
    Use when the length of training is unknown; instead of it, a fixed length with a decaying schedule; cost: none. ``state.best()`` restores
    the best weights.

    >>> from types import SimpleNamespace
    >>> stop, state = EarlyStop("val/loss", patience=2), SimpleNamespace(metrics={}, step=1)
    >>> [stop(state, {"val/loss": value}) is not None for value in (1.0, 0.5, float("nan"), 0.5)]
    [False, False, False, True]
    """

    def __init__(self, monitor: str, patience: int = 10, min_delta: float = 0.0, mode: str | None = None) -> None:
        if patience < 1:
            raise ValueError(f"EarlyStop needs patience of at least 1 evaluation, got {patience}.")
        if min_delta < 0:
            raise ValueError(f"EarlyStop needs min_delta >= 0, got {min_delta}; the direction is said by mode.")
        if mode not in ("min", "max", None):
            raise ValueError(f"EarlyStop's mode is 'min', 'max' or None, got {mode!r}.")
        self.monitor, self.patience, self.min_delta = monitor, patience, min_delta
        self.mode = mode or direction(monitor)
        self.best: float | None = None
        self.waited = 0
        self.seen = False

    def __call__(self, state: Any, logs: Mapping[str, Any]) -> Stop | None:
        if self.monitor not in logs:
            if not self.seen and state.metrics and self.monitor not in state.metrics:
                raise ValueError(f"EarlyStop watches {self.monitor!r}, which no evaluation reports. {hint(self.monitor, state.metrics)}")
            return None
        self.seen = True
        value = float(logs[self.monitor])
        if self.improves(value):
            self.best, self.waited = value, 0
            return None
        self.waited += 1
        if self.waited < self.patience:
            return None
        best = "never was a number" if self.best is None else f"stayed at {self.best:.6g}"
        return Stop(f"{self.monitor} {best} for {self.patience} evaluations")

    def improves(self, value: float) -> bool:
        if math.isnan(value):
            return False
        if self.best is None:
            return True
        gain = self.best - value if self.mode == "min" else value - self.best
        return gain > self.min_delta

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "waited": self.waited, "seen": self.seen}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best, self.waited, self.seen = state["best"], int(state["waited"]), bool(state["seen"])

    def close(self) -> None:
        """Nothing to release."""


def direction(monitor: str) -> str:
    """'min' or 'max' from the last part of a metric's name, or an error that asks for it.

    >>> direction("val/loss"), direction("val/balanced_accuracy")
    ('min', 'max')
    """
    name = monitor.rsplit("/", 1)[-1].lower()
    for known, mode in ((SMALLER_IS_BETTER, "min"), (LARGER_IS_BETTER, "max")):
        if name in known or any(name.endswith("_" + word) for word in known):
            return mode
    raise ValueError(f"Whether {monitor!r} should fall or rise cannot be told from its name; pass mode='min' or mode='max'.")
