"""Structural similarity of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from weft.losses.shapes import full, full_precision, same_shape

SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # how much each halving counts, from people's judgements


def ssim(
    prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, window: int = 11, sigma: float = 1.5, span: float = 1.0
) -> Float[Tensor, " b"]:
    """1 - structural similarity, the mean over pixels and channels: 1 - (2 m m' + c1)(2 cov + c2) / ((m^2 + m'^2 + c1)(var + var' + c2)).

    Means, variances and covariance are those of a Gaussian window; c1 = (0.01 span)^2, c2 = (0.03 span)^2.

    Shapes: prediction and target pictures (B, C, H, W) -> (B,), between 0 and 2. ``span`` is the largest value less the smallest. Only windows
    that lie wholly inside count.
    Errors: ``ValueError`` when the shapes differ or a picture is smaller than the window.
    Paper: Wang et al., 2004, doi:10.1109/TIP.2003.819861.
    Use beside ``l1`` for pictures; instead of it, ``ms_ssim`` when the viewing distance varies. 1 - it is the similarity.

    >>> ssim(torch.zeros(1, 1, 11, 11), torch.zeros(1, 1, 11, 11))
    tensor([0.])
    """
    return 1 - _similarity(prediction, target, window, sigma, span, "ssim")[0].mean(1)


def ms_ssim(
    prediction: Float[Tensor, " ..."],
    target: Float[Tensor, " ..."],
    *,
    window: int = 11,
    sigma: float = 1.5,
    span: float = 1.0,
    scales: Sequence[float] = SCALES,
) -> Float[Tensor, " b"]:
    """1 - structural similarity over several halvings: 1 - similarity_last^w product of contrast_i^w_i, each not below 0.

    Shapes: pictures (B, C, H, W) -> (B,). Each halving averages 2 x 2 pixels; the last must still be as large as the window (176 pixels for five).
    Errors: ``ValueError`` when the shapes differ or pictures are too small.
    Paper: Wang et al., 2003, doi:10.1109/ACSSC.2003.1292216.
    Use when structure at several distances counts.

    >>> ms_ssim(torch.zeros(1, 1, 22, 22), torch.zeros(1, 1, 22, 22), scales=(0.5, 0.5))
    tensor([0.])
    """
    same_shape(prediction, target, "ms_ssim")
    a, b = full(prediction), full(target)
    total = None
    for level, weight in enumerate(scales):
        whole, contrast = _similarity(a, b, window, sigma, span, "ms_ssim")
        # a root has no slope at 0, so what is not positive counts as very little
        part = (whole if level == len(scales) - 1 else contrast).clamp(min=1e-4) ** weight
        total = part if total is None else total * part
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    if total is None:
        raise ValueError("ms_ssim needs at least one scale.")
    return 1 - total.mean(1)


def similarity_map(prediction: Float[Tensor, "b c h w"], target: Float[Tensor, "b c h w"], *, span: float = 1.0) -> Float[Tensor, "b c h w"]:
    """Structural similarity at every pixel, from 3 x 3 means with mirrored borders: what depth from video is trained with.

    Paper: Godard et al., 2017, arXiv:1609.03677.
    """
    a, b = (F.pad(full(x), (1, 1, 1, 1), mode="reflect") for x in (prediction, target))
    ma, mb, aa, bb, ab = (F.avg_pool2d(x, 3, 1) for x in (a, b, a * a, b * b, a * b))
    return _ratio(ma, mb, aa, bb, ab, span)[0]


def _similarity(prediction: Tensor, target: Tensor, window: int, sigma: float, span: float, who: str) -> tuple[Tensor, Tensor]:
    """The whole similarity and its part of contrast and structure, (B, C) each."""
    same_shape(prediction, target, who)
    if prediction.ndim != 4 or min(prediction.shape[2:]) < window:
        raise ValueError(f"{who} needs pictures (B, C, H, W) of at least {window} x {window} pixels here; got {tuple(prediction.shape)}.")
    a, b = full(prediction), full(target)
    batch, channels = a.shape[:2]
    with full_precision(a):
        stack = torch.cat([a, b, a * a, b * b, a * b]).flatten(0, 1).unsqueeze(1)
        line = _gaussian(window, sigma).to(stack)
        blurred = F.conv2d(F.conv2d(stack, line.view(1, 1, -1, 1)), line.view(1, 1, 1, -1))
    ma, mb, aa, bb, ab = blurred.view(5, batch, channels, *blurred.shape[2:])
    whole, contrast = _ratio(ma, mb, aa, bb, ab, span)
    return whole.mean((2, 3)), contrast.mean((2, 3))


def _ratio(ma: Tensor, mb: Tensor, aa: Tensor, bb: Tensor, ab: Tensor, span: float) -> tuple[Tensor, Tensor]:
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    spread = (aa - ma * ma).clamp(min=0) + (bb - mb * mb).clamp(min=0)  # a rounded difference may fall below 0
    contrast = (2 * (ab - ma * mb) + c2) / (spread + c2)
    return (2 * ma * mb + c1) / (ma * ma + mb * mb + c1) * contrast, contrast


@cache
def _gaussian(window: int, sigma: float) -> Tensor:
    with torch.inference_mode(False):
        place = torch.arange(window, dtype=torch.float64) - (window - 1) / 2
        return (-place.square() / (2 * sigma**2)).softmax(0)
