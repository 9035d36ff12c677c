"""Metrics: ``update`` / ``merge`` / ``compute``, and the pure function beside each."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "accuracy": "weft.metrics.accuracy:Accuracy",
    "balanced_accuracy": "weft.metrics.confusion:BalancedAccuracy",
    "confusion_matrix": "weft.metrics.confusion:ConfusionMatrix",
    "f1": "weft.metrics.confusion:F1",
    "auroc": "weft.metrics.ranking:AUROC",
    "average_precision": "weft.metrics.ranking:AveragePrecision",
    "log_loss": "weft.metrics.likelihood:LogLoss",
    "perplexity": "weft.metrics.likelihood:Perplexity",
    "bits_per_byte": "weft.metrics.likelihood:BitsPerByte",
    "ece": "weft.metrics.calibration:ECE",
    "mse": "weft.metrics.regression:MSE",
    "rmse": "weft.metrics.regression:RMSE",
    "mae": "weft.metrics.regression:MAE",
    "r2": "weft.metrics.regression:R2",
}
KIND = "metric"
__getattr__, __dir__ = attach(__name__, TABLE, {"Metric": "weft.metrics.metric:Metric"})


def examples() -> dict[str, Any]:
    """Each metric as (a function that makes it, the output and the target of one batch)."""
    import torch

    from weft.metrics import accuracy, calibration, confusion, likelihood, ranking, regression

    classes = (torch.randn(12, 3), torch.arange(12) % 3)
    tokens = (torch.randn(12, 4, 5), torch.arange(48).view(12, 4) % 5)
    numbers = (torch.randn(12), torch.randn(12))
    return {
        "accuracy": (accuracy.Accuracy, *classes),
        "balanced_accuracy": (confusion.BalancedAccuracy, *classes),
        "confusion_matrix": (confusion.ConfusionMatrix, *classes),
        "f1": (confusion.F1, *classes),
        "auroc": (ranking.AUROC, *classes),
        "average_precision": (ranking.AveragePrecision, *classes),
        "log_loss": (likelihood.LogLoss, *classes),
        "perplexity": (likelihood.Perplexity, *tokens),
        "bits_per_byte": (likelihood.BitsPerByte, *tokens),
        "ece": (calibration.ECE, *classes),
        "mse": (regression.MSE, *numbers),
        "rmse": (regression.RMSE, *numbers),
        "mae": (regression.MAE, *numbers),
        "r2": (regression.R2, *numbers),
    }
