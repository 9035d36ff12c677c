"""Blocks over sequences: transformer layer, temporal convolution, a picture cut into tokens."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from weft._lazy import unknown
from weft.nn.attention import Attention
from weft.nn.feedforward import FeedForward
from weft.nn.positions import RotaryPositions
from weft.nn.shapes import expect


class EncoderLayer(nn.Module):
    """A transformer's layer: x + attention(norm(x)), then x + f(norm(x)) ("pre"), or norm(x + attention(x)), then norm(x + f(x)) ("post").

    ``causal`` lets a token see only what came before (a decoder-only layer). ``form`` is the feed-forward's activation or gate.

    Shapes: x (B, T, dim), mask (B, T) of keys or (B, T, T) of pairs, True = attend -> (B, T, dim).
    Errors: ``ValueError`` when ``num_heads`` does not divide ``dim``, or for an unknown place of the norm.
    Papers: Vaswani et al., 2017, arXiv:1706.03762 (post); Xiong et al., 2020, arXiv:2002.04745 (pre).
    Use when a network over tokens is put together; instead of it, ``nn.TransformerDecoderLayer`` (``torch_layer``) to attend to another sequence.
    Differs from ``nn.TransformerEncoderLayer``: masks say what to keep, dropout after the activation is left out. Cost O(T^2 dim + T dim^2).

    >>> import torch
    >>> EncoderLayer(8, 2)(torch.randn(2, 5, 8), torch.ones(2, 5, dtype=torch.bool)).shape
    torch.Size([2, 5, 8])
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        hidden: int | None = None,
        *,
        form: str = "gelu",
        norm: str = "pre",
        causal: bool = False,
        dropout: float = 0.1,
        rotary: RotaryPositions | None = None,
    ) -> None:
        super().__init__()
        if norm not in ("pre", "post"):
            raise unknown("place of the norm", norm, ("pre", "post"))
        self.pre, self.dropout = norm == "pre", dropout
        self.norm = nn.LayerNorm(dim)
        self.attention = Attention(dim, num_heads, causal=causal, rotary=rotary, dropout=dropout, bias=True)
        self.feedforward = FeedForward(dim, hidden, form=form, norm=norm, dropout=dropout)

    def forward(self, x: Float[Tensor, "b t d"], mask: Bool[Tensor, " b *pairs"] | None = None) -> Float[Tensor, "b t d"]:
        expect(x, f"B T {self.attention.dim}", "EncoderLayer")
        y = F.dropout(self.attention(self.norm(x) if self.pre else x, mask), self.dropout, self.training)
        x = x + y if self.pre else self.norm(x + y)
        return self.feedforward(x)


class TemporalBlock(nn.Module):
    """Two causal, dilated convolutions around a shortcut: relu(s(x) + relu(W2 * relu(W1 * x))), where no output sees a later input.

    Shapes: x (B, in_channels, T) -> (B, out_channels, T). It sees 1 + 2 (kernel - 1) dilation steps back; a stack with dilations 1, 2, 4, ... sees
    exponentially many.
    Errors: ``ValueError`` for an input of other channels.
    Paper: Bai et al., 2018, arXiv:1803.01271. Differs: no weight norm unless ``torch.nn.utils.parametrizations.weight_norm`` is put on.
    Use when a series is long and must be read in parallel; instead of it, ``Recurrent`` for states of constant size. Cost 2 kernel channels^2 a step.

    >>> import torch
    >>> TemporalBlock(3, 8, dilation=4)(torch.randn(2, 3, 20)).shape
    torch.Size([2, 8, 20])
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int = 3, *, dilation: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        self.in_channels, self.past, self.dropout = in_channels, (kernel - 1) * dilation, dropout
        self.first = nn.Conv1d(in_channels, out_channels, kernel, dilation=dilation)
        self.second = nn.Conv1d(out_channels, out_channels, kernel, dilation=dilation)
        self.shortcut = nn.Identity() if in_channels == out_channels else nn.Conv1d(in_channels, out_channels, 1)

    def forward(self, x: Float[Tensor, "b c t"]) -> Float[Tensor, "b d t"]:
        expect(x, f"B {self.in_channels} T", "TemporalBlock")
        y = F.dropout(self.first(F.pad(x, (self.past, 0))).relu(), self.dropout, self.training)
        y = F.dropout(self.second(F.pad(y, (self.past, 0))).relu(), self.dropout, self.training)
        return (self.shortcut(x) + y).relu()


class PatchEmbedding(nn.Module):
    """A picture cut into patches, each of which becomes a token by one linear layer.

    Shapes: x (B, channels, H, W) -> (B, H / patch * W / patch, dim), row by row.
    Errors: ``ValueError`` when ``patch`` does not divide the picture's sides, which would drop its edge.
    Paper: Dosovitskiy et al., 2020, arXiv:2010.11929.
    Use when a transformer reads pictures; the same as a convolution whose stride is its kernel.

    >>> import torch
    >>> PatchEmbedding(3, 8, patch=4)(torch.zeros(2, 3, 8, 12)).shape
    torch.Size([2, 6, 8])
    """

    def __init__(self, channels: int, dim: int, *, patch: int = 16) -> None:
        super().__init__()
        self.channels, self.patch = channels, patch
        self.project = nn.Conv2d(channels, dim, patch, patch)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b t d"]:
        expect(x, f"B {self.channels} H W", "PatchEmbedding")
        if x.shape[2] % self.patch or x.shape[3] % self.patch:
            what = f"a picture of {x.shape[2]} x {x.shape[3]} would lose its edge"
            raise ValueError(f"PatchEmbedding cuts patches of {self.patch}; {what}. Resize or pad it.")
        return self.project(x).flatten(2).transpose(1, 2)
