"""Losses: functions (prediction, target) -> one value an item, never reduced; ``Loss`` sums and counts them."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "cross_entropy": "weft.losses.cross_entropy:cross_entropy",
    "mse": "weft.losses.regression:mse",
    "l1": "weft.losses.regression:l1",
    "huber": "weft.losses.regression:huber",
}
KIND = "loss"
__getattr__, __dir__ = attach(__name__, TABLE, {"Loss": "weft.losses.loss:Loss"})


def examples() -> dict[str, Any]:
    """Each loss as (function, prediction, target)."""
    import torch

    from weft.losses import cross_entropy, regression

    numbers = (torch.randn(6, 3), torch.randn(6, 3))
    return {
        "cross_entropy": (cross_entropy.cross_entropy, torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 0, 1])),
        "mse": (regression.mse, *numbers),
        "l1": (regression.l1, *numbers),
        "huber": (regression.huber, *numbers),
    }
