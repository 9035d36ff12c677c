"""How large the output of a convolution or pooling is, and how much of the input each of its places sees."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

Padding = int | Literal["same"]


def conv_size(size: int, kernel: int, stride: int = 1, padding: Padding = 0, dilation: int = 1) -> int:
    """The size after a convolution: floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1; with "same" ceil(size / stride).

    Errors: ``ValueError`` when nothing would be left, or an argument makes no sense.

    >>> conv_size(224, 7, stride=2, padding=3), conv_size(32, 3, dilation=2), conv_size(7, 4, stride=2, padding="same")
    (112, 28, 4)
    """
    sensible(size, kernel, stride, dilation)
    if padding == "same":
        return -(-size // stride)
    span = dilation * (kernel - 1) + 1
    return left((size + 2 * padding - span) // stride + 1, f"a convolution of size {size} with a kernel that spans {span} and padding {padding}")


def pool_size(size: int, kernel: int, stride: int | None = None, padding: int = 0, dilation: int = 1, *, ceil_mode: bool = False) -> int:
    """The size after a pooling: as a convolution's, or rounded up with ``ceil_mode``; the stride is the kernel unless given.

    Rounded up, a last window that would begin in the right padding is left out.

    Errors: ``ValueError`` when nothing would be left, or an argument makes no sense.

    >>> pool_size(112, 3, 2, 1), pool_size(5, 2), pool_size(5, 2, ceil_mode=True)
    (56, 2, 3)
    """
    stride = kernel if stride is None else stride
    sensible(size, kernel, stride, dilation)
    span = dilation * (kernel - 1) + 1
    room = size + 2 * padding - span
    windows = (-(-room // stride) if ceil_mode else room // stride) + 1
    if ceil_mode and (windows - 1) * stride >= size + padding:
        windows -= 1
    return left(windows, f"a pooling of size {size} with a window that spans {span} and padding {padding}")


def transposed_size(size: int, kernel: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1) -> int:
    """The size after a transposed convolution: (size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1.

    Errors: ``ValueError`` when nothing would be left, or an argument makes no sense.

    >>> transposed_size(14, 4, stride=2, padding=1)
    28
    """
    sensible(size, kernel, stride, dilation)
    wide = (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1
    return left(wide, f"a transposed convolution of size {size} with padding {padding}")


def output_padding_for(wanted: int, size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """The output padding with which a transposed convolution makes ``wanted`` of ``size``: several sizes shrink to one, and this says which.

    Errors: ``ValueError`` with the sizes that can be made.

    >>> output_padding_for(8, 4, kernel=3, stride=2, padding=1)
    1
    """
    least = transposed_size(size, kernel, stride, padding, 0, dilation)
    most = least + max(stride, dilation) - 1                         # torch wants it smaller than the stride or the dilation
    if not least <= wanted <= most:
        raise ValueError(f"Of size {size}, kernel {kernel}, stride {stride} and padding {padding} make sizes {least} to {most}; {wanted} was wanted.")
    return wanted - least


def sensible(size: int, kernel: int, stride: int, dilation: int) -> None:
    """Raise unless each is at least 1."""
    for name, value in (("size", size), ("kernel", kernel), ("stride", stride), ("dilation", dilation)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1; got {value}.")


def left(size: int, what: str) -> int:
    """``size``, unless nothing is left."""
    if size < 1:
        raise ValueError(f"Nothing is left of {what}. Use a larger input, more padding or a smaller kernel.")
    return size


@dataclass(frozen=True)
class Field:
    """What one place of an output sees: ``size`` places of the input, the next place ``jump`` further on, the first one centred at ``centre``."""

    size: int = 1
    jump: int = 1
    centre: float = 0.0

    def after(self, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Field:
        """The field after one more convolution or pooling.

        >>> Field().after(3, stride=2, padding=1).after(3, padding=1)
        Field(size=7, jump=2, centre=0.0)
        """
        reach = dilation * (kernel - 1)
        return Field(self.size + reach * self.jump, self.jump * stride, self.centre + (reach / 2 - padding) * self.jump)


TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.Upsample)
ADAPTIVE = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d)
ELSEWHERE = (*TRANSPOSED, *ADAPTIVE, nn.Linear)


def receptive_field(layers: Iterable[nn.Module], axis: int = 0) -> list[tuple[str, Field]]:
    """The field after each convolution and pooling of ``layers``, which run one after another, along one spatial axis.

    A sequence counts as its layers, in order; activations, norms and dropout see one place and are passed over.

    Shapes: none; only the settings are read. Centres are in input places, the first being 0.
    Errors: ``ValueError`` at a layer that sees everything or grows the map, where the sum over a chain ends (transposed, adaptive, linear).
    Use when choosing depth, kernels and dilations; where there are branches, the gradient of one output tells.

    >>> [(name, field.size, field.jump) for name, field in receptive_field([nn.Conv2d(3, 8, 7, 2, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1)])]
    [('Conv2d', 7, 2), ('MaxPool2d', 11, 4)]
    """
    field, found = Field(), []
    for layer in layers:
        for part in layer.modules():
            if isinstance(part, ELSEWHERE):
                raise ValueError(f"The receptive field of {type(part).__name__} is not that of a window; give the layers before it.")
            if not any(part.children()) and hasattr(part, "kernel_size"):
                kernel, stride, dilation = (along(getattr(part, name, 1), axis) for name in ("kernel_size", "stride", "dilation"))
                reach = dilation * (kernel - 1)
                before = getattr(part, "padded_before", None)         # layers of weft that pad by themselves say how much at stride 1
                padding = part.padding if before is None else before(axis)
                field = field.after(kernel, stride, reach // 2 if padding == "same" else along(padding, axis), dilation)
                found.append((type(part).__name__, field))
    return found


def along(value: Any, axis: int) -> int:
    """A setting along one axis: itself, or its element there."""
    if isinstance(value, int):
        return value
    settings = list(value)
    return settings[axis if len(settings) > 1 else 0]
