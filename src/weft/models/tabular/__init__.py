"""Networks for rows of a table."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "mlp": "weft.models.tabular.mlp:MLP",
    "table_net": "weft.models.tabular.table_net:TableNet",
}
KIND = "model"
__getattr__, __dir__ = attach(__name__, TABLE)


def examples() -> dict[str, Any]:
    """Each model as (a function that makes it tiny, the inputs of one call)."""
    import torch

    from weft.models.tabular import mlp, table_net

    rows = torch.randn(4, 6)
    return {
        "mlp": (lambda: mlp.MLP(6, (8,), 3, norm="layer"), (rows,)),
        "table_net": (lambda: table_net.TableNet(6, 3, dim=16), (rows,)),
    }
