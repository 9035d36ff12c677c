"""Depth: from measurements, and from two views without any."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from weft.losses.dense.structure import similarity_map
from weft.losses.shapes import full, same_shape


def scale_invariant_log(
    prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, share: float = 0.5, mask: Bool[Tensor, " ..."] | None = None
) -> Float[Tensor, " b"]:
    """mean(d^2) - share mean(d)^2 over an item's pixels, with d = log prediction - log target.

    With share 1 a common factor costs nothing; with 0 it is the squared error of logarithms.

    Shapes: depths prediction and target > 0 (B, ...) -> (B,). ``mask`` (B, ...), True keeps: where nothing was measured.
    Errors: ``ValueError`` when the shapes differ. A depth below 1e-6 counts as that.
    Paper: Eigen et al., 2014, arXiv:1406.2283 (0.5; later work takes 0.85 and a root).
    Use for depth from one picture, whose scale is unknown.

    >>> scale_invariant_log(torch.tensor([[2.0, 4.0]]), torch.tensor([[1.0, 2.0]]), share=1.0).round(decimals=4)
    tensor([0.])
    """
    same_shape(prediction, target, "scale_invariant_log")
    prediction = full(prediction)
    error = prediction.clamp(min=1e-6).log() - target.to(prediction.dtype).clamp(min=1e-6).log()
    error = error.flatten(1)
    if mask is None:
        return error.square().mean(1) - share * error.mean(1).square()
    same_shape(prediction, mask, "scale_invariant_log (prediction and mask)")
    keep = mask.flatten(1)
    error, count = error.where(keep, 0), keep.sum(1).clamp(min=1)
    return error.square().sum(1) / count - share * (error.sum(1) / count).square()


def reverse_huber(
    prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, share: float = 0.2, mask: Bool[Tensor, " ..."] | None = None
) -> Float[Tensor, " ..."]:
    """Absolute error near zero, squared beyond: |e| for |e| <= c, else (e^2 + c^2) / (2 c), with c = share times the item's largest |e|.

    Shapes: prediction and target (B, ...) -> (B, ...). ``mask`` (B, ...), True keeps: what it hides sets no c, and costs 0.
    Errors: ``ValueError`` when the shapes differ or the share is not positive.
    Papers: Owen, 2007; Laina et al., 2016, arXiv:1606.00373 (c over the batch there; over the item here, so that parts of a batch add up).
    Use for depth, where far pixels have large errors that count.

    >>> reverse_huber(torch.tensor([[0.1, 1.0]]), torch.zeros(1, 2))
    tensor([[0.1000, 2.6000]])
    """
    if share <= 0:
        raise ValueError(f"reverse_huber needs a share > 0 of the largest error; got {share}.")
    same_shape(prediction, target, "reverse_huber")
    error = (full(prediction) - target).abs()
    if mask is not None:
        same_shape(prediction, mask, "reverse_huber (prediction and mask)")
        error = error.where(mask, 0)
    turn = share * error.detach().flatten(1).amax(1).view(-1, *[1] * (error.ndim - 1)).clamp(min=1e-12)
    return torch.where(error <= turn, error, (error.square() + turn.square()) / (2 * turn))


def edge_aware_smoothness(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."]) -> Float[Tensor, " b"]:
    """How much a map changes where the picture does not: mean |dx d| exp(-|dx I|) + mean |dy d| exp(-|dy I|).

    Shapes: prediction a depth or disparity map (B, 1, H, W), target the picture (B, C, H, W), whose changes are averaged over channels -> (B,).
    Errors: ``ValueError`` for shapes that do not fit.
    Paper: Godard et al., 2017, arXiv:1609.03677.
    Use beside ``photometric``; divide the map by its own mean first, or a smaller map is always smoother.

    >>> edge_aware_smoothness(torch.ones(1, 1, 3, 3), torch.rand(1, 3, 3, 3))
    tensor([0.])
    """
    if prediction.ndim != 4 or target.ndim != 4 or prediction.shape[0] != target.shape[0] or prediction.shape[2:] != target.shape[2:]:
        raise ValueError(
            f"edge_aware_smoothness needs a map (B, 1, H, W) and a picture (B, C, H, W); got prediction {tuple(prediction.shape)} and target "
            f"{tuple(target.shape)}."
        )
    depth, picture = full(prediction), target.to(full(prediction).dtype)
    parts = [depth.diff(dim=d).abs() * (-picture.diff(dim=d).abs().mean(1, keepdim=True)).exp() for d in (2, 3)]
    return parts[0].flatten(1).mean(1) + parts[1].flatten(1).mean(1)


def photometric(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, share: float = 0.85) -> Float[Tensor, " ..."]:
    """How unlike two pictures are at each pixel: share (1 - SSIM) / 2 + (1 - share) |prediction - target|, the mean over channels.

    Shapes: pictures (B, C, H, W) -> (B, H, W).
    Errors: ``ValueError`` when the shapes differ.
    Paper: Godard et al., 2017, arXiv:1609.03677.
    Use for a view that was warped into another; several go to ``least_reprojection``.

    >>> photometric(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3)).sum()
    tensor(0.)
    """
    same_shape(prediction, target, "photometric")
    unlike = ((1 - similarity_map(prediction, target)) / 2).clamp(0, 1)
    return (share * unlike + (1 - share) * (full(prediction) - full(target)).abs()).mean(1)


def least_reprojection(
    warped: Float[Tensor, "s b h w"], still: Float[Tensor, "s b h w"] | None = None
) -> tuple[Float[Tensor, "b h w"], Bool[Tensor, "b h w"]]:
    """The least error over several source views at each pixel, and where to keep it (auto-mask).

    ``warped`` errors of S views after warping; ``still`` those of the same views as they are: a pixel that fits better unwarped does not move with
    the world (or nothing moves) and is dropped. Give both to ``Loss.mean``. Paper: Godard et al., 2019, arXiv:1806.01260.

    >>> least_reprojection(torch.tensor([[[[0.3, 0.5]]], [[[0.2, 0.9]]]]), torch.tensor([[[[0.4, 0.1]]], [[[0.6, 0.2]]]]))
    (tensor([[[0.2000, 0.5000]]]), tensor([[[ True, False]]]))
    """
    least = warped.amin(0)
    return least, torch.ones_like(least, dtype=torch.bool) if still is None else least < still.amin(0)
