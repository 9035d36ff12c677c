"""Points on pictures and in space: heat maps, similarity, joints, bones."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from weft.losses.shapes import full, full_precision, same_shape


def heat_map(prediction: Float[Tensor, "b ..."], target: Shaped[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
    """Squared error of each point's heat map, the mean over its pixels.

    Shapes: prediction and target (B, K, H, W) -> (B, K). Points that nobody sees are masked: ``Loss.mean(values, visible)``, visible (B, K).
    Errors: ``ValueError`` when the shapes differ or there are no pixels.
    Paper: Tompson et al., 2014, arXiv:1406.2984.
    Use for points with a place on the picture; instead of it, ``soft_argmax`` and ``l1`` for coordinates below a pixel.

    >>> heat_map(torch.zeros(1, 2, 2, 2), torch.ones(1, 2, 2, 2))
    tensor([[1., 1.]])
    """
    same_shape(prediction, target, "heat_map")
    if prediction.ndim < 3:
        raise ValueError(f"heat_map needs maps (B, K, H, W); got {tuple(prediction.shape)}.")
    return (full(prediction) - target).square().flatten(2).mean(2)


def soft_argmax(maps: Float[Tensor, "b k h w"], *, sharpness: float = 1.0) -> Float[Tensor, "b k 2"]:
    """Where each map is largest, smoothly: the mean of the pixels' places under softmax(sharpness maps).

    Shapes: (B, K, H, W) logits -> (B, K, 2) as x, y in pixels, the middle of the first pixel being 0. Paper: Luvizon et al., 2017, arXiv:1710.02322.

    >>> maps = torch.zeros(1, 1, 3, 4)
    >>> maps[0, 0, 2, 1] = 100.0
    >>> soft_argmax(maps)
    tensor([[[1., 2.]]])
    """
    height, width = maps.shape[2:]
    share = (sharpness * full(maps)).flatten(2).softmax(2).view(maps.shape)
    x = (share.sum(2) * torch.arange(width, device=maps.device)).sum(2)
    y = (share.sum(3) * torch.arange(height, device=maps.device)).sum(2)
    return torch.stack([x, y], dim=2)


def keypoint_similarity(
    prediction: Float[Tensor, " ..."],
    target: Shaped[Tensor, " ..."],
    *,
    spread: Float[Tensor, " k"] | float = 0.05,
    area: Float[Tensor, " b"] | float = 1.0,
    visible: Bool[Tensor, "b k"] | None = None,
) -> Float[Tensor, " b"]:
    """1 - COCO's object keypoint similarity: 1 - mean over visible points of exp(-d^2 / (2 area (2 spread)^2)).

    Shapes: prediction and target (B, K, 2), area (B,) of the object in squared units, spread (K,) a kind of point, visible (B, K), True keeps ->
    (B,). A row without a visible point costs 0.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Lin et al., 2014, arXiv:1405.0312 (COCO); as a loss, Maji et al., 2022, arXiv:2204.06806.
    Use to raise the score that poses are judged by; far off its gradient vanishes, so begin with ``l1``.

    >>> keypoint_similarity(torch.zeros(1, 1, 2), torch.zeros(1, 1, 2))
    tensor([0.])
    """
    same_shape(prediction, target, "keypoint_similarity")
    if prediction.ndim != 3:
        raise ValueError(f"keypoint_similarity needs points (B, K, 2); got prediction {tuple(prediction.shape)}.")
    prediction = full(prediction)
    width = 2 * torch.as_tensor(spread, dtype=prediction.dtype, device=prediction.device)
    size = torch.as_tensor(area, dtype=prediction.dtype, device=prediction.device)
    apart = (prediction - target).square().sum(-1)
    alike = (-apart / (2 * width.square() * (size.unsqueeze(1) if size.ndim else size)).clamp(min=1e-12)).exp()
    if visible is None:
        return 1 - alike.mean(1)
    seen = visible.sum(1)
    return torch.where(seen > 0, 1 - alike.where(visible, 0).sum(1) / seen.clamp(min=1), 0)


def joint_distance(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, align: bool = False) -> Float[Tensor, " ..."]:
    """Distance of each joint from its place (MPJPE); with ``align`` after the best shift, turn and scale (PA-MPJPE).

    Shapes: prediction and target (B, K, D) -> (B, K), in the target's unit. The alignment is a constant for the gradient.
    Errors: ``ValueError`` when the shapes differ.
    Papers: Ionescu et al., 2014, doi:10.1109/TPAMI.2013.248; alignment, Schönemann, 1966, doi:10.1007/BF02289451.
    Use for poses in space; the mean over joints is what is reported.

    >>> joint_distance(torch.tensor([[[3.0, 4.0]]]), torch.zeros(1, 1, 2))
    tensor([[5.]])
    """
    same_shape(prediction, target, "joint_distance")
    if prediction.ndim != 3:
        raise ValueError(f"joint_distance needs joints (B, K, D); got prediction {tuple(prediction.shape)}.")
    prediction = full(prediction)
    goal = target.to(prediction.dtype)
    if align:
        with full_precision(prediction):
            turn, scale, shift = procrustes(prediction, goal)
            prediction = scale * prediction @ turn + shift
    return torch.linalg.vector_norm(prediction - goal, dim=-1)


def procrustes(points: Float[Tensor, "b k d"], goal: Float[Tensor, "b k d"]) -> tuple[Tensor, Tensor, Tensor]:
    """The turn, scale and shift that bring ``points`` nearest to ``goal``: scale points turn + shift. No mirror; no gradient."""
    with torch.no_grad():
        middle, centre = points.mean(1, keepdim=True), goal.mean(1, keepdim=True)
        a, b = points - middle, goal - centre
        u, s, v = torch.linalg.svd(a.mT @ b)
        sign = torch.ones_like(s)
        sign[:, -1] = torch.linalg.det(u @ v).sign()
        turn = u * sign.unsqueeze(1) @ v
        scale = ((s * sign).sum(1) / a.square().sum((1, 2)).clamp(min=1e-12)).view(-1, 1, 1)
        return turn, scale, centre - scale * middle @ turn


def bone_length(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], bones: Shaped[Tensor, "e 2"]) -> Float[Tensor, " ..."]:
    """How much longer or shorter each bone is than it should be: ||p_i - p_j| - |y_i - y_j||.

    Shapes: prediction and target (B, K, D), bones (E, 2) joints -> (B, E). Paper: Sun et al., 2017, arXiv:1704.00159 (bones as the target).
    Errors: ``ValueError`` when the shapes differ.

    >>> bone_length(torch.tensor([[[0.0, 0.0], [2.0, 0.0]]]), torch.tensor([[[0.0, 0.0], [0.0, 1.0]]]), torch.tensor([[0, 1]]))
    tensor([[1.]])
    """
    same_shape(prediction, target, "bone_length")
    prediction = full(prediction)
    ends = [(x[:, bones[:, 0]], x[:, bones[:, 1]]) for x in (prediction, target.to(prediction.dtype))]
    lengths = [torch.linalg.vector_norm(a - b, dim=-1) for a, b in ends]
    return (lengths[0] - lengths[1]).abs()
