"""Networks for rows of a table."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "mlp": "weft.models.tabular.mlp:MLP",
}
KIND = "model"
__getattr__, __dir__ = attach(__name__, TABLE)


def examples() -> dict[str, Any]:
    """Each model as (a function that makes it tiny, the inputs of one call)."""
    import torch

    from weft.models.tabular import mlp

    return {
        "mlp": (lambda: mlp.MLP(6, (8,), 3, norm="layer"), (torch.randn(4, 6),)),
    }
