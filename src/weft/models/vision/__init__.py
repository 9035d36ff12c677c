"""Networks for pictures."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "simple_cnn": "weft.models.vision.simple_cnn:SimpleCNN",
}
KIND = "model"
__getattr__, __dir__ = attach(__name__, TABLE)


def examples() -> dict[str, Any]:
    """Each model as (a function that makes it tiny, the inputs of one call)."""
    import torch

    from weft.models.vision import simple_cnn

    return {
        "simple_cnn": (lambda: simple_cnn.SimpleCNN(1, 10, width=8), (torch.rand(3, 1, 8, 8),)),
    }
