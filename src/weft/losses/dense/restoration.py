"""Pictures that should become others: robust errors, frequencies, patches, pyramids, time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from weft.losses.regression import numbers
from weft.losses.shapes import full, same_shape


def charbonnier(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, epsilon: float = 1e-3) -> Float[Tensor, " ..."]:
    """Absolute error with a round bottom: sqrt(e^2 + epsilon^2) - epsilon.

    Shapes: prediction and target (B, ...) -> (B, ...). Differs from some by the - epsilon, which makes no error cost nothing.
    Errors: ``ValueError`` when the shapes differ or epsilon is not positive.
    Paper: Charbonnier et al., 1994, doi:10.1109/ICIP.1994.413553; for super-resolution, Lai et al., 2017, arXiv:1704.03915.

    >>> charbonnier(torch.tensor([0.0, 3.0]), torch.tensor([0.0, 0.0]), epsilon=4.0)
    tensor([0., 1.])
    """
    if epsilon <= 0:
        raise ValueError(f"charbonnier needs epsilon > 0; got {epsilon}. With 0 it is l1.")
    a, b = numbers(prediction, target, "charbonnier")
    error = (a - b).square()
    # e^2 / (sqrt(e^2 + eps^2) + eps) is the difference without cancellation
    return error / ((error + epsilon**2).sqrt() + epsilon)


def frequency(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, focus: float = 0.0) -> Float[Tensor, " b"]:
    """Distance of two-dimensional spectra, |F(prediction) - F(target)|, the mean over frequencies and channels.

    With ``focus`` a the squared distance is taken and weighed by its own size to that power, scaled to at most 1: hard frequencies count more.

    Shapes: pictures (B, C, H, W) -> (B,). The transform is unitary.
    Errors: ``ValueError`` when the shapes differ.
    Papers: Cho et al., 2021, arXiv:2108.05054; focal, Jiang et al., 2021, arXiv:2012.12821.
    Use beside ``l1``, which is content with blur.

    >>> frequency(torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2))
    tensor([0.5000])
    """
    same_shape(prediction, target, "frequency")
    if prediction.ndim < 3:
        raise ValueError(f"frequency needs pictures (B, C, H, W); got prediction {tuple(prediction.shape)}.")
    apart = torch.view_as_real(torch.fft.fft2(full(prediction) - full(target), norm="ortho"))
    if not focus:
        return torch.linalg.vector_norm(apart, dim=-1).flatten(1).mean(1)
    squared = apart.square().sum(-1)
    weight = squared.detach().sqrt() ** focus
    weight = weight / weight.amax((-2, -1), keepdim=True).clamp(min=1e-12)
    return (weight * squared).flatten(1).mean(1)


def patch_mse(prediction: Float[Tensor, "b ..."], target: Shaped[Tensor, "b ..."], *, normalize: bool = False) -> Float[Tensor, "b ..."]:
    """Squared error of each patch, the mean over its pixels; with ``normalize`` the target has mean 0 and variance 1 in every patch.

    Shapes: patches prediction and target (B, N, P) -> (B, N). Reconstruction of what was hidden alone is ``Loss.mean(values, hidden)``, hidden (B,
    N), True where a patch was masked from the network: patches that it saw get no gradient.
    Errors: ``ValueError`` when the shapes differ.
    Paper: He et al., 2021, arXiv:2111.06377.
    Use for masked autoencoders.

    >>> patch_mse(torch.zeros(1, 2, 3), torch.ones(1, 2, 3))
    tensor([[1., 1.]])
    """
    same_shape(prediction, target, "patch_mse")
    prediction = full(prediction)
    wanted = target.to(prediction.dtype)
    if normalize:
        wanted = (wanted - wanted.mean(-1, keepdim=True)) / (wanted.var(-1, keepdim=True) + 1e-6).sqrt()
    return (prediction - wanted).square().mean(-1)


def pyramid(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, levels: int = 3) -> Float[Tensor, " b"]:
    """Absolute error in the bands of a Laplacian pyramid: sum_l 2^l mean |band_l - band_l'|, the coarsest picture included.

    Shapes: pictures (B, C, H, W) with sides of at least 2^(levels - 1) -> (B,).
    Errors: ``ValueError`` when the shapes differ or a picture is too small.
    Papers: Burt and Adelson, 1983, doi:10.1109/TCOM.1983.1095851; as a loss, Bojanowski et al., 2017, arXiv:1707.05776. Differs: halves by 2 x 2
    means.
    Use when edges and large shapes should both count.

    >>> pyramid(torch.ones(1, 1, 4, 4), torch.zeros(1, 1, 4, 4))
    tensor([4.])
    """
    same_shape(prediction, target, "pyramid")
    if prediction.ndim != 4 or levels < 1 or min(prediction.shape[2:]) < 2 ** (levels - 1):
        raise ValueError(f"pyramid of {levels} levels needs pictures (B, C, H, W) with sides >= {2 ** (levels - 1)}; got {tuple(prediction.shape)}.")
    apart, found = full(prediction) - full(target), []  # bands are linear, so those of the difference will do
    for level in range(levels - 1):
        coarse = F.avg_pool2d(apart, 2)
        found.append(2**level * (apart - F.interpolate(coarse, size=apart.shape[2:], mode="bilinear", align_corners=False)).abs().flatten(1).mean(1))
        apart = coarse
    return torch.stack([*found, 2 ** (levels - 1) * apart.abs().flatten(1).mean(1)]).sum(0)


def deep_supervision(
    loss: Callable[[Tensor, Tensor], Tensor], outputs: Sequence[Tensor], target: Tensor, weights: Sequence[float] | None = None
) -> Float[Tensor, " b"]:
    """One loss at several depths: sum_i weight_i loss(output_i, target), each the mean over an item's values.

    ``outputs`` come main first; by default the others weigh 0.4 each. Where an output is smaller than the target, the target is resized: indices
    by the nearest pixel, numbers by means. While a grown network fades in, ``weights=(w, 1 - w)``.
    Errors: ``ValueError`` when the numbers of outputs and weights differ.
    Papers: Lee et al., 2014, arXiv:1409.5185; 0.4 is close to Szegedy et al., 2014, arXiv:1409.4842 (0.3).

    >>> from weft.losses import l1
    >>> outputs = [torch.zeros(2, 3), torch.zeros(2, 3)]
    >>> deep_supervision(l1, outputs, torch.ones(2, 3), (1.0, 0.5))
    tensor([1.5000, 1.5000])
    """
    weights = (1.0, *[0.4] * (len(outputs) - 1)) if weights is None else weights
    if len(weights) != len(outputs) or not outputs:
        raise ValueError(f"deep_supervision needs a weight an output; got {len(outputs)} outputs and {len(weights)} weights.")
    values = [loss(output, _resized(target, output)) for output in outputs]
    return torch.stack([weight * value.reshape(len(value), -1).mean(1) for weight, value in zip(weights, values, strict=True)]).sum(0)


def temporal_consistency(
    prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], flow: Float[Tensor, " ..."], *, keep: Bool[Tensor, "b h w"] | None = None
) -> Float[Tensor, " ..."]:
    """How a frame differs from the one before it, moved along the flow: mean over channels of |prediction - warp(target, flow)| at each pixel.

    Shapes: prediction this frame and target the last one (B, C, H, W), flow (B, 2, H, W) in pixels: this pixel was at (x + flow_x, y + flow_y) ->
    (B, H, W).
    ``keep`` (B, H, W) hides what was occluded; pixels that came from outside the frame cost 0.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Lai et al., 2018, arXiv:1808.00449.
    Use for video that is made frame by frame; for a sequence without flow, ``total_variation`` over time is ``l1(x[:, 1:], x[:, :-1])``.

    >>> temporal_consistency(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2), torch.zeros(1, 2, 2, 2)).sum()
    tensor(0.)
    """
    same_shape(prediction, target, "temporal_consistency")
    if prediction.ndim != 4 or flow.shape != (len(prediction), 2, *prediction.shape[2:]):
        raise ValueError(f"temporal_consistency needs frames (B, C, H, W) and flow (B, 2, H, W); got {tuple(prediction.shape)}, {tuple(flow.shape)}.")
    now, before = full(prediction), full(target)
    height, width = now.shape[2:]
    y, x = torch.meshgrid(torch.arange(height, device=now.device), torch.arange(width, device=now.device), indexing="ij")
    at_x, at_y = x + full(flow)[:, 0], y + full(flow)[:, 1]
    grid = torch.stack([2 * at_x / max(width - 1, 1) - 1, 2 * at_y / max(height - 1, 1) - 1], dim=-1).to(now.dtype)
    moved = F.grid_sample(before, grid, align_corners=True, padding_mode="border")
    inside = (at_x >= 0) & (at_x <= width - 1) & (at_y >= 0) & (at_y <= height - 1)
    return (now - moved).abs().mean(1).where(inside if keep is None else inside & keep, 0)


def _resized(target: Tensor, output: Tensor) -> Tensor:
    """The target at the output's size, where it has one."""
    if target.ndim < 3 or target.shape[-2:] == output.shape[-2:]:
        return target
    if target.is_floating_point():
        return F.interpolate(target, size=output.shape[-2:], mode="area")
    return F.interpolate(target.unsqueeze(1).float(), size=output.shape[-2:], mode="nearest").squeeze(1).to(target.dtype)
