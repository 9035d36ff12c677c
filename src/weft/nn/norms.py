"""Normalisation by name."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import nn

from weft._lazy import unknown

VECTOR_NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm1d,
    "layer": nn.LayerNorm,
    "rms": lambda dim: nn.RMSNorm(dim, eps=1e-6),      # torch's own default follows the dtype, so weights would mean less in bfloat16
}
IMAGE_NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "group": lambda channels: nn.GroupNorm(math.gcd(8, channels), channels),
    "instance": lambda channels: nn.InstanceNorm2d(channels, affine=True),
}


def vector_norm(name: str | None, dim: int) -> nn.Module:
    """Make a normalisation of (..., dim) features: ``batch``, ``layer``, ``rms`` or ``None`` for none.

    Errors: ``ValueError`` naming the nearest for an unknown name. ``batch`` takes (B, dim) only and needs more than one item in training.

    >>> vector_norm("layer", 8).normalized_shape
    (8,)
    """
    if name is None:
        return nn.Identity()
    if name not in VECTOR_NORMS:
        raise unknown("norm", name, VECTOR_NORMS)
    return VECTOR_NORMS[name](dim)


def image_norm(name: str | None, channels: int) -> nn.Module:
    """Make a normalisation of (B, channels, H, W) features: ``batch``, ``group``, ``instance`` or ``None`` for none.

    Use ``group`` instead of ``batch`` when the batch is small, cut into microbatches, or private (DP-SGD): it couples no samples.
    Groups: 8, or the largest divisor of ``channels`` shared with 8.

    Errors: ``ValueError`` naming the nearest for an unknown name.

    >>> image_norm("group", 12).num_groups
    4
    """
    if name is None:
        return nn.Identity()
    if name not in IMAGE_NORMS:
        raise unknown("norm", name, IMAGE_NORMS)
    return IMAGE_NORMS[name](channels)
