"""A network that turns, shifts and scales its own input."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from weft._lazy import unknown
from weft.nn.shapes import expect

KINDS = {"affine": 6, "attention": 3, "translation": 2}


class SpatialTransformer(nn.Module):
    """The input, sampled at places that a small network chooses: y(p) = x(A p), A from localise(x).

    Kinds of A: ``affine`` (six numbers), ``attention`` (one scale and a shift), ``translation`` (a shift). A begins as the identity.
    Coordinates run from -1 to 1 between the outer edges of the border pixels (``align_corners=False``); beyond them ``padding`` holds: zeros, border,
    reflection. Sampling is bilinear, in float32, since a place in half precision would be off by pixels.

    Shapes: x (B, C, H, W) -> the same, or of the ``size`` given to the call; ``localise`` gives (B, features) of x.
    Errors: ``ValueError`` for another number of dimensions of x or features, or naming the nearest for an unknown kind or padding.
    Paper: Jaderberg et al., 2015, arXiv:1506.02025.
    Use when objects stand anywhere, at any angle; instead of it, augmentation. Cost: the small network and one sampling.

    >>> localise = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())
    >>> x = torch.rand(2, 3, 6, 5)
    >>> torch.allclose(SpatialTransformer(localise, features=12)(x), x, atol=1e-5)
    True
    """

    identity: Tensor

    def __init__(self, localise: nn.Module, features: int, kind: str = "affine", *, padding: str = "zeros") -> None:
        super().__init__()
        if kind not in KINDS:
            raise unknown("kind", kind, KINDS)
        if padding not in ("zeros", "border", "reflection"):
            raise unknown("padding", padding, ("zeros", "border", "reflection"))
        self.localise, self.features, self.kind, self.padding = localise, features, kind, padding
        self.head = nn.Linear(features, KINDS[kind])
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.register_buffer("identity", torch.eye(2, 3), persistent=False)

    def matrix(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 2 3"]:
        """The transformation of each sample."""
        told = self.localise(x)
        expect(told, f"B {self.features}", "SpatialTransformer (what localise gives)")
        numbers = self.head(told).to(torch.promote_types(x.dtype, torch.float32))
        if self.kind == "affine":
            return self.identity + numbers.unflatten(1, (2, 3))
        shift = numbers[:, -2:, None]
        scale = numbers[:, :1, None] if self.kind == "attention" else torch.zeros_like(shift[:, :1])
        return self.identity * (1 + scale) + torch.cat([torch.zeros_like(shift).expand(-1, -1, 2), shift], 2)

    def forward(self, x: Float[Tensor, "b c h w"], size: tuple[int, int] | None = None) -> Float[Tensor, "b c hh ww"]:
        expect(x, "B C H W", "SpatialTransformer")
        matrix = self.matrix(x)
        grid = F.affine_grid(matrix, [*x.shape[:2], *(size or x.shape[2:])], align_corners=False)
        return F.grid_sample(x.to(grid.dtype), grid, "bilinear", self.padding, align_corners=False).to(x.dtype)
