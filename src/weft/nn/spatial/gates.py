"""Gates of channels and places: squeeze-and-excitation, CBAM, coordinate attention."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from weft.nn.activations.named import activation as make_activation
from weft.nn.norms.named import image_norm
from weft.nn.shapes import expect
from weft.nn.spatial.same import SameConv2d


def narrowed(channels: int, reduction: int, least: int) -> int:
    """The hidden channels of a gate: channels / reduction, but never so few that the gate is dead."""
    if channels < 1 or reduction < 1 or least < 1:
        raise ValueError(f"A gate needs channels, reduction and least hidden channels of at least 1; got {channels}, {reduction}, {least}.")
    return max(channels // reduction, least)


class SqueezeExcitation(nn.Module):
    """Channels weighed by what all of them say on average: x * gate(W2 relu(W1 mean(x))).

    Shapes: x (B, channels, ...) -> the same, with any number of dimensions after the channels. Hidden: channels / reduction, at least ``min_hidden``.
    Errors: ``ValueError`` for another number of channels or an unknown gate (sigmoid, hardsigmoid, …).
    Paper: Hu et al., 2017, arXiv:1709.01507.
    Use when some channels matter more in some pictures; instead of it, ``CBAM`` to weigh places too. Cost: two small linear layers.

    >>> SqueezeExcitation(8)(torch.randn(2, 8, 5, 5)).shape
    torch.Size([2, 8, 5, 5])
    """

    def __init__(self, channels: int, reduction: int = 16, *, min_hidden: int = 4, gate: str = "sigmoid", activation: str = "relu") -> None:
        super().__init__()
        hidden = narrowed(channels, reduction, min_hidden)
        self.channels = channels
        self.squeeze = nn.Linear(channels, hidden)
        self.act = make_activation(activation)
        self.excite = nn.Linear(hidden, channels)
        self.gate = make_activation(gate)

    def forward(self, x: Float[Tensor, "b c *places"]) -> Float[Tensor, "b c *places"]:
        expect(x, f"B {self.channels} N ...", "SqueezeExcitation")
        share = self.gate(self.excite(self.act(self.squeeze(x.flatten(2).mean(-1)))))
        return x * share.reshape(*share.shape, *[1] * (x.ndim - 2))


class ChannelAttention(nn.Module):
    """Channels weighed by one small network of their mean and of their maximum: x * sigmoid(f(mean(x)) + f(max(x))).

    Shapes: x (B, channels, ...) -> the same.
    Errors: ``ValueError`` for another number of channels.
    Paper: Woo et al., 2018, arXiv:1807.06521.
    Use when ``SqueezeExcitation`` should see peaks too; cost: two small linear layers, twice.

    >>> ChannelAttention(8)(torch.randn(2, 8, 5, 5)).shape
    torch.Size([2, 8, 5, 5])
    """

    def __init__(self, channels: int, reduction: int = 16, *, min_hidden: int = 4) -> None:
        super().__init__()
        self.channels = channels
        hidden = narrowed(channels, reduction, min_hidden)
        self.shared = nn.Sequential(nn.Linear(channels, hidden, bias=False), nn.ReLU(), nn.Linear(hidden, channels, bias=False))

    def forward(self, x: Float[Tensor, "b c *places"]) -> Float[Tensor, "b c *places"]:
        expect(x, f"B {self.channels} N ...", "ChannelAttention")
        places = x.flatten(2)
        share = (self.shared(places.mean(-1)) + self.shared(places.amax(-1))).sigmoid()
        return x * share.reshape(*share.shape, *[1] * (x.ndim - 2))


class SpatialAttention(nn.Module):
    """Places weighed by a convolution of their mean and maximum over channels: x * sigmoid(conv([mean(x), max(x)])).

    Shapes: x (B, C, H, W) -> the same, for any number of channels.
    Errors: ``ValueError`` for another number of dimensions.
    Paper: Woo et al., 2018, arXiv:1807.06521. Differs: no norm after the convolution, which the paper does not name.
    Use when where matters more than what; cost: one convolution from two channels to one.

    >>> SpatialAttention()(torch.randn(2, 8, 5, 5)).shape
    torch.Size([2, 8, 5, 5])
    """

    def __init__(self, kernel: int = 7) -> None:
        super().__init__()
        self.conv = SameConv2d(2, 1, kernel)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        expect(x, "B C H W", "SpatialAttention")
        return x * self.conv(torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)).sigmoid()


class CBAM(nn.Module):
    """Convolutional block attention: first channels are weighed, then places.

    Shapes: x (B, channels, H, W) -> the same.
    Errors: ``ValueError`` for another number of channels.
    Paper: Woo et al., 2018, arXiv:1807.06521; the order is theirs, and the other way round is another function.
    Use when both what and where matter; instead of it, ``SqueezeExcitation`` for channels alone. Cost: that of its two parts.

    >>> CBAM(8)(torch.randn(2, 8, 5, 5)).shape
    torch.Size([2, 8, 5, 5])
    """

    def __init__(self, channels: int, reduction: int = 16, *, kernel: int = 7, min_hidden: int = 4) -> None:
        super().__init__()
        self.layout = f"B {channels} H W"
        self.channel = ChannelAttention(channels, reduction, min_hidden=min_hidden)
        self.spatial = SpatialAttention(kernel)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        expect(x, self.layout, "CBAM")
        return self.spatial(self.channel(x))


class CoordinateAttention(nn.Module):
    """Rows and columns weighed apart: x * sigmoid(h(rows)) * sigmoid(w(columns)), both from one small network of row and column means.

    Shapes: x (B, channels, H, W) -> the same. Hidden: channels / reduction, at least 8.
    Errors: ``ValueError`` for another number of channels or an unknown norm.
    Paper: Hou et al., 2021, arXiv:2103.02907.
    Use when a position along one axis matters (mobile networks); instead of it, ``CBAM``. Cost: 1x1 convolutions of H + W places.

    >>> CoordinateAttention(8)(torch.randn(2, 8, 5, 6)).shape
    torch.Size([2, 8, 5, 6])
    """

    def __init__(self, channels: int, reduction: int = 32, *, min_hidden: int = 8, norm: str | None = "batch") -> None:
        super().__init__()
        self.layout = f"B {channels} H W"
        hidden = narrowed(channels, reduction, min_hidden)
        self.shared = nn.Sequential(nn.Conv2d(channels, hidden, 1, bias=norm is None), image_norm(norm, hidden), nn.Hardswish())
        self.rows = nn.Conv2d(hidden, channels, 1)
        self.columns = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        expect(x, self.layout, "CoordinateAttention")
        height = x.shape[2]
        means = torch.cat([x.mean(3), x.mean(2)], 2)[..., None]                            # (B, C, H + W, 1)
        rows, columns = self.shared(means).split([height, x.shape[3]], 2)
        return x * self.rows(rows).sigmoid() * self.columns(columns.mT).sigmoid()
