"""Methods that learn to learn."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {"maml": "weft.methods.meta.maml:MAML"}
KIND = "method"
__getattr__, __dir__ = attach(__name__, TABLE)


def examples() -> dict[str, Any]:
    """Each method as (make it, make its batches)."""
    import torch
    from torch import nn

    from weft.losses import mse
    from weft.methods.meta import MAML

    def batches() -> list[dict[str, torch.Tensor]]:
        g = torch.Generator().manual_seed(0)
        slopes = [torch.randn(8, 1, 1, generator=g) for _ in range(4)]
        x, query = torch.randn(8, 5, 1, generator=g), torch.randn(8, 7, 1, generator=g)
        return [{"support_input": x, "support_target": s * x, "input": query, "target": s * query} for s in slopes]

    return {"maml": (lambda: MAML(nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1)), mse, inner_lr=0.1), batches)}
