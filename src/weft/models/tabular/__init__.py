"""Networks for rows of a table."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "mlp": "weft.models.tabular.mlp:MLP",
    "mlp_preset": "weft.models.tabular.mlp:mlp_preset",
    "self_normalizing_mlp": "weft.models.tabular.self_normalizing:SelfNormalizingMLP",
    "table_net": "weft.models.tabular.table_net:TableNet",
}
KIND = "model"
__getattr__, __dir__ = attach(__name__, TABLE)


def examples() -> dict[str, Any]:
    """Each model as (a function that makes it tiny, the inputs of one call)."""
    import torch

    from weft.models.tabular import mlp, self_normalizing, table_net

    rows = torch.randn(4, 6)
    return {
        "mlp": (lambda: mlp.MLP(6, (8,), 3, norm="layer"), (rows,)),
        "mlp_preset": (lambda: mlp.mlp_preset("two_classes_10"), (torch.randn(4, 10),)),
        "self_normalizing_mlp": (lambda: self_normalizing.SelfNormalizingMLP(6, (8, 8), 3), (rows,)),
        "table_net": (lambda: table_net.TableNet(6, 3, dim=16), (rows,)),
    }
