"""What each class of Keras layer becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from weft._lazy import hint
from weft.models.exchange.keras_activations import keras_activation
from weft.models.exchange.keras_attention import KerasAttention, KerasMultiHeadAttention
from weft.models.exchange.keras_recurrent import KerasBidirectional, KerasRecurrent
from weft.models.exchange.keras_spatial import (
    KerasBorder,
    KerasConv,
    KerasConvTranspose,
    KerasGlobalPool,
    KerasPool,
    KerasSeparable,
    KerasUpSampling,
)

Shapes = Sequence[Sequence[int]]
PARTS = {  # where a layer keeps its weights, in the order in which they are listed
    "SimpleRNN": ("cell",),
    "LSTM": ("cell",),
    "GRU": ("cell",),
    "Bidirectional": ("forward_layer/cell", "backward_layer/cell"),
    "MultiHeadAttention": ("query_dense", "key_dense", "value_dense", "output_dense"),
}
PASSES_MASK = {  # layers whose output keeps the mask of their input
    "Activation", "ActivityRegularization", "AlphaDropout", "BatchNormalization", "Dense", "Dropout", "ELU", "GroupNormalization", "Identity",
    "LayerNormalization", "LeakyReLU", "MultiHeadAttention", "Normalization", "PReLU", "ReLU", "Rescaling", "Softmax", "SpatialDropout1D",
    "TimeDistributed", "UnitNormalization",
}  # fmt: skip


class Apply(nn.Module):
    """A function as a layer."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Any) -> Tensor:
        return self.function(*inputs)


