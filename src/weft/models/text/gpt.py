"""GPT: a decoder-only transformer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from weft.nn.attention import Attention, KeyValueCache
from weft.nn.feedforward import SwiGLU
from weft.nn.norms import vector_norm
from weft.nn.positions import RotaryPositions
from weft.nn.shapes import expect


class Block(nn.Module):
    """x + attention(norm(x)), then x + feedforward(norm(x)).

    Shapes: x (B, T, dim) -> (B, T, dim).
    """

    def __init__(self, dim: int, num_heads: int, rotary: RotaryPositions, dropout: float, norm: str) -> None:
        super().__init__()
        self.norm1 = vector_norm(norm, dim)
        self.attention = Attention(dim, num_heads, causal=True, rotary=rotary)
        self.norm2 = vector_norm(norm, dim)
        self.feedforward = SwiGLU(dim, 8 * math.ceil(dim / 3))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "b t d"], cache: KeyValueCache | None = None) -> Float[Tensor, "b t d"]:
        x = x + self.dropout(self.attention(self.norm1(x), cache=cache))
        return x + self.dropout(self.feedforward(self.norm2(x)))


@dataclass
class Window:
    """What a GPT has read of a text that it is writing: the tokens in its window, and their keys and values, layer by layer."""

    tokens: Tensor
    caches: list[KeyValueCache]


class GPT(nn.Module):
    """Decoder-only transformer: embedding, causal blocks, and logits by the same embedding.

    Shapes: input (B, T) token ids, T <= context -> logits (B, T, vocabulary) for the token after each position.
    Errors: ``ValueError`` for a sequence longer than ``context``; ``IndexError`` for a token id outside the vocabulary.
    Paper: Radford et al., 2019 (GPT-2), with what Llama changed (Touvron et al., 2023, arXiv:2302.13971): rotary positions, SwiGLU, no biases in
    linear layers; ``norm="rms"`` completes a Llama. Layer normalisation is the default because torch has no fused RMSNorm for CPUs: its backward
    pass takes about three times as long there. The embedding is tied to the output (Press and Wolf, 2017, arXiv:1608.05859); the projections
    that end each half of a block start at 0.02 / sqrt(2 * depth).
    Use when modelling or generating sequences; instead of it, ``LSTMLM`` for very long streams at constant memory. Cost O(T^2 dim + T dim^2) a layer.
    Padding goes to the right: a causal model never looks at it, so it needs no mask; the loss takes one. ``generate`` writes with it.

    >>> GPT(65, context=32, dim=32, depth=2, num_heads=2)(torch.zeros(2, 7, dtype=torch.long)).shape
    torch.Size([2, 7, 65])
    """

    def __init__(
        self,
        vocabulary: int,
        *,
        context: int = 256,
        dim: int = 128,
        depth: int = 4,
        num_heads: int = 4,
        dropout: float = 0.0,
        norm: Literal["layer", "rms"] = "layer",
    ) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f"GPT of width {dim} cannot be cut into {num_heads} equal heads; make dim a multiple of num_heads.")
        self.vocabulary, self.context = vocabulary, context
        self.embedding = nn.Embedding(vocabulary, dim)
        rotary = RotaryPositions(dim // num_heads, context)
        self.blocks = nn.ModuleList(Block(dim, num_heads, rotary, dropout, norm) for _ in range(depth))
        self.norm = vector_norm(norm, dim)
        self.dropout = nn.Dropout(dropout)
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                residual = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * depth) if residual else 0.02)

    def forward(self, input: Int[Tensor, "b t"], caches: list[KeyValueCache] | None = None) -> Float[Tensor, "b t vocabulary"]:
        expect(input, "B T", "GPT")
        x = self.dropout(self.embedding(input))
        for i, block in enumerate(self.blocks):
            x = block(x, cache=caches[i] if caches is not None else None)
        return F.linear(self.norm(x), self.embedding.weight)

    def decode(self, input: Int[Tensor, "b t"], state: Window | None = None) -> tuple[Float[Tensor, "b vocabulary"], Window]:
        """Logits of the token after ``input`` and all that ``state`` has seen, and the new state.

        Once the context is full the window moves on: the last half of it is read anew, so that a text may be of any length.
        """
        tokens = input if state is None else torch.cat([state.tokens, input], dim=1)
        if state is not None and tokens.shape[1] <= self.context:
            return self(input, state.caches)[:, -1], Window(tokens, state.caches)
        tokens = tokens[:, -self.context :] if state is None else tokens[:, -max(self.context // 2, 1) :]
        caches = [KeyValueCache(self.context) for _ in self.blocks]
        return self(tokens, caches)[:, -1], Window(tokens, caches)
