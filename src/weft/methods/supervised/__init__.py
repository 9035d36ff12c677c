"""Methods that learn from answers."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "supervised": "weft.methods.supervised.supervised:Supervised",
    "language_model": "weft.methods.supervised.language_model:LanguageModel",
    "distillation": "weft.methods.supervised.distillation:Distillation",
}
KIND = "method"
__getattr__, __dir__ = attach(__name__, TABLE)


def examples() -> dict[str, Any]:
    """Each method as (make it, make its batches)."""
    import torch
    from torch import nn

    from weft.losses import cross_entropy
    from weft.methods.supervised import Distillation, LanguageModel, Supervised

    def net() -> nn.Module:
        return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))

    def teacher() -> nn.Module:
        return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))

    def batches() -> list[dict[str, torch.Tensor]]:
        g = torch.Generator().manual_seed(0)
        x = [torch.randn(16, 4, generator=g) for _ in range(4)]
        return [{"input": v, "target": (v[:, 0] > 0).long()} for v in x]

    def texts() -> list[dict[str, torch.Tensor]]:
        counting = (torch.arange(9) + torch.arange(16)[:, None]) % 5
        lengths = torch.arange(16) % 4 + 5
        return [{"input": counting, "mask": torch.arange(9) < lengths[:, None]}]

    return {
        "supervised": (lambda: Supervised(net(), cross_entropy), batches),
        "language_model": (lambda: LanguageModel(nn.Sequential(nn.Embedding(5, 8), nn.Linear(8, 5))), texts),
        "distillation": (lambda: Distillation(net(), teacher()), batches),
    }
