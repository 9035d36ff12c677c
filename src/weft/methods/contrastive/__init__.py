"""Methods that learn features without labels, from views of the same thing."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "simclr": "weft.methods.contrastive.simclr:SimCLR",
    "byol": "weft.methods.contrastive.byol:BYOL",
}
KIND = "method"
__getattr__, __dir__ = attach(__name__, TABLE, {"linear_probe": "weft.methods.contrastive.linear_probe:linear_probe"})


def examples() -> dict[str, Any]:
    """Each method as (make it, make its batches)."""
    import torch
    from torch import nn

    from weft.methods.contrastive import BYOL, SimCLR

    def net(before: int, after: int) -> nn.Module:
        return nn.Sequential(nn.Linear(before, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, after))

    def batches() -> list[dict[str, torch.Tensor]]:
        g = torch.Generator().manual_seed(0)
        x = [torch.randn(16, 4, generator=g) for _ in range(4)]
        return [{"input": v, "view": v + 0.1 * torch.randn(16, 4, generator=g)} for v in x]

    return {
        "simclr": (lambda: SimCLR(net(4, 8), net(8, 4)), batches),
        "byol": (lambda: BYOL(net(4, 8), net(8, 4), net(4, 4)), batches),
    }