class KerasDense(nn.Module):
    """Keras' Dense: a linear layer on the last axis, then an activation."""

    def __init__(self, config: Mapping[str, Any], shapes: Shapes, *, before_3: bool = False) -> None:
        super().__init__()
        self.linear = nn.Linear(int(shapes[0][0]), int(shapes[0][1]), bias=len(shapes) > 1)
        self.act = keras_activation(config.get("activation"), before_3=before_3)

    def fill(self, arrays: Sequence[Tensor]) -> None:
        with torch.no_grad():
            self.linear.weight.copy_(arrays[0].t())
            if len(arrays) > 1:
                self.linear.bias.copy_(arrays[1])

    def forward(self, x: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        return self.act(self.linear(x))


class KerasBatchNorm(nn.Module):
    """Keras' BatchNormalization over one axis. Its momentum is what is kept, torch's what is taken: m becomes 1 - m."""

    def __init__(self, config: Mapping[str, Any], shapes: Shapes) -> None:
        super().__init__()
        axis = config.get("axis", -1)
        self.axis = int(axis[0] if isinstance(axis, Sequence) else axis)
        self.scale, self.centre = bool(config.get("scale", True)), bool(config.get("center", True))
        self.norm = nn.BatchNorm1d(int(shapes[0][0]), float(config.get("epsilon", 1e-3)), 1 - float(config.get("momentum", 0.99)))
        for used, parameter in ((self.scale, self.norm.weight), (self.centre, self.norm.bias)):
            parameter.requires_grad_(used)

    def fill(self, arrays: Sequence[Tensor]) -> None:
        given = iter(arrays)
        with torch.no_grad():
            self.norm.weight.copy_(next(given) if self.scale else torch.ones_like(self.norm.weight))
            self.norm.bias.copy_(next(given) if self.centre else torch.zeros_like(self.norm.bias))
            for buffer in (self.norm.running_mean, self.norm.running_var):
                assert buffer is not None
                buffer.copy_(next(given))

    def forward(self, x: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        moved = x.movedim(self.axis, 1)
        normal = self.norm(moved.flatten(2)).unflatten(2, moved.shape[2:]) if x.ndim > 3 else self.norm(moved)
        return normal.movedim(1, self.axis)


class KerasNorm(nn.Module):
    """Keras' LayerNormalization, GroupNormalization and UnitNormalization.

    Shapes: (B, ...) -> (B, ...).
    """

    def __init__(self, kind: str, config: Mapping[str, Any], shapes: Shapes) -> None:
        super().__init__()
        axis = config.get("axis", -1)
        self.axes = tuple(int(a) for a in axis) if isinstance(axis, Sequence) else (int(axis),)
        self.kind, self.eps, self.groups = kind, float(config.get("epsilon", 1e-3)), int(config.get("groups", 32))
        which = iter(shapes)
        self.weight = nn.Parameter(torch.ones(tuple(next(which)))) if shapes and config.get("scale", True) else None
        self.bias = nn.Parameter(torch.zeros(tuple(next(which)))) if shapes and config.get("center", True) else None

    def fill(self, arrays: Sequence[Tensor]) -> None:
        given = iter(arrays)
        with torch.no_grad():
            for parameter in (self.weight, self.bias):
                if parameter is not None:
                    parameter.copy_(next(given))

    def forward(self, x: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        if self.kind == "UnitNormalization":
            return x / x.square().sum(self.axes, keepdim=True).clamp(min=1e-12).sqrt()
        axes = sorted(a % x.ndim for a in self.axes)
        shape = [size if a in axes else 1 for a, size in enumerate(x.shape)]
        if self.kind == "GroupNormalization":
            moved = x.movedim(axes[0], 1)
            groups = moved.shape[1] if self.groups == -1 else self.groups
            normal = F.group_norm(moved, groups, eps=self.eps).movedim(1, axes[0])
        else:
            mean = x.mean(axes, keepdim=True)
            normal = (x - mean) * ((x - mean).square().mean(axes, keepdim=True) + self.eps).rsqrt()
        normal = normal if self.weight is None else normal * self.weight.reshape(shape)
        return normal if self.bias is None else normal + self.bias.reshape(shape)


class KerasEmbedding(nn.Module):
    """Keras' Embedding; with ``mask_zero`` token 0 is masked for the layers after it."""

    def __init__(self, config: Mapping[str, Any], shapes: Shapes) -> None:
        super().__init__()
        self.table, self.mask_zero = nn.Embedding(int(shapes[0][0]), int(shapes[0][1])), bool(config.get("mask_zero"))

    def fill(self, arrays: Sequence[Tensor]) -> None:
        with torch.no_grad():
            self.table.weight.copy_(arrays[0])

    def mask(self, x: Tensor) -> Tensor | None:
        """True where a token counts."""
        return x != 0 if self.mask_zero else None

    def forward(self, x: Tensor) -> Tensor:
        return self.table(x.long())


class KerasMasking(nn.Module):
    """Keras' Masking: steps whose every value is ``mask_value`` are masked and set to zero."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.value = float(config.get("mask_value", 0.0))

    def mask(self, x: Tensor) -> Tensor:
        """True where a step counts."""
        return (x != self.value).any(-1)

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        return torch.where(self.mask(x).unsqueeze(-1), x, 0.0)


class KerasNormalization(nn.Module):
    """Keras' Normalization: (x - mean) / std of what it was adapted to."""

    mean: Tensor
    variance: Tensor

    def __init__(self, config: Mapping[str, Any], shapes: Shapes) -> None:
        super().__init__()
        fixed = config.get("mean") is not None
        shape = tuple(shapes[0]) if shapes else ()
        self.register_buffer("mean", torch.as_tensor(config["mean"], dtype=torch.float32) if fixed else torch.zeros(shape))
        self.register_buffer("variance", torch.as_tensor(config["variance"], dtype=torch.float32) if fixed else torch.ones(shape))

    def fill(self, arrays: Sequence[Tensor]) -> None:
        if arrays:
            self.mean, self.variance = arrays[0].float().clone(), arrays[1].float().clone()

    def forward(self, x: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        return (x - self.mean) / self.variance.sqrt().clamp(min=1e-7)


class KerasPReLU(nn.Module):
    """Keras' PReLU: a slope for every feature, shared along the axes that it was built with."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.zeros(tuple(shapes[0])))

    def fill(self, arrays: Sequence[Tensor]) -> None:
        with torch.no_grad():
            self.slope.copy_(arrays[0])

    def forward(self, x: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        return torch.where(x > 0, x, x * self.slope)


class TimeDistributed(nn.Module):
    """One layer applied to every step: (B, T, ...) -> (B, T, ...)."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Float[Tensor, "b t ..."]) -> Float[Tensor, "b t ..."]:
        return self.layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])


def dot(inputs: Sequence[Tensor], *, axes: Any, normalize: bool) -> Tensor:
    """Keras' Dot: the product of two tensors along an axis of each."""
    a, b = inputs
    left, right = (axes, axes) if isinstance(axes, int) else axes
    if normalize:
        a, b = F.normalize(a, dim=left), F.normalize(b, dim=right)
    x, y = a.movedim(left, -1), b.movedim(right, -1)
    product = x.flatten(1, -2) @ y.flatten(1, -2).transpose(1, 2) if x.ndim > 2 and y.ndim > 2 else None
    if product is None:
        product = torch.einsum("b...k,bk->b...", x, y) if y.ndim == 2 else torch.einsum("bk,b...k->b...", x, y)
        return product.unsqueeze(-1) if product.ndim == 1 else product
    return product.reshape(len(a), *x.shape[1:-1], *y.shape[1:-1])


def relu(x: Tensor, *, slope: float, most: float | None, threshold: float) -> Tensor:
    """Keras' ReLU with its three numbers."""
    low = slope * (x - threshold)
    y = torch.where(x >= threshold, x, low)
    return y if most is None else y.clamp(max=most)


MERGES: dict[str, Callable[[Sequence[Tensor]], Tensor]] = {
    "Add": lambda xs: reduce(torch.add, xs),
    "Subtract": lambda xs: xs[0] - xs[1],
    "Multiply": lambda xs: reduce(torch.mul, xs),
    "Average": lambda xs: reduce(torch.add, xs) / len(xs),
    "Maximum": lambda xs: reduce(torch.maximum, xs),
    "Minimum": lambda xs: reduce(torch.minimum, xs),
}
OPERATIONS: dict[str, Callable[..., Tensor]] = {
    "Add": torch.add, "Subtract": torch.sub, "Multiply": torch.mul, "Divide": torch.true_divide, "TrueDivide": torch.true_divide,
    "NotEqual": lambda a, b: a != b, "LogicalOr": torch.logical_or, "LogicalAnd": torch.logical_and, "Negative": torch.neg, "Absolute": torch.abs,
    "Exp": torch.exp, "Sqrt": torch.sqrt, "Square": torch.square, "Maximum": torch.maximum, "Minimum": torch.minimum,
}  # fmt: skip
Config = Mapping[str, Any]
ELEMENTWISE: dict[str, Callable[[Config], nn.Module]] = {
    "Identity": lambda c: nn.Identity(),
    "ActivityRegularization": lambda c: nn.Identity(),
    "Dropout": lambda c: nn.Dropout(float(c.get("rate", 0.5))),
    "SpatialDropout1D": lambda c: nn.Dropout(float(c.get("rate", 0.5))),
    "SpatialDropout2D": lambda c: nn.Dropout(float(c.get("rate", 0.5))),
    "SpatialDropout3D": lambda c: nn.Dropout(float(c.get("rate", 0.5))),
    "AlphaDropout": lambda c: nn.AlphaDropout(float(c.get("rate", 0.5))),
    "LeakyReLU": lambda c: nn.LeakyReLU(float(c.get("negative_slope", c.get("alpha", 0.3)))),
    "ELU": lambda c: nn.ELU(float(c.get("alpha", 1.0))),
    "Softmax": lambda c: nn.Softmax(int(c.get("axis", -1))),
    "Masking": KerasMasking,
    "Flatten": lambda c: nn.Flatten(),
    "Reshape": lambda c: Apply(lambda x, shape=tuple(c["target_shape"]): x.reshape(len(x), *shape)),
    "Permute": lambda c: Apply(lambda x, dims=tuple(c["dims"]): x.permute(0, *dims)),
    "RepeatVector": lambda c: Apply(lambda x, n=int(c["n"]): x.unsqueeze(1).expand(-1, n, -1)),
    "Rescaling": lambda c: Apply(lambda x, scale=c["scale"], offset=c.get("offset", 0.0): x * scale + offset),
    "Concatenate": lambda c: Apply(lambda xs, axis=int(c.get("axis", -1)): torch.cat(list(xs), axis)),
    "Dot": lambda c: Apply(partial(dot, axes=c["axes"], normalize=bool(c.get("normalize")))),
    "ReLU": lambda c: Apply(
        partial(relu, slope=float(c.get("negative_slope") or 0), most=c.get("max_value"), threshold=float(c.get("threshold") or 0))
    ),
}
WEIGHTED: dict[str, Callable[[Config, Shapes], nn.Module]] = {
    "BatchNormalization": KerasBatchNorm,
    "Embedding": KerasEmbedding,
    "Normalization": KerasNormalization,
    "PReLU": lambda c, s: KerasPReLU(s),
    "MultiHeadAttention": KerasMultiHeadAttention,
    "Attention": KerasAttention,
    "AdditiveAttention": partial(KerasAttention, additive=True),
}
SPATIAL: dict[str, Callable[[Config, Shapes], nn.Module]] = {
    "Conv": KerasConv,
    "SeparableConv": KerasSeparable,
    "DepthwiseConv": partial(KerasConv, depthwise=True),
    "ConvTranspose": KerasConvTranspose,
}
NEEDS_WEIGHTS = ("Dense", "SimpleRNN", "LSTM", "GRU", "Bidirectional", "BatchNormalization", "Embedding", "PReLU", "MultiHeadAttention", *SPATIAL)


def keras_layer(kind: str, config: Config, shapes: Shapes, *, before_3: bool = False) -> nn.Module:
    """The module of one Keras layer: its class, its configuration and the shapes of its weights.

    Errors: ``ValueError`` for a class that is not read, with the nearest; ``Lambda`` and a user's own classes are never run.

    >>> keras_layer("Dense", {"activation": "relu"}, [(3, 2), (2,)])(torch.zeros(1, 3)).shape
    torch.Size([1, 2])
    """
    stem, ndim = (kind[:-2], int(kind[-2])) if kind[-2:] in ("1D", "2D", "3D") else (kind, 0)
    if kind.endswith("DTranspose"):
        stem = "ConvTranspose"
    if not shapes and (kind in NEEDS_WEIGHTS or stem in NEEDS_WEIGHTS):
        raise ValueError("the file has no weights for it; call or build the model in Keras before it is saved")
    if kind in ("Dense", "SimpleRNN", "LSTM", "GRU"):
        made = KerasDense(config, shapes, before_3=before_3) if kind == "Dense" else KerasRecurrent(kind, config, shapes, before_3=before_3)
    elif kind == "Activation":
        made = Apply(keras_activation(config.get("activation"), before_3=before_3))
    elif kind == "Bidirectional":
        made = _bidirectional(config, shapes, before_3)
    elif kind == "TimeDistributed":
        inner = config["layer"]
        made = TimeDistributed(keras_layer(inner["class_name"], inner["config"], shapes, before_3=before_3))
    elif kind in ("LayerNormalization", "GroupNormalization", "UnitNormalization"):
        made = KerasNorm(kind, config, shapes)
    elif kind in MERGES:
        made = Apply(lambda *xs, merge=MERGES[kind]: merge(xs[0] if len(xs) == 1 else xs))
    elif kind in ELEMENTWISE:
        made = ELEMENTWISE[kind](config)
    elif kind in WEIGHTED:
        made = WEIGHTED[kind](config, shapes)
    elif stem in SPATIAL:
        made = SPATIAL[stem](config, shapes)
        name = config.get("activation")
        made = made if name in (None, "linear") else Then(made, keras_activation(name, before_3=before_3))
    elif stem in ("MaxPooling", "AveragePooling"):
        made = KerasPool(config, largest=stem == "MaxPooling", ndim=ndim)
    elif stem in ("GlobalMaxPooling", "GlobalAveragePooling"):
        made = KerasGlobalPool(config, largest=stem == "GlobalMaxPooling")
    elif stem in ("ZeroPadding", "Cropping"):
        made = KerasBorder(config, ndim=ndim, crop=stem == "Cropping")
    elif stem == "UpSampling":
        made = KerasUpSampling(config, ndim=ndim)
    else:
        raise ValueError(f"no Keras layer of class {kind!r} is read. {hint(kind, known_layers())}")
    return made


def _bidirectional(config: Config, shapes: Shapes, before_3: bool) -> KerasBidirectional:
    inner = config["layer"]
    back = config.get("backward_layer") or {**inner, "config": {**inner["config"], "go_backwards": not inner["config"].get("go_backwards")}}
    half = len(shapes) // 2
    both = [
        KerasRecurrent(one["class_name"], one["config"], part, before_3=before_3)
        for one, part in ((inner, shapes[:half]), (back, shapes[half:]))
    ]
    return KerasBidirectional(both[0], both[1], config.get("merge_mode", "concat"))


class Then(nn.Module):
    """A layer, then its activation."""

    def __init__(self, layer: nn.Module, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.layer, self.function = layer, function

    def forward(self, x: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        return self.function(self.layer(x))


def known_layers() -> list[str]:
    """The classes of Keras layer that are read.

    >>> "Conv2D" in known_layers(), "Lambda" in known_layers()
    (True, False)
    """
    spatial = [f"{stem}{n}D" for stem in ("Conv", "MaxPooling", "AveragePooling", "GlobalMaxPooling", "GlobalAveragePooling") for n in (1, 2, 3)]
    spatial += [f"{stem}{n}D" for stem in ("ZeroPadding", "Cropping", "UpSampling") for n in (1, 2, 3)]
    spatial += [f"Conv{n}DTranspose" for n in (1, 2, 3)] + [f"{stem}{n}D" for stem in ("SeparableConv", "DepthwiseConv") for n in (1, 2)]
    single = ["Dense", "SimpleRNN", "LSTM", "GRU", "Activation", "Bidirectional", "TimeDistributed"]
    single += ["LayerNormalization", "GroupNormalization", "UnitNormalization"]
    return sorted([*single, *MERGES, *ELEMENTWISE, *WEIGHTED, *spatial])


def fill(module: nn.Module, arrays: Sequence[Tensor]) -> None:
    """Give a layer's module its weights, in Keras' order and layout.

    Errors: ``ValueError`` when there are weights for a layer that has none.
    """
    while isinstance(module, (Then, TimeDistributed)):
        module = module.layer
    if isinstance(module, KerasBidirectional):
        half = len(arrays) // 2
        module.ahead.fill(arrays[:half])
        module.back.fill(arrays[half:])
    elif arrays:
        taker = getattr(module, "fill", None)
        if taker is None:
            raise ValueError(f"{len(arrays)} weights for a layer that has none.")
        taker(arrays)
