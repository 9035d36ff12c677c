"""Metrics: ``update`` / ``merge`` / ``compute``, and the pure function beside each."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "accuracy": "weft.metrics.accuracy:Accuracy",
}
KIND = "metric"
__getattr__, __dir__ = attach(__name__, TABLE, {"Metric": "weft.metrics.metric:Metric"})


def examples() -> dict[str, Any]:
    """Each metric as (a function that makes it, the output and the target of one batch)."""
    import torch

    from weft.metrics import accuracy

    scores, classes = torch.randn(12, 3), torch.arange(12) % 3
    return {
        "accuracy": (accuracy.Accuracy, scores, classes),
    }
