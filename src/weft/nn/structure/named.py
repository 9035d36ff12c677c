"""Layers of ``torch.nn`` by name."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from weft._lazy import unknown

TORCH: tuple[str, ...] = (
    "Linear", "LazyLinear", "Bilinear", "Identity", "Embedding", "EmbeddingBag",
    "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d",
    "LazyConv1d", "LazyConv2d", "LazyConv3d", "LazyConvTranspose1d", "LazyConvTranspose2d", "LazyConvTranspose3d",
    "MaxPool1d", "MaxPool2d", "MaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d", "LPPool1d", "LPPool2d", "FractionalMaxPool2d",
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AdaptiveMaxPool3d",
    "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d", "SyncBatchNorm",
    "LayerNorm", "GroupNorm", "RMSNorm", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "LocalResponseNorm",
    "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout",
    "ReLU", "ReLU6", "LeakyReLU", "PReLU", "RReLU", "ELU", "CELU", "SELU", "GELU", "SiLU", "Mish", "Hardswish", "Hardsigmoid", "Hardtanh",
    "Sigmoid", "LogSigmoid", "Tanh", "Tanhshrink", "Softplus", "Softsign", "Softmax", "LogSoftmax", "Softmin", "Softmax2d", "Softshrink",
    "Hardshrink", "Threshold", "GLU",
    "Flatten", "Unflatten", "PixelShuffle", "PixelUnshuffle", "Upsample", "ChannelShuffle", "CosineSimilarity", "PairwiseDistance",
    "ZeroPad1d", "ZeroPad2d", "ReflectionPad1d", "ReflectionPad2d", "ReplicationPad1d", "ReplicationPad2d", "CircularPad1d", "CircularPad2d",
    "RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell", "MultiheadAttention",
    "TransformerEncoderLayer", "TransformerDecoderLayer",
)  # fmt: skip
SPOKEN = {name.lower(): name for name in TORCH}


def torch_layer(type: str, options: Mapping[str, Any] | None = None) -> nn.Module:
    """Make a layer of ``torch.nn`` from its name, as torch spells it or in lower case: ``torch_layer("conv2d", {"in_channels": 3, ...})``.

    Only the layers of a literal list, so that a spec from a stranger builds nothing else.

    Errors: ``ValueError`` naming the nearest for an unknown name; ``TypeError`` naming the options for a wrong one.
    Use when a layer stands in a spec; in code, call ``torch.nn``.

    >>> torch_layer("linear", {"in_features": 2, "out_features": 3})
    Linear(in_features=2, out_features=3, bias=True)
    """
    name = type if type in TORCH else SPOKEN.get(type.replace("_", "").lower(), "")
    if not name:
        raise unknown("layer of torch.nn", type, [*TORCH, *SPOKEN])
    return called(getattr(nn, name), dict(options or {}), name)


def called(make: Callable[..., Any], options: Mapping[str, Any], name: str) -> Any:
    """``make(**options)`` with the names of the options checked first."""
    recurrent = isinstance(make, type) and issubclass(make, nn.RNNBase)  # torch hides the options of these behind *args
    signature = inspect.signature(nn.RNNBase if recurrent else make)
    hidden = ("device", "dtype", "mode") if recurrent else ("device", "dtype")
    parameters = {key: one for key, one in signature.parameters.items() if key not in hidden}
    accepted = [key for key, one in parameters.items() if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    takes = f"It takes: {', '.join(accepted)}."
    for key in options:
        if key not in accepted:
            close = difflib.get_close_matches(key, accepted, n=2)
            raise TypeError(f"{name} has no option {key!r}.{f' Did you mean {close[0]!r}?' if close else ''} {takes}")
    missing = [key for key in accepted if key not in options and parameters[key].default is inspect.Parameter.empty]
    if missing:
        raise TypeError(f"{name} needs {', '.join(missing)}. {takes}")
    return make(**options)
