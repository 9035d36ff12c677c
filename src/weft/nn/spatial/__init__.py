"""Layers of series, pictures and volumes: convolutions, pooling, enlarging, gates, pyramids."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "same_conv_1d": "weft.nn.spatial.same:SameConv1d",
    "same_conv_2d": "weft.nn.spatial.same:SameConv2d",
    "same_conv_3d": "weft.nn.spatial.same:SameConv3d",
    "causal_conv": "weft.nn.spatial.same:CausalConv1d",
    "depthwise_separable_conv": "weft.nn.spatial.same:DepthwiseSeparableConv",
    "transposed_conv": "weft.nn.spatial.upsampling:transposed_conv",
    "upsample": "weft.nn.spatial.upsampling:upsample",
    "resize_conv": "weft.nn.spatial.upsampling:ResizeConv",
    "pixel_shuffle_conv": "weft.nn.spatial.upsampling:PixelShuffleConv",
    "carafe": "weft.nn.spatial.upsampling:Carafe",
    "pool": "weft.nn.spatial.pooling:pool",
    "gem": "weft.nn.spatial.pooling:GeM",
    "spatial_attention_pool": "weft.nn.spatial.pooling:SpatialAttentionPool",
    "spatial_pyramid_pooling": "weft.nn.spatial.pooling:SpatialPyramidPooling",
    "squeeze_excitation": "weft.nn.spatial.gates:SqueezeExcitation",
    "channel_attention": "weft.nn.spatial.gates:ChannelAttention",
    "spatial_attention": "weft.nn.spatial.gates:SpatialAttention",
    "cbam": "weft.nn.spatial.gates:CBAM",
    "coordinate_attention": "weft.nn.spatial.gates:CoordinateAttention",
    "non_local": "weft.nn.spatial.non_local:NonLocal",
    "spatial_transformer": "weft.nn.spatial.spatial_transformer:SpatialTransformer",
    "inception_module": "weft.nn.spatial.modules:InceptionModule",
    "channel_shuffle": "weft.nn.spatial.modules:channel_shuffle",
    "dense_block": "weft.nn.spatial.modules:DenseBlock",
    "dense_transition": "weft.nn.spatial.modules:DenseTransition",
    "feature_pyramid": "weft.nn.spatial.pyramids:FeaturePyramid",
    "aspp": "weft.nn.spatial.pyramids:ASPP",
    "dilated_stack": "weft.nn.spatial.pyramids:DilatedStack",
}
KIND = "layer"
EXTRA = {
    "Field": "weft.nn.spatial.sizes:Field",
    "conv_size": "weft.nn.spatial.sizes:conv_size",
    "icnr_": "weft.nn.spatial.upsampling:icnr_",
    "output_padding_for": "weft.nn.spatial.sizes:output_padding_for",
    "pool_size": "weft.nn.spatial.sizes:pool_size",
    "receptive_field": "weft.nn.spatial.sizes:receptive_field",
    "resized": "weft.nn.spatial.upsampling:resized",
    "same_padding": "weft.nn.spatial.same:same_padding",
    "transposed_size": "weft.nn.spatial.sizes:transposed_size",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """Each layer as (a function that makes it, the inputs of one call)."""
    import torch
    from torch import nn

    from weft.nn.spatial import gates, modules, non_local, pooling, pyramids, same, spatial_transformer, upsampling

    series, x, volume = torch.randn(2, 4, 9), torch.randn(2, 4, 6, 5), torch.randn(2, 4, 3, 4, 3)

    def transformer() -> nn.Module:
        return spatial_transformer.SpatialTransformer(nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten()), features=16)

    return {
        "same_conv_1d": (lambda: same.SameConv1d(4, 3, 4, 2), (series,)),
        "same_conv_2d": (lambda: same.SameConv2d(4, 3, 2, padding_mode="reflect"), (x,)),
        "same_conv_3d": (lambda: same.SameConv3d(4, 3, 2), (volume,)),
        "causal_conv": (lambda: same.CausalConv1d(4, 3, dilation=2), (series,)),
        "depthwise_separable_conv": (lambda: same.DepthwiseSeparableConv(4, 6, 5, 2), (x,)),
        "transposed_conv": (lambda: upsampling.transposed_conv(4, 3), (x,)),
        "upsample": (lambda: upsampling.upsample(2, "bicubic"), (x,)),
        "resize_conv": (lambda: upsampling.ResizeConv(4, 3, mode="bilinear"), (x,)),
        "pixel_shuffle_conv": (lambda: upsampling.PixelShuffleConv(4, 3), (x,)),
        "carafe": (lambda: upsampling.Carafe(4, reach=3, hidden=8), (x,)),
        "pool": (lambda: pooling.pool("lp", {"kernel_size": 3, "stride": 2}), (x,)),
        "gem": (lambda: pooling.GeM(), (x,)),
        "spatial_attention_pool": (lambda: pooling.SpatialAttentionPool(4, 2), (x,)),
        "spatial_pyramid_pooling": (lambda: pooling.SpatialPyramidPooling(), (x,)),
        "squeeze_excitation": (lambda: gates.SqueezeExcitation(4), (x,)),
        "channel_attention": (lambda: gates.ChannelAttention(4), (x,)),
        "spatial_attention": (lambda: gates.SpatialAttention(3), (x,)),
        "cbam": (lambda: gates.CBAM(4, kernel=3), (x,)),
        "coordinate_attention": (lambda: gates.CoordinateAttention(4), (x,)),
        "non_local": (lambda: non_local.NonLocal(4, form="concatenation", subsample=2), (x,)),
        "spatial_transformer": (transformer, (x,)),
        "inception_module": (lambda: modules.InceptionModule(4, 2, (2, 3), (2, 3), 2), (x,)),
        "channel_shuffle": (lambda: modules.channel_shuffle(2), (x,)),
        "dense_block": (lambda: modules.DenseBlock(4, 2, 3), (x,)),
        "dense_transition": (lambda: modules.DenseTransition(4, 2), (x,)),
        "feature_pyramid": (lambda: pyramids.FeaturePyramid([4, 4], 3, extra="convolution"), (x, torch.randn(2, 4, 3, 3))),
        "aspp": (lambda: pyramids.ASPP(4, 3, rates=(1, 2), dropout=0.1), (x,)),
        "dilated_stack": (lambda: pyramids.DilatedStack(4, dilations=(1, 2)), (x,)),
    }
