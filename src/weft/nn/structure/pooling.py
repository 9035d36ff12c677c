"""One vector from many tokens, of which some do not count."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from weft._lazy import unknown
from weft.nn.shapes import expect

KINDS = ("mean", "sum", "max", "first", "last")


class TokenPool(nn.Module):
    """Mean, sum, maximum, first or last of the tokens that count.

    Shapes: x (B, T, D), mask (B, T) True = keep, None for all -> (B, D); zeros for a row without tokens.
    Errors: ``ValueError`` for an unknown kind or a mask of another shape.
    Use when a sequence gets one answer; instead of it, ``TokenAttentionPool`` where few tokens matter. Padding changes nothing.

    >>> x = torch.tensor([[[1.0], [3.0], [9.0]]])
    >>> TokenPool("mean")(x, torch.tensor([[True, True, False]]))
    tensor([[2.]])
    """

    def __init__(self, kind: str = "mean") -> None:
        super().__init__()
        if kind not in KINDS:
            raise unknown("pooling", kind, KINDS)
        self.kind = kind

    def forward(self, x: Float[Tensor, "b t d"], mask: Bool[Tensor, "n s"] | None = None) -> Float[Tensor, "b d"]:
        keep = kept(x, mask, "TokenPool")
        count = keep.sum(1)
        if self.kind in ("first", "last"):
            places = torch.arange(x.shape[1], device=x.device)
            place = torch.where(keep, places, x.shape[1]).amin(1) if self.kind == "first" else torch.where(keep, places, -1).amax(1)
            found = x.gather(1, place.clamp(0, x.shape[1] - 1)[:, None, None].expand(-1, 1, x.shape[2]))[:, 0]
            return torch.where(count[:, None] > 0, found, torch.zeros_like(found))
        if self.kind == "max":
            found = x.masked_fill(~keep[:, :, None], -torch.inf).amax(1)
            return torch.where(count[:, None] > 0, found, torch.zeros_like(found))
        total = torch.where(keep[:, :, None], x, torch.zeros_like(x)).sum(1)
        return total if self.kind == "sum" else total / count.clamp(min=1)[:, None]

    def extra_repr(self) -> str:
        return repr(self.kind)


class TokenAttentionPool(nn.Module):
    """A weighted mean whose weights are learned: softmax over tokens of v . tanh(W x_t), for each of ``num_heads`` parts of the width.

    Shapes: x (B, T, dim), mask (B, T) True = keep, None for all -> (B, dim); zeros for a row without tokens.
    Errors: ``ValueError`` when ``num_heads`` does not divide ``dim``, or a mask of another shape.
    Papers: Yang et al., 2016 (hierarchical attention); Lin et al., 2017, arXiv:1703.03130 (several heads).
    Use when few tokens decide; instead of it, ``TokenPool`` without parameters. Cost dim * hidden a token.

    >>> TokenAttentionPool(8, num_heads=2)(torch.randn(3, 5, 8)).shape
    torch.Size([3, 8])
    """

    def __init__(self, dim: int, *, hidden: int | None = None, num_heads: int = 1) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f"TokenAttentionPool of width {dim} cannot be cut into {num_heads} equal heads; make dim a multiple of num_heads.")
        self.dim, self.num_heads = dim, num_heads
        self.score = nn.Sequential(nn.Linear(dim, hidden or dim), nn.Tanh(), nn.Linear(hidden or dim, num_heads, bias=False))

    def forward(self, x: Float[Tensor, "b t d"], mask: Bool[Tensor, "n s"] | None = None) -> Float[Tensor, "b d"]:
        expect(x, f"B T {self.dim}", "TokenAttentionPool")
        keep = kept(x, mask, "TokenAttentionPool")[:, :, None]
        x = x.masked_fill(~keep, 0)  # before the scores, so that not even a NaN in the padding reaches a gradient
        exact = torch.promote_types(x.dtype, torch.float32)
        score = self.score(x).to(exact).masked_fill(~keep, torch.finfo(exact).min)  # finite: a row without tokens has no NaN in its gradient
        weight = score.softmax(1).to(x.dtype) * keep
        return (x.unflatten(-1, (self.num_heads, -1)) * weight[..., None]).sum(1).flatten(1)


def kept(x: Tensor, mask: Tensor | None, who: str) -> Tensor:
    """The mask of tokens that count, checked; all without one."""
    if mask is None:
        return torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
    if mask.shape != x.shape[:2]:
        raise ValueError(f"{who}: the mask speaks of {tuple(mask.shape)} tokens, x of {tuple(x.shape[:2])}; give a mask (B, T), True = keep.")
    return mask
