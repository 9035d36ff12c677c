"""A critic for small pictures."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from weft.nn.convolution import ConvBlock
from weft.nn.shapes import expect


class ConvCritic(nn.Module):
    """Three convolutions, the last two of stride 2, averaged to one score a picture.

    Shapes: input (B, in_channels, H, W) -> scores (B,), any H and W; a logit or a Wasserstein score, as the loss takes it.
    Errors: ``ValueError`` when the input has another number of dimensions or channels.
    Paper: Radford et al., 2015, arXiv:1511.06434. Differs: no normalisation, which would couple samples and break the gradient penalty.
    Use when telling real from generated pictures of 8 to 64 pixels, with any of the adversarial losses.

    >>> import torch
    >>> ConvCritic(1)(torch.rand(2, 1, 8, 8)).shape
    torch.Size([2])
    """

    def __init__(self, in_channels: int, *, width: int = 32, norm: str | None = None) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.layers = nn.Sequential(
            ConvBlock(in_channels, width, norm=None, activation="leaky_relu"),
            ConvBlock(width, 2 * width, stride=2, norm=norm, activation="leaky_relu"),
            ConvBlock(2 * width, 4 * width, stride=2, norm=norm, activation="leaky_relu"),
        )
        self.head = nn.Linear(4 * width, 1)

    def forward(self, input: Float[Tensor, "b c h w"]) -> Float[Tensor, " b"]:
        expect(input, f"B {self.in_channels} H W", "ConvCritic")
        # A sum, not a mean: a sharp flaw in one corner must weigh the same in a large picture.
        return self.head(self.layers(input).sum((2, 3)))[:, 0]
