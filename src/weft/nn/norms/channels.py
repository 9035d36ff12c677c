"""Normalisation of each place over its channels."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from weft.nn.shapes import expect


class ChannelNorm(nn.Module):
    """Layer normalisation of channels-first features, place by place: (x - mean) / sqrt(variance + eps) * weight + bias over dimension 1.

    With ``centre=False`` it is root mean square normalisation, without mean and bias.

    Shapes: x (B, channels, ...) -> the same.
    Errors: ``ValueError`` for another number of channels.
    Papers: Ba et al., 2016, arXiv:1607.06450; Zhang and Sennrich, 2019, arXiv:1910.07467; over channels of pictures: Liu et al., 2022,
    arXiv:2201.03545.
    Use when a convolution network should normalise without coupling places or samples; instead of it, ``nn.LayerNorm`` for channels last, which
    here would normalise along a row of the picture.

    >>> y = ChannelNorm(4)(torch.randn(2, 4, 5, 5))
    >>> y.mean(1).abs().max().item() < 1e-5
    True
    """

    def __init__(self, channels: int, *, eps: float = 1e-6, centre: bool = True) -> None:
        super().__init__()
        self.channels, self.eps, self.centre = channels, eps, centre
        self.weight: nn.Parameter | None = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels)) if centre else None

    def forward(self, x: Float[Tensor, "b c *places"]) -> Float[Tensor, "b c *places"]:
        expect(x, f"B {self.channels} ...", "ChannelNorm")
        last = x.movedim(1, -1)
        if not self.centre:
            y = F.rms_norm(last, (self.channels,), self.weight, self.eps)
        else:
            y = F.layer_norm(last, (self.channels,), self.weight, self.bias, self.eps)
        return y.movedim(-1, 1)

    def extra_repr(self) -> str:
        return f"{self.channels}, eps={self.eps}, centre={self.centre}"
