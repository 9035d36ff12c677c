"""Layers and functions on tensors: attention, positions, convolution and feed-forward blocks, initialization."""

from __future__ import annotations

import importlib
from typing import Any

from weft._lazy import attach

TABLE = {
    "attention": "weft.nn.attention:Attention",
    "scaled_attention": "weft.nn.attention:ScaledAttention",
    "feed_forward": "weft.nn.feedforward:FeedForward",
    "gated_mlp": "weft.nn.feedforward:GatedMLP",
    "rotary_positions": "weft.nn.positions:RotaryPositions",
    "sinusoidal_positions": "weft.nn.positions:SinusoidalPositions",
    "time_embedding": "weft.nn.positions:TimeEmbedding",
    "swiglu": "weft.nn.feedforward:SwiGLU",
    "gelu_mlp": "weft.nn.feedforward:GeluMLP",
    "conv_block": "weft.nn.convolution:ConvBlock",
    "conv_norm_act": "weft.nn.convolution:ConvNormAct",
    "residual_block": "weft.nn.convolution:ResidualBlock",
    "bottleneck": "weft.nn.convolution:Bottleneck",
    "greedy_policy": "weft.nn.policies:GreedyPolicy",
    "central_policy": "weft.nn.policies:CentralPolicy",
}
KIND = "layer"
EXTRA = {
    "KeyValueCache": "weft.nn.attention:KeyValueCache",
    "check_layer": "weft.nn.kit:check_layer",
    "sinusoids": "weft.nn.positions:sinusoids",
    "expect": "weft.nn.shapes:expect",
    "Features": "weft.nn.hooks:Features",
    "Hooks": "weft.nn.hooks:Hooks",
    "find_modules": "weft.nn.hooks:find_modules",
    "evaluating": "weft.nn.modes:evaluating",
    "training": "weft.nn.modes:training",
    "without_gradients": "weft.nn.modes:without_gradients",
}
# What stands on these is also exported here.
SHELVES = ("activations", "initialization", "norms", "recurrent", "regularise", "sequence", "spatial", "structure")
for shelf in map(importlib.import_module, [f"{__name__}.{name}" for name in SHELVES]):
    EXTRA |= shelf.EXTRA | {path.partition(":")[2]: path for path in shelf.TABLE.values()}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """Each layer as (a function that makes it, the inputs of one call)."""
    import torch

    from weft.nn import attention, convolution, feedforward, policies, positions

    return {
        "attention": (lambda: attention.Attention(8, 2), (torch.randn(2, 5, 8),)),
        "scaled_attention": (lambda: attention.ScaledAttention(8, 2, scale="head"), (torch.randn(2, 5, 8),)),
        "feed_forward": (lambda: feedforward.FeedForward(8, 16, form="geglu"), (torch.randn(2, 5, 8),)),
        "gated_mlp": (lambda: feedforward.GatedMLP(8, 16, "reglu"), (torch.randn(2, 5, 8),)),
        "rotary_positions": (lambda: positions.RotaryPositions(4, 16), (torch.randn(2, 2, 5, 4),)),
        "sinusoidal_positions": (lambda: positions.SinusoidalPositions(8), (torch.randn(2, 5, 8),)),
        "time_embedding": (lambda: positions.TimeEmbedding(8), (torch.rand(2),)),
        "swiglu": (lambda: feedforward.SwiGLU(8, 16), (torch.randn(2, 5, 8),)),
        "gelu_mlp": (lambda: feedforward.GeluMLP(8, 16), (torch.randn(2, 5, 8),)),
        "conv_block": (lambda: convolution.ConvBlock(3, 4), (torch.randn(2, 3, 6, 6),)),
        "conv_norm_act": (lambda: convolution.ConvNormAct(torch.nn.Conv1d(3, 4, 3), dropout=0.1), (torch.randn(2, 3, 6),)),
        "residual_block": (lambda: convolution.ResidualBlock(3, 4, 2), (torch.randn(2, 3, 6, 6),)),
        "bottleneck": (lambda: convolution.Bottleneck(8, 16, 2), (torch.randn(2, 8, 6, 6),)),
        "greedy_policy": (lambda: policies.GreedyPolicy(torch.nn.Linear(4, 3)), (torch.randn(2, 4),)),
        "central_policy": (lambda: policies.CentralPolicy(torch.nn.Linear(4, 4), [-2.0, 0.0], [2.0, 1.0]), (torch.randn(2, 4),)),
    }
