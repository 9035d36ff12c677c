"""Normalisation by name."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import nn

from weft._lazy import unknown
from weft.nn.norms.channels import ChannelNorm
from weft.nn.norms.frozen import FrozenBatchNorm

VECTOR_NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm1d,
    "layer": nn.LayerNorm,
    "rms": lambda dim: nn.RMSNorm(dim, eps=1e-6),      # torch's own default follows the dtype, so weights would mean less in bfloat16
}
BATCH = {0: nn.BatchNorm1d, 1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
INSTANCE = {1: nn.InstanceNorm1d, 2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}
NORMS = ("batch", "frozen_batch", "sync_batch", "group", "instance", "layer", "rms", "local_response")


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


def norm_layer(name: str | None, channels: int, ndim: int = 2, *, groups: int | None = None) -> nn.Module:
    """Make a normalisation of (B, channels, ...) features with ``ndim`` dimensions after the channels: 0 vectors, 1 series, 2 pictures, 3 volumes.

    Names: ``batch`` (couples the batch; momentum 0.1 is the new share, which other frameworks write as 0.9), ``frozen_batch`` (its statistics stand
    still), ``sync_batch`` (statistics over all ranks), ``group`` and ``instance`` (no coupling, so for small batches, microbatches and private
    training), ``layer`` and ``rms`` (each place over its channels; ``nn.LayerNorm`` would take the last dimension, which here is a place),
    ``local_response`` (over five neighbouring channels, as AlexNet), ``None`` for none.
    ``groups`` of ``group``: 8, or what 8 and the channels share, unless given; they must divide the channels.

    Shapes: (B, channels, ...) -> the same.
    Errors: ``ValueError`` naming the nearest for an unknown name, when groups do not divide the channels, or for ``instance`` over nothing.
    Papers: Ioffe and Szegedy, 2015, arXiv:1502.03167; Ba et al., 2016, arXiv:1607.06450; Ulyanov et al., 2016, arXiv:1607.08022;
    Wu and He, 2018, arXiv:1803.08494; Zhang and Sennrich, 2019, arXiv:1910.07467; Krizhevsky et al., 2012.
    Use when a network takes its normalisation from a spec; instead of it, ``vector_norm`` where the features are the last dimension.

    >>> norm_layer("group", 12).num_groups, norm_layer("group", 12, groups=6).num_groups
    (4, 6)
    >>> type(norm_layer("batch", 12, ndim=3)).__name__
    'BatchNorm3d'
    """
    if name is None:
        return nn.Identity()
    if name not in NORMS:
        raise unknown("norm", name, NORMS)
    if ndim not in BATCH or (name == "instance" and ndim == 0):
        raise ValueError(f"norm_layer knows 0 to 3 dimensions after the channels (instance: 1 to 3); got ndim={ndim} for {name!r}.")
    if groups is not None and (name != "group" or groups < 1 or channels % groups):
        raise ValueError(f"groups={groups} are for name='group' and must divide the channels; got name={name!r}, channels={channels}.")
    made: dict[str, Callable[[], nn.Module]] = {
        "batch": lambda: BATCH[ndim](channels),
        "frozen_batch": lambda: FrozenBatchNorm(channels),
        "sync_batch": lambda: nn.SyncBatchNorm(channels),
        "group": lambda: nn.GroupNorm(groups or math.gcd(8, channels), channels),
        "instance": lambda: INSTANCE[ndim](channels, affine=True),
        "layer": lambda: ChannelNorm(channels),
        "rms": lambda: ChannelNorm(channels, centre=False),
        "local_response": lambda: nn.LocalResponseNorm(5, k=2.0),
    }
    return made[name]()


def image_norm(name: str | None, channels: int) -> nn.Module:
    """``norm_layer`` of pictures (B, channels, H, W).

    >>> image_norm("group", 12).num_groups
    4
    """
    return norm_layer(name, channels, 2)
