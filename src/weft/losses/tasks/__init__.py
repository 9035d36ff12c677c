"""Several losses in one: weights that are fixed, learned or follow progress, trade-offs, and which items count."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE: dict[str, str] = {}  # nothing here is a loss of (prediction, target): these take losses
KIND = "loss"
EXTRA = {
    "DynamicAverage": "weft.losses.tasks.weighting:DynamicAverage",
    "SoftmaxWeights": "weft.losses.tasks.weighting:SoftmaxWeights",
    "UncertaintyWeights": "weft.losses.tasks.weighting:UncertaintyWeights",
    "chebyshev": "weft.losses.tasks.weighting:chebyshev",
    "constrained": "weft.losses.tasks.weighting:constrained",
    "guarded": "weft.losses.tasks.weighting:guarded",
    "hardest": "weft.losses.tasks.curriculum:hardest",
    "magnitude_weights": "weft.losses.tasks.weighting:magnitude_weights",
    "progress_weights": "weft.losses.tasks.weighting:progress_weights",
    "self_paced": "weft.losses.tasks.curriculum:self_paced",
    "weighed": "weft.losses.tasks.weighting:weighed",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """Nothing stands in the table; the docstrings show each part at work."""
    return {}
