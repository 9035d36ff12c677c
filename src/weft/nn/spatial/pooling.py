"""Pooling: torch's kinds by name, generalised means, attention, pyramids."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from weft._lazy import hint, unknown
from weft.nn.shapes import expect

POOLS: dict[str, tuple[type[nn.Module] | None, type[nn.Module] | None, type[nn.Module] | None]] = {
    "max": (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d),
    "average": (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d),
    "lp": (nn.LPPool1d, nn.LPPool2d, nn.LPPool3d),
    "adaptive_max": (nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d),
    "adaptive_average": (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d),
    "fractional_max": (None, nn.FractionalMaxPool2d, nn.FractionalMaxPool3d),
    "max_unpool": (nn.MaxUnpool1d, nn.MaxUnpool2d, nn.MaxUnpool3d),
    "global_max": (nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d),
    "global_average": (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d),
}
BEGINNINGS: dict[str, dict[str, Any]] = {"lp": {"norm_type": 2.0}, "fractional_max": {"output_ratio": 0.5}}


def pool(name: str, options: Mapping[str, Any] | None = None, *, ndim: int = 2) -> nn.Module:
    """Make torch's pooling called ``name`` over ``ndim`` dimensions, with torch's own ``options``.

    Names: ``max``, ``average``, ``lp`` (norm_type 2) with kernel_size 2 and a stride as large unless given (3 and 2 overlap); ``adaptive_max``,
    ``adaptive_average`` to ``output_size``; ``fractional_max`` (2-D and 3-D; output_ratio 0.5, windows at random places while learning and after);
    ``max_unpool``, which takes the indices of a max pooling with ``return_indices``; ``global_max``, ``global_average`` to (B, C).

    Shapes: x (B, C, ...) -> (B, C, ...), global ones (B, C); ``pool_size`` computes sizes.
    Errors: ``ValueError`` naming the nearest for an unknown name or option, or where torch has no such pooling in that many dimensions.
    Papers: Graham, 2014, arXiv:1412.6071 (fractional); Lin et al., 2013, arXiv:1312.4400 (global average).
    Use when a network takes its pooling from a spec; instead of it, torch's classes where code builds code; ``GeM`` between mean and max.

    >>> pool("max", {"kernel_size": 3, "stride": 2})
    MaxPool2d(kernel_size=3, stride=2, padding=0, dilation=1, ceil_mode=False)
    >>> pool("global_average")(torch.ones(2, 3, 4, 5)).shape
    torch.Size([2, 3])
    """
    if name not in POOLS:
        raise unknown("pool", name, POOLS)
    kind = POOLS[name][ndim - 1] if 1 <= ndim <= 3 else None
    if kind is None:
        raise ValueError(f"There is no {name} pooling over {ndim} dimensions; ndim is 1, 2 or 3 (fractional_max: 2 or 3).")
    given, known = dict(options or {}), [] if name.startswith("global") else list(inspect.signature(kind).parameters)
    for option in given:
        if option not in known:
            raise ValueError(f"Pool {name!r} has no option {option!r}. {hint(option, known)}")
    if name.startswith("global"):
        return nn.Sequential(kind(1), nn.Flatten())
    if name.startswith("adaptive") and "output_size" not in given:
        raise ValueError(f"Pool {name!r} needs output_size: pool({name!r}, {{'output_size': …}}).")
    start = BEGINNINGS.get(name, {}) | ({"kernel_size": 2} if "kernel_size" in known else {})
    if "output_size" in given:
        start.pop("output_ratio", None)
    return kind(**(start | given))


class GeM(nn.Module):
    """Generalised mean over all places: (mean(max(x, eps)^p))^(1/p): the mean at p = 1, towards the maximum as p grows.

    Shapes: x (B, C, ...) -> (B, C). p is learned unless told otherwise; computed in float32, each channel divided by its maximum first, so that no
    power overflows.
    Errors: ``ValueError`` unless p > 0, or for fewer than three dimensions.
    Paper: Radenović et al., 2017, arXiv:1711.02512.
    Use when pictures are compared or retrieved; instead of it, ``pool("global_average")``. Cost: two powers an element.

    >>> GeM(1.0)(torch.tensor([[[1.0, 3.0]]])).item()
    2.0
    """

    def __init__(self, p: float = 3.0, *, learnable: bool = True, eps: float = 1e-6) -> None:
        super().__init__()
        if p <= 0:
            raise ValueError(f"GeM needs a power above 0; got p={p}.")
        self.p = nn.Parameter(torch.tensor(float(p)), requires_grad=learnable)
        self.eps = eps

    def forward(self, x: Float[Tensor, "b c *places"]) -> Float[Tensor, "b c"]:
        expect(x, "B C N ...", "GeM")
        places = x.flatten(2).to(torch.promote_types(x.dtype, torch.float32)).clamp(min=self.eps)
        largest = places.detach().amax(-1, keepdim=True)
        mean = (places / largest).pow(self.p).mean(-1).pow(1 / self.p)
        return (largest[..., 0] * mean).to(x.dtype)


class SpatialAttentionPool(nn.Module):
    """A weighted mean over all places, with weights that each place's features give: sum_i softmax_i(w . x_i) x_i, a weighting for each head.

    Shapes: x (B, channels, ...) and a mask (B, ...) of its places, True = keep -> (B, channels). Each head weighs its own share of the channels.
    A sample whose mask keeps nothing gets zeros.
    Errors: ``ValueError`` for another number of channels, a mask of another shape, or heads that do not divide the channels.
    Paper: Ilse et al., 2018, arXiv:1802.04712 (without the hidden layer).
    Use when few places matter; instead of it, ``pool("global_average")`` where all do. Cost: one 1x1 convolution.

    >>> SpatialAttentionPool(4, 2)(torch.randn(2, 4, 3, 5)).shape
    torch.Size([2, 4])
    """

    def __init__(self, channels: int, num_heads: int = 1) -> None:
        super().__init__()
        if channels % num_heads:
            raise ValueError(f"SpatialAttentionPool of {channels} channels cannot be cut into {num_heads} equal heads.")
        self.channels, self.num_heads = channels, num_heads
        self.score = nn.Linear(channels, num_heads)

    def forward(self, x: Float[Tensor, "b c *places"], mask: Bool[Tensor, " b *places"] | None = None) -> Float[Tensor, "b c"]:
        expect(x, f"B {self.channels} N ...", "SpatialAttentionPool")
        places = x.flatten(2)                                                                      # (B, C, N)
        scores = self.score(places.mT).mT                                                          # (B, heads, N)
        scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
        if mask is not None:
            keep = mask.reshape(len(x), 1, -1)
            scores = scores.masked_fill(~keep, torch.finfo(scores.dtype).min)
        weights = scores.softmax(-1)
        if mask is not None:
            weights = weights * mask.reshape(len(x), 1, -1).any(-1, keepdim=True)
        heads = places.unflatten(1, (self.num_heads, -1))                                          # (B, heads, C / heads, N)
        return torch.einsum("bhcn,bhn->bhc", heads, weights.to(heads.dtype)).flatten(1)


class SpatialPyramidPooling(nn.Module):
    """Poolings to several grids, laid in one row: a vector of one length for pictures of any size.

    Shapes: x (B, C, H, W) -> (B, C * sum(level^2)); first the coarsest of ``levels`` if it comes first, each channel by channel, row by row.
    Errors: ``ValueError`` for another number of dimensions or an unknown kind of pooling.
    Paper: He et al., 2014, arXiv:1406.4729.
    Use when a linear layer follows maps of any size and where things are matters; instead of it, ``pool("global_average")`` where it does not.

    >>> SpatialPyramidPooling()(torch.randn(2, 3, 9, 7)).shape
    torch.Size([2, 63])
    """

    def __init__(self, levels: Sequence[int] = (1, 2, 4), kind: str = "max") -> None:
        super().__init__()
        if kind not in ("max", "average"):
            raise unknown("kind of pooling", kind, ("max", "average"))
        self.levels, self.kind = tuple(levels), kind

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b n"]:
        expect(x, "B C H W", "SpatialPyramidPooling")
        function = F.adaptive_max_pool2d if self.kind == "max" else F.adaptive_avg_pool2d
        return torch.cat([function(x, (level, level)).flatten(1) for level in self.levels], 1)

    def extra_repr(self) -> str:
        return f"levels={self.levels}, kind={self.kind!r}"
