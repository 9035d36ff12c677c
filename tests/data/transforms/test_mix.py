"""MixUp and CutMix: inputs and targets by the same share."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from weft.data import CutMix, MixUp, Random

CLASSES = torch.arange(64) % 8
# every record's pixels are its class, so that the mixed pixels tell the share
COLOURS = F.one_hot(CLASSES, 8).float()[:, :, None, None].expand(64, 8, 10, 10).clone()


@pytest.mark.parametrize("transform", [MixUp(alpha=0.5, num_classes=8), CutMix(num_classes=8)])
def test_targets_follow_what_really_was_mixed(transform):
    """Closed form: the target of MixUp and CutMix is the mean over the pixels of one-hot pictures."""
    out = transform({"input": COLOURS, "target": CLASSES}, Random(0, 0, torch.arange(64)))
    assert out["target"].shape == (64, 8) and out["target"].dtype == torch.float32
    assert torch.allclose(out["target"], out["input"].mean((2, 3)), atol=1e-5)
    assert (out["target"].max(1).values < 0.99).any()


def test_cutmix_pastes_one_rectangle_of_the_partner():
    out = CutMix(num_classes=8)({"input": COLOURS, "target": CLASSES}, Random(1, 0, torch.arange(64)))["input"]
    assert set(out.unique().tolist()) <= {0.0, 1.0}
    for i in range(64):
        foreign = out[i, CLASSES[i]] == 0
        rows, columns = foreign.any(1), foreign.any(0)
        assert torch.equal(foreign, rows[:, None] & columns[None, :])
        for line in (rows, columns):  # in one piece
            assert (line.int().diff().abs().sum() + line[0] + line[-1]) <= 2


def test_tall_pictures_are_cut_along_the_right_axes():
    x = torch.rand(40, 1, 30, 3)
    out = CutMix(num_classes=8)({"input": x, "target": CLASSES[:40]}, Random(0, 0, torch.arange(40)))
    assert out["input"].shape == x.shape


def test_float_targets_are_mixed_as_they_are():
    x, y = torch.rand(32, 3), torch.rand(32)
    out = MixUp(alpha=1.0)({"input": torch.cat([x, y[:, None]], 1), "target": y}, Random(0, 0, torch.arange(32)))
    assert torch.allclose(out["input"][:, 3], out["target"], atol=1e-6) and not torch.allclose(out["target"], y)


def test_a_masked_partner_masks():
    mask = torch.tensor([True, False] * 32)
    random = Random(0, 0, torch.arange(64))
    partner = Random(0, 0, torch.arange(64)).permutation()
    out = MixUp(num_classes=8)({"input": COLOURS, "target": CLASSES, "mask": mask}, random)
    assert torch.equal(out["mask"], mask & mask[partner])


def test_what_cannot_be_mixed_is_named():
    random = Random(0, 0, torch.arange(2))
    numbers = {"input": torch.zeros(2, 3), "target": torch.tensor([0, 1])}
    with pytest.raises(ValueError, match="pass num_classes="):
        MixUp()(numbers, random)
    with pytest.raises(ValueError, match=r"torch\.int64"):
        MixUp(num_classes=2)(numbers | {"input": torch.zeros(2, 3, dtype=torch.int64)}, random)
    with pytest.raises(ValueError, match=r"\(B, C, H, W\)"):
        CutMix(num_classes=2)(numbers, random)
    for kind in (MixUp, CutMix):
        with pytest.raises(ValueError, match="positive"):
            kind(alpha=0.0)
