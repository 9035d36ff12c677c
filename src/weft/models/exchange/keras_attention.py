"""Keras' attention layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F


class KerasMultiHeadAttention(nn.Module):
    """Keras' MultiHeadAttention: queries of one sequence look at keys of another; heads of width ``key_dim``, values of ``value_dim``.

    Shapes: query (B, T, D), value (B, S, E), key like value -> (B, T, O). Masks are True where a token counts; ``attention_mask`` (B, T, S).
    """

    takes_masks = True

    def __init__(self, config: Mapping[str, Any], shapes: Sequence[Sequence[int]]) -> None:
        super().__init__()
        if config.get("use_gate") or config.get("sliding_window") or config.get("attention_axes") not in (None, [1], (1,), 1):
            raise ValueError("MultiHeadAttention with a gate, a sliding window or other axes than time is not read.")
        kernels = [shape for shape in shapes if len(shape) == 3]
        self.heads, bias = int(kernels[0][1]), len(shapes) > 4
        (q, _, k), (e, _, _), (v, _, w), (_, _, o) = (tuple(int(n) for n in kernel) for kernel in kernels)
        self.query, self.key = nn.Linear(q, self.heads * k, bias), nn.Linear(e, self.heads * k, bias)
        self.value, self.out = nn.Linear(v, self.heads * w, bias), nn.Linear(self.heads * w, o, bias)

    def fill(self, arrays: Sequence[Tensor]) -> None:
        """Take Keras' kernels (D, H, K) of query, key and value and (H, K, O) of the output, each with its bias."""
        step = 1 if len(arrays) == 4 else 2
        with torch.no_grad():
            for place, linear in enumerate((self.query, self.key, self.value, self.out)):
                kernel = arrays[place * step]
                linear.weight.copy_((kernel.flatten(0, 1) if linear is self.out else kernel.flatten(1)).t())
                if step == 2:
                    linear.bias.copy_(arrays[place * step + 1].flatten())

    def forward(
        self,
        query: Float[Tensor, "b t d"],
        value: Float[Tensor, "b s e"],
        key: Float[Tensor, "b s f"] | None = None,
        *,
        attention_mask: Tensor | None = None,
        use_causal_mask: bool = False,
        query_mask: Bool[Tensor, "b t"] | None = None,
        value_mask: Bool[Tensor, "b s"] | None = None,
    ) -> Float[Tensor, "b t o"]:
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.query(query), self.key(value if key is None else key), self.value(value))
        )
        mask = None if attention_mask is None else attention_mask.bool().unsqueeze(1) if attention_mask.ndim == 3 else attention_mask.bool()
        for one in (
            None if query_mask is None else query_mask[:, None, :, None],
            None if value_mask is None else value_mask[:, None, None, :],
            torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device).tril() if use_causal_mask else None,
        ):
            mask = one if mask is None else mask if one is None else mask & one
        if mask is not None:  # a row without any token attends to all alike, as in Keras
            mask = mask | ~mask.any(-1, keepdim=True)
        mixed = F.scaled_dot_product_attention(q, k, v, mask)
        return self.out(mixed.transpose(1, 2).flatten(2))


class KerasAttention(nn.Module):
    """Keras' Attention (dot products) and AdditiveAttention: [query, value, key] -> a mean of values for each query.

    Shapes: query (B, T, D), value and key (B, S, D) -> (B, T, D).
    """

    def __init__(self, config: Mapping[str, Any], shapes: Sequence[Sequence[int]], *, additive: bool = False) -> None:
        super().__init__()
        if config.get("score_mode", "dot") != "dot":
            raise ValueError(f"Attention with score_mode={config['score_mode']!r} is not read; only dot is.")
        self.scale = nn.Parameter(torch.ones(tuple(shapes[0]))) if shapes else None
        self.additive = additive

    def fill(self, arrays: Sequence[Tensor]) -> None:
        if self.scale is not None:
            with torch.no_grad():
                self.scale.copy_(arrays[0])

    def forward(self, inputs: Sequence[Tensor], *, use_causal_mask: bool = False) -> Tensor:
        query, value = inputs[0], inputs[1]
        key = inputs[2] if len(inputs) > 2 else value
        if self.additive:
            added = torch.tanh(query.unsqueeze(2) + key.unsqueeze(1))
            scores = (added if self.scale is None else added * self.scale).sum(-1)
        else:
            scores = query @ key.transpose(1, 2)
            scores = scores if self.scale is None else scores * self.scale
        if use_causal_mask:
            scores = scores.masked_fill(torch.ones_like(scores[0], dtype=torch.bool).triu(1), float("-inf"))
        return scores.softmax(-1) @ value
