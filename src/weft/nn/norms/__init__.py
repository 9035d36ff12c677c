"""Normalisation: by name, over channels, frozen, folded, told by a condition."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "norm_layer": "weft.nn.norms.named:norm_layer",
    "channel_norm": "weft.nn.norms.channels:ChannelNorm",
    "frozen_batch_norm": "weft.nn.norms.frozen:FrozenBatchNorm",
    "film": "weft.nn.norms.conditional:FiLM",
    "conditional_norm": "weft.nn.norms.conditional:ConditionalNorm",
}
KIND = "layer"
EXTRA = {
    "adain": "weft.nn.norms.conditional:adain",
    "fold_norm": "weft.nn.norms.folding:fold_norm",
    "fold_norms": "weft.nn.norms.folding:fold_norms",
    "freeze_batch_norms": "weft.nn.norms.frozen:freeze_batch_norms",
    "image_norm": "weft.nn.norms.named:image_norm",
    "vector_norm": "weft.nn.norms.named:vector_norm",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """Each layer as (a function that makes it, the inputs of one call)."""
    import torch

    from weft.nn.norms import channels, conditional, frozen, named

    x, condition = torch.randn(3, 4, 5, 2), torch.randn(3, 6)
    return {
        "norm_layer": (lambda: named.norm_layer("group", 4), (x,)),
        "channel_norm": (lambda: channels.ChannelNorm(4), (x,)),
        "frozen_batch_norm": (lambda: frozen.FrozenBatchNorm(4), (x,)),
        "film": (lambda: conditional.FiLM(6, 4), (x, condition)),
        "conditional_norm": (lambda: conditional.ConditionalNorm(6, 4), (x, condition)),
    }
