"""Attention, and the memory that makes its decoding cheap."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from weft._lazy import unknown
from weft.nn.positions import RotaryPositions
from weft.nn.shapes import expect

SCALES = ("scalar", "head", "channel")


class KeyValueCache:
    """The keys and values of the tokens that attention has already seen.

    Shapes: holds up to ``context`` tokens of (B, H, context, K), allocated at the first ``append``.
    Errors: ``ValueError`` when more tokens are appended than ``context``.
    Use when decoding one token at a time: a step costs O(T) instead of O(T^2).

    >>> cache = KeyValueCache(4)
    >>> keys, values = cache.append(torch.ones(1, 1, 3, 2), torch.ones(1, 1, 3, 2))
    >>> cache.length, keys.shape
    (3, torch.Size([1, 1, 3, 2]))
    """

    def __init__(self, context: int) -> None:
        self.context, self.length = context, 0
        self.keys: Tensor | None = None
        self.values: Tensor | None = None

    def append(self, keys: Float[Tensor, "b h t k"], values: Float[Tensor, "b h t k"]) -> tuple[Float[Tensor, "b h s k"], Float[Tensor, "b h s k"]]:
        """Store the new tokens and return all so far."""
        b, h, t, k = keys.shape
        if self.length + t > self.context:
            raise ValueError(f"The cache holds {self.context} tokens; {self.length} are in it and {t} more came. Make it with a larger context.")
        if self.keys is None or self.values is None:
            self.keys, self.values = keys.new_empty(b, h, self.context, k), values.new_empty(b, h, self.context, k)
        self.keys[:, :, self.length : self.length + t] = keys
        self.values[:, :, self.length : self.length + t] = values
        self.length += t
        return self.keys[:, :, : self.length], self.values[:, :, : self.length]


class Attention(nn.Module):
    """Multi-head self-attention: softmax(q k^T / sqrt(K)) v, heads side by side.

    Shapes: x (B, T, D) -> (B, T, D); mask (B, S) for keys or (B, T, S) for pairs, True = attend; S = T without a cache.
    B batch, T tokens, D width, H heads, K = D / H. A query that may attend to nothing gets zeros before the output projection.
    Errors: ``ValueError`` when ``num_heads`` does not divide ``dim``, or x has another width.
    Paper: Vaswani et al., 2017, arXiv:1706.03762. Differs: one fused projection, no bias unless asked, rotary positions where given.
    Use when tokens must see each other; cost O(T^2 D).

    >>> attention = Attention(8, 2, causal=True)
    >>> attention(torch.randn(1, 5, 8)).shape
    torch.Size([1, 5, 8])
    """

    def __init__(
        self, dim: int, num_heads: int, *, causal: bool = False, rotary: RotaryPositions | None = None, dropout: float = 0.0, bias: bool = False
    ) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f"Attention of width {dim} cannot be cut into {num_heads} equal heads; make dim a multiple of num_heads.")
        self.dim, self.num_heads, self.causal, self.dropout = dim, num_heads, causal, dropout
        self.qkv = nn.Linear(dim, 3 * dim, bias=bias)
        self.out = nn.Linear(dim, dim, bias=bias)
        self.rotary = rotary

    def forward(
        self, x: Float[Tensor, "b t d"], mask: Bool[Tensor, " b *pairs"] | None = None, cache: KeyValueCache | None = None
    ) -> Float[Tensor, "b t d"]:
        expect(x, f"B T {self.dim}", "Attention")
        seen = cache.length if cache is not None else 0
        q, k, v = self.qkv(x).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)          # each (B, H, T, K)
        if self.rotary is not None:
            q, k = self.rotary(q, seen), self.rotary(k, seen)
        if cache is not None:
            k, v = cache.append(k, v)
        allowed, triangle = self.allowed(q.shape[2], k.shape[2], mask, x.device)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed, is_causal=triangle, dropout_p=self.dropout if self.training else 0.0)
        return self.out(y.transpose(1, 2).flatten(2))

    def weights(self, x: Float[Tensor, "b t d"], mask: Bool[Tensor, " b *pairs"] | None = None) -> Float[Tensor, "b h t s"]:
        """How much each token attends to each other one: softmax(q k^T / sqrt(K)), without dropout, in float32; 0 where nothing may be attended to.

        Shapes: x (B, T, D), mask as in a call -> (B, H, T, T), rows that sum to 1. Costs the T x T matrix that a call avoids: for pictures, not
        for training.
        """
        expect(x, f"B T {self.dim}", "Attention")
        q, k, _ = self.qkv(x).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        if self.rotary is not None:
            q, k = self.rotary(q, 0), self.rotary(k, 0)
        allowed, triangle = self.allowed(q.shape[2], k.shape[2], mask, x.device)
        if triangle:
            allowed = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=x.device).tril()
        scores = (q @ k.transpose(-1, -2)).to(torch.promote_types(q.dtype, torch.float32)) * q.shape[-1] ** -0.5
        if allowed is None:
            return scores.softmax(-1)
        return scores.masked_fill(~allowed, torch.finfo(scores.dtype).min).softmax(-1) * allowed

    def allowed(self, queries: int, keys: int, mask: Tensor | None, device: torch.device) -> tuple[Tensor | None, bool]:
        """The pairs that may attend, as (mask, causal flag): the flag alone keeps the fast kernels."""
        if mask is not None and mask.shape[-1] != keys:
            raise ValueError(f"Attention sees {keys} keys but its mask, of shape {tuple(mask.shape)}, speaks of {mask.shape[-1]}.")
        causal = self.causal and queries > 1
        if mask is None and (not causal or queries == keys):
            return None, causal
        pairs = mask[:, None, None, :] if mask is not None and mask.ndim == 2 else mask[:, None] if mask is not None else None
        if causal:
            past = torch.ones(queries, keys, dtype=torch.bool, device=device).tril(keys - queries)
            pairs = past if pairs is None else pairs & past
        return pairs, False


class ScaledAttention(nn.Module):
    """Attention, a linear layer, and a learned scale: s * (W attention(x) + b).

    ``scale`` says what has a number of its own: ``"scalar"`` one for all, ``"head"`` one for each head's part of the width, ``"channel"`` one each.

    Shapes: x (B, T, dim), mask as ``Attention`` takes it -> (B, T, dim).
    Errors: ``ValueError`` for an unknown scale, or when ``num_heads`` does not divide ``dim``.
    Paper: Touvron et al., 2021, arXiv:2103.17239 (LayerScale, per channel).
    Use when a branch should begin small (``start=1e-4``) or fade out as a whole; instead of it, ``Attention``. Cost: one more dim^2 a token.

    >>> ScaledAttention(8, 2, scale="head")(torch.randn(1, 5, 8)).shape
    torch.Size([1, 5, 8])
    """

    def __init__(self, dim: int, num_heads: int, *, scale: str = "channel", start: float = 1.0, dropout: float = 0.0, causal: bool = False) -> None:
        super().__init__()
        if scale not in SCALES:
            raise unknown("scale", scale, SCALES)
        self.attention = Attention(dim, num_heads, causal=causal, dropout=dropout, bias=True)
        self.linear = nn.Linear(dim, dim)
        self.scale = nn.Parameter(torch.full(({"scalar": 1, "head": num_heads, "channel": dim}[scale],), float(start)))

    def forward(self, x: Float[Tensor, "b t d"], mask: Bool[Tensor, " b *pairs"] | None = None) -> Float[Tensor, "b t d"]:
        y = self.linear(self.attention(x, mask))
        return y * self.scale.repeat_interleave(y.shape[-1] // len(self.scale))
