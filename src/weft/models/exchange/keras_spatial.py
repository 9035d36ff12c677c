"""Keras' convolutions, pooling and resizing: channels last, its own kind of padding."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

CONV = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED: tuple[Callable[..., Tensor], ...] = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)
MAX: tuple[Callable[..., Tensor], ...] = (F.max_pool1d, F.max_pool2d, F.max_pool3d)
MEAN: tuple[Callable[..., Tensor], ...] = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)


def sizes(value: Any, ndim: int) -> tuple[int, ...]:
    """A number for every axis, or one each.

    >>> sizes(3, 2), sizes([1, 2], 2)
    ((3, 3), (1, 2))
    """
    return tuple(int(v) for v in value) if isinstance(value, Sequence) else (int(value),) * ndim


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Zeros before and after an axis so that ceil(size / stride) windows fit; the odd one comes after.

    >>> same_padding(5, 2, 1, 1), same_padding(6, 3, 2, 1)
    ((0, 1), (0, 1))
    """
    total = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def padded(x: Tensor, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int], value: float = 0.0) -> Tensor:
    """``x`` (B, C, ...) padded as Keras' ``same``."""
    ends: list[int] = []
    for size, k, s, d in zip(x.shape[2:], kernel, stride, dilation, strict=True):
        ends = [*same_padding(size, k, s, d), *ends]
    return F.pad(x, ends, value=value) if any(ends) else x


