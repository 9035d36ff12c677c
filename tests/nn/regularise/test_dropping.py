"""Dropping branches and regions, and noise."""

from __future__ import annotations

import pytest
import torch

from tests.references import reference
from weft.nn import DropBlock, DropPath, GaussianNoise, drop_path_rates


def test_drop_path_drops_whole_samples_and_keeps_the_mean():
    """Property: a sample is all 0 or all x / (1 - p); the share of zeros is p and the mean stays."""
    x = torch.ones(4000, 3, 2)
    for p in (0.1, 0.5, 0.9):
        y = DropPath(p)(x)
        first = y[:, 0, 0]
        assert torch.equal(y, first[:, None, None].expand_as(y))
        assert set(first.unique().tolist()) == {0.0, torch.tensor(1 / (1 - p)).item()}
        assert (first == 0).float().mean().item() == pytest.approx(p, abs=0.03)
        assert y.mean().item() == pytest.approx(1, abs=0.15)
    assert torch.equal(DropPath(0.9).eval()(x), x) and not DropPath(1.0)(x).any()


def test_drop_path_and_drop_block_equal_torchvision_and_timm():
    """Parity: with one seed, DropPath (drop_path) is timm's, and DropBlock (drop_block) torchvision's."""
    timm, ops = reference("timm.layers"), reference("torchvision.ops")
    x = torch.randn(8, 3, 9, 10)
    torch.manual_seed(1)
    ours = DropPath(0.4)(x)
    torch.manual_seed(1)
    torch.testing.assert_close(ours, timm.DropPath(0.4)(x))
    for size in (1, 3, 5):
        torch.manual_seed(1)
        ours = DropBlock(0.2, size)(x)
        torch.manual_seed(1)
        torch.testing.assert_close(ours, ops.DropBlock2d(0.2, size)(x), rtol=1e-4, atol=1e-5)
    volume = torch.randn(2, 3, 5, 6, 7)
    torch.manual_seed(1)
    ours = DropBlock(0.1, 3)(volume)
    torch.manual_seed(1)
    torch.testing.assert_close(ours, ops.DropBlock3d(0.1, 3)(volume), rtol=1e-4, atol=1e-5)


def test_rates_rise_evenly():
    """Closed form: 0 for the first branch, the last rate for the last."""
    assert drop_path_rates(5, 0.4) == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert drop_path_rates(1, 0.4) == [0.0]


@pytest.mark.parametrize("shape", [(50, 4, 40), (20, 4, 20, 20), (4, 4, 12, 12, 12)], ids=len)
def test_blocks_fall_out_whole_and_the_sum_stays(shape):
    """Property: every zero lies in a run of at least the block's size; about a share p is gone; the mean stays exactly."""
    x, size = torch.ones(shape), 3
    y = DropBlock(0.2, size)(x)
    assert y.mean().item() == pytest.approx(1, abs=1e-4)
    assert (y == 0).float().mean().item() == pytest.approx(0.18, abs=0.03)
    gone = (y == 0).float().flatten(0, 1).movedim(-1, 0).flatten(1).T              # along the last dimension
    runs = [len(run) for row in gone.int().tolist() for run in "".join(map(str, row)).split("0") if run]
    assert runs and min(runs) >= size


def test_everything_may_fall_out():
    """Property: p = 1 gives zeros, also where a bf16 sum would be too coarse; too large a block and no probability are refused."""
    assert not DropBlock(1.0, 3)(torch.ones(1, 1, 5, 5)).any()
    assert DropBlock(0.9, 5)(torch.ones(1, 1, 5, 5)).isfinite().all()
    assert DropBlock(0.1, 3)(torch.ones(4, 64, 32, 32, dtype=torch.bfloat16)).float().mean().item() == pytest.approx(1, abs=0.02)
    with pytest.raises(ValueError, match=r"DropBlock of size 7 expects .* got \(1, 1, 5, 9\)"):
        DropBlock(0.1)(torch.ones(1, 1, 5, 9))
    with pytest.raises(ValueError, match=r"between 0 and 1; got 1.5"):
        DropPath(1.5)


def test_noise_has_its_deviation():
    """Property: GaussianNoise (gaussian_noise) adds noise of its deviation, or of its share of x; none in eval mode."""
    x = torch.full((20000,), 5.0)
    added, multiplied = GaussianNoise(0.3)(x) - x, GaussianNoise(0.3, relative=True)(x) - x
    assert added.std().item() == pytest.approx(0.3, rel=0.05) and added.mean().abs() < 0.02
    assert multiplied.std().item() == pytest.approx(1.5, rel=0.05)
    assert torch.equal(GaussianNoise(0.3).eval()(x), x)
    with pytest.raises(ValueError, match=r"at least 0"):
        GaussianNoise(-1)
