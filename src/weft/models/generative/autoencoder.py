"""Encoders and decoders between small pictures and vectors: the halves of a VAE, and a GAN's generator."""

from __future__ import annotations

import math
from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from weft.nn.activations import activation as make_activation
from weft.nn.convolution import ConvBlock
from weft.nn.shapes import expect


class ConvEncoder(nn.Module):
    """Three convolutions, the last two of stride 2, and two linear heads: mean and log-variance of a latent vector.

    Shapes: input (B, in_channels, size, size) -> mean (B, latent), log_variance (B, latent).
    Errors: ``ValueError`` when the input has another shape.
    Paper: Kingma and Welling, 2013, arXiv:1312.6114 (the encoder q(z | x)).
    Use when pictures are small (8 to 64 pixels); instead of it, ``MLPEncoder`` for flat inputs.

    >>> import torch
    >>> [x.shape for x in ConvEncoder(1, 8, 16)(torch.rand(2, 1, 8, 8))]
    [torch.Size([2, 16]), torch.Size([2, 16])]
    """

    def __init__(self, in_channels: int, size: int, latent: int, *, width: int = 32, norm: str | None = "group") -> None:
        super().__init__()
        self.in_channels, self.size = in_channels, size
        self.layers = nn.Sequential(
            ConvBlock(in_channels, width, norm=norm, activation="silu"),
            ConvBlock(width, 2 * width, stride=2, norm=norm, activation="silu"),
            ConvBlock(2 * width, 4 * width, stride=2, norm=norm, activation="silu"),
            nn.Flatten(),
        )
        self.head = nn.Linear(4 * width * math.ceil(size / 4) ** 2, 2 * latent)

    def forward(self, input: Float[Tensor, "b c h w"]) -> tuple[Float[Tensor, "b latent"], Float[Tensor, "b latent"]]:
        expect(input, f"B {self.in_channels} {self.size} {self.size}", "ConvEncoder")
        mean, log_variance = self.head(self.layers(input)).chunk(2, dim=1)
        return mean, log_variance


class ConvDecoder(nn.Module):
    """A linear layer to a small picture, enlarged twice by repeating pixels, each time followed by a convolution.

    ``activation`` is the output's: ``identity`` gives logits or numbers (VAE), ``sigmoid`` pixels in [0, 1], ``tanh`` in [-1, 1] (GAN generator).

    Shapes: latent (B, latent) -> (B, out_channels, size, size), any size from 1.
    Errors: ``ValueError`` when the latent has another shape, or for an unknown activation.
    Paper: Kingma and Welling, 2013, arXiv:1312.6114 (p(x | z)); Radford et al., 2015, arXiv:1511.06434 (the generator). Differs: repeated
    pixels and convolution instead of transposed convolution, which leaves checkerboards (Odena et al., 2016).
    Use when making pictures of 8 to 64 pixels; instead of it, ``UNet`` with diffusion for quality.

    >>> import torch
    >>> ConvDecoder(16, 1, 28)(torch.randn(2, 16)).shape
    torch.Size([2, 1, 28, 28])
    """

    def __init__(
        self, latent: int, out_channels: int, size: int, *, width: int = 32, norm: str | None = "group", activation: str = "identity"
    ) -> None:
        super().__init__()
        self.latent, self.size, self.small = latent, size, math.ceil(size / 4)
        self.stem = nn.Linear(latent, 4 * width * self.small**2)
        self.first = ConvBlock(4 * width, 2 * width, norm=norm, activation="silu")
        self.second = ConvBlock(2 * width, width, norm=norm, activation="silu")
        self.out = nn.Conv2d(width, out_channels, 3, padding=1)
        self.act = make_activation(activation)

    def forward(self, latent: Float[Tensor, "b latent"]) -> Float[Tensor, "b c h w"]:
        expect(latent, f"B {self.latent}", "ConvDecoder")
        x = F.silu(self.stem(latent)).unflatten(1, (-1, self.small, self.small))
        x = self.first(F.interpolate(x, scale_factor=2.0))
        x = self.second(F.interpolate(x, scale_factor=2.0))
        return self.act(self.out(x[:, :, : self.size, : self.size]))


class MLPEncoder(nn.Module):
    """Linear layers to the mean and log-variance of a latent vector.

    Shapes: input (B, ...) flattened to (B, in_dim) -> mean (B, latent), log_variance (B, latent).
    Errors: ``ValueError`` when an item does not hold ``in_dim`` numbers.
    Paper: Kingma and Welling, 2013, arXiv:1312.6114.
    Use when inputs are flat or tiny; instead of it, ``ConvEncoder`` for pictures.

    >>> import torch
    >>> [x.shape for x in MLPEncoder(64, 8)(torch.rand(2, 1, 8, 8))]
    [torch.Size([2, 8]), torch.Size([2, 8])]
    """

    def __init__(self, in_dim: int, latent: int, *, hidden: Sequence[int] = (256, 256)) -> None:
        super().__init__()
        self.in_dim = in_dim
        layers = [layer for before, after in zip((in_dim, *hidden), hidden) for layer in (nn.Linear(before, after), nn.SiLU())]
        self.layers = nn.Sequential(*layers, nn.Linear((in_dim, *hidden)[-1], 2 * latent))

    def forward(self, input: Float[Tensor, " b *shape"]) -> tuple[Float[Tensor, "b latent"], Float[Tensor, "b latent"]]:
        x = input.flatten(1)
        expect(x, f"B {self.in_dim}", "MLPEncoder, after flattening,")
        mean, log_variance = self.layers(x).chunk(2, dim=1)
        return mean, log_variance


class MLPDecoder(nn.Module):
    """Linear layers from a latent vector to an item of any shape.

    ``activation`` is the output's: ``identity`` gives logits or numbers (VAE), ``sigmoid`` pixels in [0, 1], ``tanh`` in [-1, 1] (GAN generator).

    Shapes: latent (B, latent) -> (B, *shape).
    Errors: ``ValueError`` when the latent has another shape, or for an unknown activation.
    Paper: Kingma and Welling, 2013, arXiv:1312.6114; Goodfellow et al., 2014, arXiv:1406.2661 (the generator).
    Use when items are flat or tiny; instead of it, ``ConvDecoder`` for pictures.

    >>> import torch
    >>> MLPDecoder(8, (1, 8, 8))(torch.randn(2, 8)).shape
    torch.Size([2, 1, 8, 8])
    """

    def __init__(self, latent: int, shape: Sequence[int], *, hidden: Sequence[int] = (256, 256), activation: str = "identity") -> None:
        super().__init__()
        self.latent, self.shape = latent, tuple(shape)
        layers = [layer for before, after in zip((latent, *hidden), hidden) for layer in (nn.Linear(before, after), nn.SiLU())]
        self.layers = nn.Sequential(*layers, nn.Linear((latent, *hidden)[-1], math.prod(self.shape)), make_activation(activation))

    def forward(self, latent: Float[Tensor, "b latent"]) -> Float[Tensor, " b *shape"]:
        expect(latent, f"B {self.latent}", "MLPDecoder")
        return self.layers(latent).unflatten(1, self.shape)
