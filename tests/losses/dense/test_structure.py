"""Structural similarity against torchmetrics and kornia."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from tests.references import reference
from weft.losses import ms_ssim, ssim
from weft.losses.dense.structure import SCALES, similarity_map


@pytest.mark.parametrize(("sigma", "span"), [(1.5, 1.0), (0.8, 2.0)])
def test_ssim_equals_torchmetrics(sigma, span):
    """Parity: ssim against structural_similarity_index_measure of each picture, whose borders are mirrored."""
    peers = reference("torchmetrics.functional.image")
    a = torch.rand(3, 2, 24, 20)
    b = 0.6 * a + 0.4 * torch.rand(3, 2, 24, 20)
    theirs = peers.structural_similarity_index_measure(a, b, sigma=sigma, data_range=span, reduction="none")
    half = int(3.5 * sigma + 0.5)
    wide = [F.pad(x, (half,) * 4, mode="reflect") for x in (a, b)]
    torch.testing.assert_close(ssim(*wide, window=2 * half + 1, sigma=sigma, span=span), 1 - theirs, rtol=1e-4, atol=1e-5)


def test_ssim_equals_kornia():
    """Parity: ssim against kornia's map of valid windows."""
    metrics = pytest.importorskip("kornia.metrics")
    a, b = torch.rand(2, 3, 20, 18), torch.rand(2, 3, 20, 18)
    theirs = metrics.ssim(a, b, window_size=11, max_val=1.0, padding="valid").mean((1, 2, 3))
    torch.testing.assert_close(ssim(a, b), 1 - theirs, rtol=1e-3, atol=1e-4)


def test_ms_ssim_equals_torchmetrics():
    """Parity: ms_ssim against the parts that torchmetrics gives, windows inside the picture alone; its own product, mirrored borders included, is near."""
    peers = reference("torchmetrics.functional.image")
    measure = peers.structural_similarity_index_measure
    a = torch.rand(2, 1, 180, 180)
    b = (a + 0.2 * torch.rand(2, 1, 180, 180)).clamp(0, 1)
    found, x, y = torch.ones(2), a, b
    for weight in SCALES[:-1]:
        _, contrast = measure(x, y, data_range=1.0, reduction="none", return_contrast_sensitivity=True)
        found, x, y = found * contrast**weight, F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
    _, whole = measure(x, y, data_range=1.0, reduction="none", return_full_image=True)
    found = found * whole[..., 5:-5, 5:-5].mean((1, 2, 3)) ** SCALES[-1]
    torch.testing.assert_close(ms_ssim(a, b), 1 - found, rtol=1e-4, atol=1e-5)
    near = peers.multiscale_structural_similarity_index_measure(a, b, data_range=1.0, normalize="relu", reduction="none")
    torch.testing.assert_close(ms_ssim(a, b), 1 - near, rtol=0, atol=2e-3)


def test_maps_by_hand():
    """Closed form: similarity_map of a constant picture against another is the term of the means; of equals it is 1."""
    a, b = torch.full((1, 1, 4, 4), 0.2, dtype=torch.float64), torch.full((1, 1, 4, 4), 0.6, dtype=torch.float64)
    wanted = (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)
    torch.testing.assert_close(similarity_map(a, b), torch.full((1, 1, 4, 4), wanted, dtype=torch.float64))
    x = torch.rand(1, 2, 5, 5)
    torch.testing.assert_close(similarity_map(x, x), torch.ones(1, 2, 5, 5))


def test_small_pictures_are_refused():
    with pytest.raises(ValueError, match="at least 11 x 11 pixels here; got"):
        ssim(torch.zeros(1, 1, 8, 20), torch.zeros(1, 1, 8, 20))
    with pytest.raises(ValueError, match=r"ms_ssim needs pictures"):
        ms_ssim(torch.zeros(1, 1, 64, 64), torch.zeros(1, 1, 64, 64))
    with pytest.raises(ValueError, match="at least one scale"):
        ms_ssim(torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 16, 16), scales=())
