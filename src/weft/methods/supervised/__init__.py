"""Methods that learn from answers."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {"supervised": "weft.methods.supervised.supervised:Supervised"}
KIND = "method"
__getattr__, __dir__ = attach(__name__, TABLE)


def examples() -> dict[str, Any]:
    """Each method as (make it, make its batches)."""
    import torch

    from weft.losses import cross_entropy
    from weft.methods.supervised import Supervised

    def batches() -> list[dict[str, torch.Tensor]]:
        g = torch.Generator().manual_seed(0)
        x = [torch.randn(16, 4, generator=g) for _ in range(4)]
        return [{"input": v, "target": (v[:, 0] > 0).long()} for v in x]

    return {"supervised": (lambda: Supervised(torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2)), cross_entropy), batches)}
