"""Sequences: transformer layer, temporal convolution, patches, positions."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "alibi_bias": "weft.nn.sequence.positions:AlibiBias",
    "encoder_layer": "weft.nn.sequence.blocks:EncoderLayer",
    "learned_positions": "weft.nn.sequence.positions:LearnedPositions",
    "patch_embedding": "weft.nn.sequence.blocks:PatchEmbedding",
    "temporal_block": "weft.nn.sequence.blocks:TemporalBlock",
}
KIND = "layer"
EXTRA: dict[str, str] = {}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """Each layer as (a function that makes it, the inputs of one call)."""
    import torch

    from weft.nn.sequence import blocks, positions

    tokens = torch.randn(2, 5, 8)
    return {
        "alibi_bias": (lambda: positions.AlibiBias(6), (torch.randn(2, 6, 3, 5),)),
        "encoder_layer": (lambda: blocks.EncoderLayer(8, 2, 16), (tokens,)),
        "learned_positions": (lambda: positions.LearnedPositions(5, 8), (tokens,)),
        "patch_embedding": (lambda: blocks.PatchEmbedding(3, 8, patch=2), (torch.randn(2, 3, 4, 6),)),
        "temporal_block": (lambda: blocks.TemporalBlock(3, 4, dilation=2), (torch.randn(2, 3, 9),)),
    }