class ChannelsAside(nn.Module, ABC):
    """What works on channels first, on tensors whose channels come last. Nothing is copied: torch takes such strides as they are."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.last = config.get("data_format", "channels_last") != "channels_first"

    @abstractmethod
    def first(self, x: Tensor) -> Tensor:
        """The layer on (B, C, ...)."""

    def forward(self, x: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        return self.first(x.movedim(-1, 1)).movedim(1, -1) if self.last else self.first(x)


class KerasConv(ChannelsAside):
    """Keras' Conv1D, Conv2D, Conv3D and the depthwise ones: padding valid, same or causal.

    Shapes: (B, *space, C) -> (B, *space', C'); with ``channels_first`` channels second.
    Use for networks that come from Keras.

    >>> KerasConv({"strides": 2, "padding": "same"}, [(3, 3, 1, 4), (4,)])(torch.zeros(1, 5, 5, 1)).shape
    torch.Size([1, 3, 3, 4])
    """

    def __init__(self, config: Mapping[str, Any], shapes: Sequence[Sequence[int]], *, depthwise: bool = False) -> None:
        super().__init__(config)
        *kernel, inner, outer = (int(v) for v in shapes[0])
        n = len(kernel)
        self.stride, self.dilation = sizes(config.get("strides", 1), n), sizes(config.get("dilation_rate", 1), n)
        self.padding, self.depthwise = str(config.get("padding", "valid")), depthwise
        groups = inner if depthwise else int(config.get("groups", 1))
        channels = inner if depthwise else inner * groups
        outputs = inner * outer if depthwise else outer
        self.conv = CONV[n - 1](channels, outputs, tuple(kernel), self.stride, 0, self.dilation, groups, bias=len(shapes) > 1)  # type: ignore[arg-type]

    def fill(self, arrays: Sequence[Tensor]) -> None:
        """Take Keras' kernel (*k, C / groups, C') and bias."""
        kernel = arrays[0].movedim((-1, -2), (0, 1))
        if self.depthwise:
            kernel = arrays[0].movedim((-2, -1), (0, 1)).flatten(0, 1).unsqueeze(1)
        with torch.no_grad():
            self.conv.weight.copy_(kernel)
            if self.conv.bias is not None:
                self.conv.bias.copy_(arrays[1])

    def first(self, x: Tensor) -> Tensor:
        if self.padding == "same":
            x = padded(x, self.conv.kernel_size, self.stride, self.dilation)
        elif self.padding == "causal":
            x = F.pad(x, ((self.conv.kernel_size[0] - 1) * self.dilation[0], 0))
        return self.conv(x)


class KerasSeparable(nn.Module):
    """Keras' SeparableConv1D and 2D: each channel by itself, then a 1 x 1 convolution over all."""

    def __init__(self, config: Mapping[str, Any], shapes: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.depth = KerasConv(config, shapes[:1], depthwise=True)
        self.point = KerasConv({"data_format": config.get("data_format")}, shapes[1:])

    def fill(self, arrays: Sequence[Tensor]) -> None:
        self.depth.fill(arrays[:1])
        self.point.fill(arrays[1:])

    def forward(self, x: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        return self.point(self.depth(x))


class KerasConvTranspose(ChannelsAside):
    """Keras' Conv1DTranspose to Conv3DTranspose: ``same`` multiplies the size by the stride, ``valid`` keeps every value.

    >>> KerasConvTranspose({"strides": 2, "padding": "same"}, [(3, 3, 4, 1), (4,)])(torch.zeros(1, 5, 5, 1)).shape
    torch.Size([1, 10, 10, 4])
    """

    def __init__(self, config: Mapping[str, Any], shapes: Sequence[Sequence[int]]) -> None:
        super().__init__(config)
        *kernel, outer, inner = (int(v) for v in shapes[0])
        n = len(kernel)
        self.kernel, self.stride, self.dilation = tuple(kernel), sizes(config.get("strides", 1), n), sizes(config.get("dilation_rate", 1), n)
        self.same = config.get("padding", "valid") == "same"
        extra = config.get("output_padding")
        self.extra = None if extra is None else sizes(extra, n)
        self.weight = nn.Parameter(torch.zeros(inner, outer, *kernel))
        self.bias = nn.Parameter(torch.zeros(outer)) if len(shapes) > 1 else None

    def fill(self, arrays: Sequence[Tensor]) -> None:
        """Take Keras' kernel (*k, C', C) and bias."""
        with torch.no_grad():
            self.weight.copy_(arrays[0].movedim((-1, -2), (0, 1)))
            if self.bias is not None:
                self.bias.copy_(arrays[1])

    def first(self, x: Tensor) -> Tensor:
        full = TRANSPOSED[len(self.kernel) - 1](x, self.weight, None, self.stride, dilation=self.dilation)
        for axis, (k, s, d) in enumerate(zip(self.kernel, self.stride, self.dilation, strict=True)):
            size, wide = x.shape[axis + 2], (k - 1) * d + 1
            if self.extra is None:
                length, before = (size * s, max(wide - s, 0) // 2) if self.same else ((size - 1) * s + max(wide, s), 0)
            else:
                before = wide // 2 if self.same else 0
                length = (size - 1) * s + wide - 2 * before + self.extra[axis]
            full = full.narrow(axis + 2, before, min(length, full.shape[axis + 2] - before))
            missing = length - full.shape[axis + 2]
            if missing > 0:
                full = F.pad(full, [0, 0] * (len(self.kernel) - 1 - axis) + [0, missing])
        return full if self.bias is None else full + self.bias.reshape(-1, *(1,) * len(self.kernel))


class KerasPool(ChannelsAside):
    """Keras' MaxPooling and AveragePooling; with ``same`` the mean counts no padding."""

    def __init__(self, config: Mapping[str, Any], *, largest: bool, ndim: int) -> None:
        super().__init__(config)
        self.kernel = sizes(config.get("pool_size", 2), ndim)
        self.stride = sizes(config.get("strides") or self.kernel, ndim)
        self.same, self.largest = config.get("padding", "valid") == "same", largest

    def first(self, x: Tensor) -> Tensor:
        pool = (MAX if self.largest else MEAN)[len(self.kernel) - 1]
        if not self.same:
            return pool(x, self.kernel, self.stride)
        steps = (1,) * len(self.kernel)
        if self.largest:
            return pool(padded(x, self.kernel, self.stride, steps, float("-inf")), self.kernel, self.stride)
        counted = padded(torch.ones_like(x[:1, :1]), self.kernel, self.stride, steps)
        return pool(padded(x, self.kernel, self.stride, steps), self.kernel, self.stride) / pool(counted, self.kernel, self.stride)


class KerasGlobalPool(ChannelsAside):
    """Keras' GlobalMaxPooling and GlobalAveragePooling; a mask (B, T), True = counts, is heeded by the mean over time."""

    takes_mask = True

    def __init__(self, config: Mapping[str, Any], *, largest: bool) -> None:
        super().__init__(config)
        self.keep, self.largest = bool(config.get("keepdims")), largest

    def first(self, x: Tensor) -> Tensor:
        return x.amax(tuple(range(2, x.ndim)), keepdim=self.keep) if self.largest else x.mean(tuple(range(2, x.ndim)), keepdim=self.keep)

    def forward(self, x: Float[Tensor, "b ..."], mask: Tensor | None = None) -> Float[Tensor, "b ..."]:
        if self.largest or mask is None or x.ndim != 3 or not self.last:
            pooled = self.first(x.movedim(-1, 1) if self.last else x)
            return pooled.movedim(1, -1) if self.last and self.keep else pooled
        counts = mask.unsqueeze(-1).to(x.dtype)
        return torch.where(mask.unsqueeze(-1), x, 0.0).sum(1, keepdim=self.keep) / counts.sum(1, keepdim=self.keep)


class KerasBorder(ChannelsAside):
    """Keras' ZeroPadding and Cropping: ``ends`` (before, after) for every axis."""

    def __init__(self, config: Mapping[str, Any], *, ndim: int, crop: bool) -> None:
        super().__init__(config)
        given = config.get("cropping" if crop else "padding", 1)
        pairs = [given] if ndim == 1 and isinstance(given, Sequence) else given if isinstance(given, Sequence) else [given] * ndim
        both = [sizes(pair, 2) for pair in pairs]
        self.ends = [v for pair in reversed(both) for v in (tuple(-e for e in pair) if crop else pair)]

    def first(self, x: Tensor) -> Tensor:
        return F.pad(x, self.ends)


class KerasUpSampling(ChannelsAside):
    """Keras' UpSampling1D to 3D, nearest or linear."""

    def __init__(self, config: Mapping[str, Any], *, ndim: int) -> None:
        super().__init__(config)
        self.size, self.mode = sizes(config.get("size", 2), ndim), str(config.get("interpolation", "nearest"))
        if self.mode not in ("nearest", "bilinear"):
            raise ValueError(f"UpSampling by {self.mode!r} is not read; only nearest and bilinear are.")

    def first(self, x: Tensor) -> Tensor:
        wanted = [size * by for size, by in zip(x.shape[2:], self.size, strict=True)]
        return F.interpolate(x, wanted, mode=self.mode) if self.mode == "nearest" else F.interpolate(x, wanted, mode=self.mode, antialias=False)
