"""Methods that learn one task after another."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {"ewc": "weft.methods.continual.ewc:EWC"}
KIND = "method"
__getattr__, __dir__ = attach(__name__, TABLE)


def examples() -> dict[str, Any]:
    """Each method as (make it, make its batches)."""
    import torch
    from torch import nn

    from weft.methods.continual import EWC

    def batches() -> list[dict[str, torch.Tensor]]:
        g = torch.Generator().manual_seed(0)
        x = [torch.randn(16, 4, generator=g) for _ in range(4)]
        return [{"input": v, "target": (v[:, 0] > 0).long()} for v in x]

    def consolidated() -> EWC:
        method = EWC(nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)), strength=1.0)
        method.consolidate(batches(), generator=torch.Generator().manual_seed(0))
        return method

    return {"ewc": (consolidated, batches)}
