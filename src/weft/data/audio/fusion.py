"""Several features of one sound at one frame rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from weft._lazy import hint


def fuse_features(
    features: Mapping[str, Tensor], names: Sequence[str] | None = None, *, frames: int | None = None, mode: str = "linear"
) -> Float[Tensor, "*b f t"]:
    """Named features, each (..., F, T) with its own F and T, as one tensor (..., sum of F, frames).

    All are taken to span the same time; they are interpolated ("linear", or "nearest" for labels and switches) to ``frames``, by default those of
    the first name. ``names`` says which and in what order; without it, all in theirs.
    Raises ValueError for a missing feature, naming the nearest, and for features of unlike batch sizes or without frames.

    Use when MFCC, pitch and level should enter a network together; instead of it, one ``hop`` for all, which needs no interpolation.

    >>> fuse_features({"mfcc": torch.zeros(2, 13, 10), "level": torch.ones(2, 1, 20)}).shape
    torch.Size([2, 14, 10])
    """
    if mode not in ("linear", "nearest"):
        raise ValueError(f"mode={mode!r}; expected 'linear' or 'nearest'")
    names = list(features) if names is None else list(names)
    if not names:
        raise ValueError("No features to fuse; give at least one")
    for name in names:
        if name not in features:
            raise ValueError(f"The feature {name!r} is missing. {hint(name, features)}")
        if features[name].ndim < 2 or features[name].shape[-1] == 0:
            raise ValueError(f"The feature {name!r} has shape {tuple(features[name].shape)}; expected (..., F, T) with at least one frame")
        batch, first = tuple(features[name].shape[:-2]), tuple(features[names[0]].shape[:-2])
        if batch != first:
            raise ValueError(f"The feature {name!r} is of a batch {batch}, {names[0]!r} of {first}")
    frames = features[names[0]].shape[-1] if frames is None else frames
    if frames < 1:
        raise ValueError(f"frames={frames}; expected at least 1")
    return torch.cat([_at(features[name], frames, mode) for name in names], -2)


def _at(x: Tensor, frames: int, mode: str) -> Tensor:
    if x.shape[-1] == frames:
        return x
    flat = x.reshape(-1, 1, x.shape[-1])
    out = F.interpolate(flat, frames, mode="nearest-exact") if mode == "nearest" else F.interpolate(flat, frames, mode="linear", align_corners=True)
    return out.reshape(*x.shape[:-1], frames)
