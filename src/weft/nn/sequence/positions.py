"""Positions that are learned, or that fade with distance."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from weft.nn.shapes import expect


class LearnedPositions(nn.Module):
    """Add a learned vector for each position: x_t + P_t.

    Shapes: x (B, T, dim), T <= context -> (B, T, dim); ``start`` is the position of the first token.
    Errors: ``ValueError`` for a position beyond ``context``.
    Paper: Gehring et al., 2017, arXiv:1705.03122; as in BERT and GPT-2, normal with spread 0.02.
    Use when all lengths are seen in training; instead of it, ``SinusoidalPositions`` or ``RotaryPositions`` for longer ones.

    >>> LearnedPositions(16, 4)(torch.zeros(1, 3, 4)).shape
    torch.Size([1, 3, 4])
    """

    def __init__(self, context: int, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(0.02 * torch.randn(context, dim))

    def forward(self, x: Float[Tensor, "b t d"], start: int = 0) -> Float[Tensor, "b t d"]:
        context, dim = self.weight.shape
        expect(x, f"B T {dim}", "LearnedPositions")
        stop = start + x.shape[1]
        if stop > context:
            raise ValueError(f"{stop} tokens do not fit the context of {context}; shorten the sequence or build with a larger context.")
        return x + self.weight[start:stop]


class AlibiBias(nn.Module):
    """Take from each score of attention a share of the distance: s_ij - m_h |i - j|, with a slope m_h for each head.

    Slopes are 2^(-8 h / H), h = 1 .. H; between powers of two every second one of the next power, as published.

    Shapes: scores (B, H, T, S) before softmax -> the same; the last query stands at the last key.
    Errors: ``ValueError`` for another number of heads.
    Paper: Press et al., 2021, arXiv:2108.12409.
    Use when sequences grow beyond those trained on; instead of it, ``RotaryPositions``. No parameters.

    >>> AlibiBias(8)(torch.zeros(1, 8, 1, 3))[0, 0]
    tensor([[-1.0000, -0.5000,  0.0000]])
    """

    slopes: Tensor

    def __init__(self, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.register_buffer("slopes", torch.tensor(slopes(num_heads)), persistent=False)

    def forward(self, scores: Float[Tensor, "b h t s"]) -> Float[Tensor, "b h t s"]:
        expect(scores, f"B {self.num_heads} T S", "AlibiBias")
        t, s = scores.shape[2:]
        query, key = torch.arange(s - t, s, device=scores.device), torch.arange(s, device=scores.device)
        distance = (query[:, None] - key).abs().to(scores.dtype)
        return scores - self.slopes.to(scores.dtype)[:, None, None] * distance


def slopes(num_heads: int) -> list[float]:
    """The slope of each head.

    >>> slopes(4)
    [0.25, 0.0625, 0.015625, 0.00390625]
    """
    power = 2 ** math.floor(math.log2(num_heads))
    found = [2 ** (-8 * head / power) for head in range(1, power + 1)]
    return found + [2 ** (-4 * head / power) for head in range(1, 2 * (num_heads - power), 2)]
