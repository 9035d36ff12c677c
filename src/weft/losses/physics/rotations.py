"""Distances between rotations."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from weft.losses.metric.distances import unit
from weft.losses.shapes import full, same_shape


def rotation_angle(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """The angle of the rotation between two: of R = A^T B, atan2(|(R - R^T)^v|, trace R - 1), in radians.

    Shapes: rotation matrices (B, ..., 3, 3) -> (B, ...) in [0, pi]. Its slope stays finite at both ends, where that of an arc cosine does not: it is
    0 at equal rotations and at opposite ones.
    Errors: ``ValueError`` for shapes that differ or are no 3 x 3 matrices.
    Paper: Huynh, 2009, doi:10.1007/s10851-009-0161-2.
    Use for poses given as matrices; make them orthogonal first (six numbers and Gram-Schmidt, Zhou et al., 2018, arXiv:1812.07035).

    >>> turn = torch.tensor([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]])
    >>> rotation_angle(turn, torch.eye(3)[None])
    tensor([1.5708])
    """
    same_shape(prediction, target, "rotation_angle")
    if prediction.shape[-2:] != (3, 3):
        raise ValueError(f"rotation_angle needs matrices (B, ..., 3, 3); got {tuple(prediction.shape)}.")
    with torch.autocast(prediction.device.type, enabled=False):
        between = full(prediction).mT @ full(target)
    skew = between - between.mT
    twist = torch.stack([skew[..., 2, 1], skew[..., 0, 2], skew[..., 1, 0]], -1)
    trace = between.diagonal(dim1=-2, dim2=-1).sum(-1)
    return torch.atan2(torch.linalg.vector_norm(twist, dim=-1), trace - 1)


def quaternion_distance(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """How far two rotations are as quaternions, whose sign means nothing: 1 - <p, q>^2 = sin^2(angle / 2), both of length 1.

    Shapes: quaternions (B, ..., 4), of any length but 0 -> (B, ...) in [0, 1].
    Errors: ``ValueError`` for shapes that differ or are not four numbers.
    Paper: Huynh, 2009, doi:10.1007/s10851-009-0161-2.
    Use for poses given as quaternions; instead of it, ``mse``, which takes q and -q for opposite.

    >>> q = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    >>> quaternion_distance(q, -2 * q)
    tensor([0.])
    """
    same_shape(prediction, target, "quaternion_distance")
    if prediction.shape[-1] != 4:
        raise ValueError(f"quaternion_distance needs four numbers, (B, ..., 4); got {tuple(prediction.shape)}.")
    p, q = unit(prediction), unit(target)
    # |p - q|^2 |p + q|^2 / 4 is 1 - <p, q>^2 without cancellation near equal rotations
    return (p - q).square().sum(-1) * (p + q).square().sum(-1) / 4
