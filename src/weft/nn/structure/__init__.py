"""Structure: parts around parts, other shapes, dense and factorised layers, embeddings, shared weights, networks from lists of layers."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "adaptive_computation": "weft.nn.structure.dynamic:AdaptiveComputation",
    "dense": "weft.nn.structure.dense:Dense",
    "early_exits": "weft.nn.structure.dynamic:EarlyExits",
    "flatten": "weft.nn.structure.reshaping:Flatten",
    "hashed_embedding": "weft.nn.structure.factorised:HashedEmbedding",
    "heads": "weft.nn.structure.branches:Heads",
    "kronecker_linear": "weft.nn.structure.factorised:KroneckerLinear",
    "layers": "weft.nn.structure.layers:Layers",
    "low_rank_linear": "weft.nn.structure.factorised:LowRankLinear",
    "merge": "weft.nn.structure.branches:Merge",
    "parallel": "weft.nn.structure.branches:Parallel",
    "permute": "weft.nn.structure.reshaping:Permute",
    "repeat": "weft.nn.structure.branches:Repeat",
    "reshape": "weft.nn.structure.reshaping:Reshape",
    "residual": "weft.nn.structure.branches:Residual",
    "residual_mlp_block": "weft.nn.structure.dense:ResidualMLPBlock",
    "routed": "weft.nn.structure.dynamic:Routed",
    "select": "weft.nn.structure.reshaping:Select",
    "siamese": "weft.nn.structure.branches:Siamese",
    "split": "weft.nn.structure.reshaping:Split",
    "tied_linear": "weft.nn.structure.tying:TiedLinear",
    "time_distributed": "weft.nn.structure.branches:TimeDistributed",
    "token_attention_pool": "weft.nn.structure.pooling:TokenAttentionPool",
    "token_embedding": "weft.nn.structure.embedding:TokenEmbedding",
    "token_pool": "weft.nn.structure.pooling:TokenPool",
    "torch_layer": "weft.nn.structure.named:torch_layer",
}
KIND = "layer"
EXTRA = {
    "expand": "weft.nn.structure.alternatives:expand",
    "inherited": "weft.nn.structure.layers:inherited",
    "made_of": "weft.nn.structure.layers:made_of",
    "output_shape": "weft.nn.structure.inference:output_shape",
    "replaced": "weft.nn.structure.alternatives:replaced",
    "tie": "weft.nn.structure.tying:tie",
    "ties": "weft.nn.structure.tying:ties",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """Each layer as (a function that makes it, the inputs of one call)."""
    import torch
    from torch import nn

    from weft.nn.structure import branches, dense, dynamic, embedding, factorised, layers, named, pooling, reshaping, tying

    x, tokens, ids = (torch.randn(3, 4),), (torch.randn(3, 5, 4),), (torch.tensor([[1, 2, 0], [4, 1, 3]]),)
    linear = lambda out=4: nn.Linear(4, out)  # noqa: E731 -- a short word for a short part
    specs = [{"type": "linear", "in_features": 4, "out_features": 6}, {"type": "gelu"}, {"type": "dense", "in_dim": 6, "out_dim": 2, "norm": "layer"}]
    return {
        "adaptive_computation": (lambda: dynamic.AdaptiveComputation(nn.Sequential(linear(), nn.Tanh()), 4, steps=3), tokens),
        "dense": (lambda: dense.Dense(4, 12, norm="group", activation="relu"), tokens),
        "early_exits": (lambda: dynamic.EarlyExits([linear(), linear()], [linear(3), linear(3)]), x),
        "flatten": (lambda: reshaping.Flatten(20), tokens),
        "hashed_embedding": (lambda: factorised.HashedEmbedding(16, 4), ids),
        "heads": (lambda: branches.Heads(linear(6), {"one": nn.Linear(6, 2), "other": nn.Linear(6, 3)}), x),
        "kronecker_linear": (lambda: factorised.KroneckerLinear((3, 2), (5, 2)), x),
        "layers": (lambda: layers.Layers(specs, residual=True), x),
        "low_rank_linear": (lambda: factorised.LowRankLinear(4, 6, 2), x),
        "merge": (lambda: branches.Merge("multiply"), (*x, torch.randn(3, 4))),
        "parallel": (lambda: branches.Parallel([linear(2), linear(3)]), x),
        "permute": (lambda: reshaping.Permute((2, 1)), tokens),
        "repeat": (lambda: branches.Repeat(linear(), 3), x),
        "reshape": (lambda: reshaping.Reshape((2, -1)), tokens),
        "residual": (lambda: branches.Residual(linear(6)), x),
        "residual_mlp_block": (lambda: dense.ResidualMLPBlock(4, 8, 6), x),
        "routed": (lambda: dynamic.Routed([linear(2), linear(2)], 4, top=2), x),
        "select": (lambda: reshaping.Select(-1), tokens),
        "siamese": (lambda: branches.Siamese(linear()), (*x, torch.randn(3, 4))),
        "split": (lambda: reshaping.Split((2, 3)), tokens),
        "tied_linear": (lambda: tying.TiedLinear(nn.Linear(6, 4, bias=False), transposed=True), x),
        "time_distributed": (lambda: branches.TimeDistributed(linear(3)), tokens),
        "token_attention_pool": (lambda: pooling.TokenAttentionPool(4, num_heads=2), tokens),
        "token_embedding": (lambda: embedding.TokenEmbedding(6, 4, padding=0), ids),
        "token_pool": (lambda: pooling.TokenPool("max"), tokens),
        "torch_layer": (lambda: named.torch_layer("bilinear", {"in1_features": 4, "in2_features": 4, "out_features": 2}), (*x, torch.randn(3, 4))),
    }
