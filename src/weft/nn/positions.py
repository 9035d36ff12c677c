"""Where a token stands, or when a step happens."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from weft.nn.shapes import expect


def sinusoids(position: Float[Tensor, " n"], dim: int, *, longest: float = 10_000.0) -> Float[Tensor, "n dim"]:
    """Encode positions or times as sines and cosines of geometrically spaced wavelengths, 2 pi to 2 pi * ``longest``.

    Column i < dim/2 is sin(p w_i), column dim/2 + i is cos(p w_i), with w_i = longest^(-2i / dim).

    Shapes: position (N,) -> (N, dim).
    Errors: ``ValueError`` for an odd ``dim``.
    Paper: Vaswani et al., 2017, arXiv:1706.03762. Differs: sines first, then cosines, instead of alternating (a permutation of columns).

    >>> sinusoids(torch.tensor([0.0]), 4)
    tensor([[0., 0., 1., 1.]])
    """
    if dim % 2:
        raise ValueError(f"sinusoids needs an even dim (one sine and one cosine a wavelength); got {dim}.")
    position = position.to(torch.promote_types(position.dtype, torch.float32))            # half precision has too few digits for an angle
    frequency = torch.exp(-math.log(longest) * torch.arange(0, dim, 2, device=position.device, dtype=position.dtype) / dim)
    angle = position[:, None] * frequency
    return torch.cat([angle.sin(), angle.cos()], dim=1)


class SinusoidalPositions(nn.Module):
    """Add fixed sinusoidal positions: x_t + s(t).

    Shapes: x (B, T, dim) -> (B, T, dim), any T.
    Paper: Vaswani et al., 2017, arXiv:1706.03762.
    Use when sequences may be longer than those trained on; instead of it, ``RotaryPositions`` in attention, or a learned embedding.

    >>> SinusoidalPositions(4)(torch.zeros(1, 1, 4))
    tensor([[[0., 0., 1., 1.]]])
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Float[Tensor, "b t dim"]) -> Float[Tensor, "b t dim"]:
        expect(x, f"B T {self.dim}", "SinusoidalPositions")
        steps = torch.arange(x.shape[1], device=x.device, dtype=torch.float32)
        return x + sinusoids(steps, self.dim).to(x.dtype)


class RotaryPositions(nn.Module):
    """Turn each pair of channels by an angle that grows with the position, so that q . k depends on the distance only.

    (x_i, x_{i + K/2}) is rotated by t * base^(-2i / K), K the head's width.

    Shapes: x (B, H, T, K) -> (B, H, T, K); ``start`` is the position of the first token.
    Errors: ``ValueError`` for an odd ``dim`` or a position beyond ``context``.
    Paper: Su et al., 2021, arXiv:2104.09864. Differs: channel i is paired with i + K/2 (as in GPT-NeoX and Llama), not with i + 1.
    Use when attention needs relative order; cost: two multiplications a channel, no parameters.

    >>> rotary = RotaryPositions(4, context=8)
    >>> x = torch.randn(1, 1, 3, 4)
    >>> torch.allclose(rotary(x).norm(), x.norm())
    True
    """

    cos: Tensor
    sin: Tensor

    def __init__(self, dim: int, context: int, *, base: float = 10_000.0) -> None:
        super().__init__()
        if dim % 2:
            raise ValueError(f"RotaryPositions turns pairs of channels, so dim must be even; got {dim}.")
        self.context = context
        frequency = base ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
        angle = torch.arange(context, dtype=torch.float64)[:, None] * frequency
        # Not persistent: it follows from the arguments, and a longer context must open older weights.
        self.register_buffer("cos", angle.cos().repeat(1, 2).float(), persistent=False)
        self.register_buffer("sin", torch.cat([-angle.sin(), angle.sin()], dim=1).float(), persistent=False)

    def forward(self, x: Float[Tensor, "b h t k"], start: int = 0) -> Float[Tensor, "b h t k"]:
        expect(x, f"B H T {self.cos.shape[1]}", "RotaryPositions")
        stop = start + x.shape[2]
        if stop > self.context:
            raise ValueError(f"{stop} tokens do not fit the context of {self.context}; shorten the sequence or build with a larger context.")
        cos, sin = self.cos[start:stop].to(x.dtype), self.sin[start:stop].to(x.dtype)
        return x * cos + x.roll(x.shape[-1] // 2, dims=-1) * sin


class TimeEmbedding(nn.Module):
    """Embed a scalar time or noise level: W2 silu(W1 s(t)).

    Shapes: time (B,) -> (B, dim). ``scale`` multiplies the time first; give 1000 for times in [0, 1].
    Paper: Ho et al., 2020, arXiv:2006.11239.

    >>> TimeEmbedding(8)(torch.tensor([0.0, 10.0])).shape
    torch.Size([2, 8])
    """

    def __init__(self, dim: int, *, scale: float = 1.0) -> None:
        super().__init__()
        self.dim, self.scale = dim, scale
        self.project = nn.Sequential(nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, dim))

    def forward(self, time: Float[Tensor, " b"]) -> Float[Tensor, "b dim"]:
        return self.project(sinusoids(time * self.scale, self.dim).to(next(self.project.parameters()).dtype))
