"""MixUp and CutMix: inputs and targets by the same share."""

from __future__ import annotations

import importlib.util

import pytest
import torch
from torch.nn import functional as F

from tests.data.transforms.peers import keyed, kornia, picture, torchvision
from weft.data import CutMix, MixUp, Random
from weft.data.transforms.mix import blend, draw, mixed_targets

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
        with pytest.raises(ValueError, match="from 0 to 1"):
            kind(probability=1.5)


@pytest.mark.parametrize("kind", [MixUp, CutMix])
def test_records_that_stay_have_the_same_kind_of_target(kind):
    """Property: with probability 0.4 of MixUp and CutMix about six tenths of the records stay bit for bit, and their targets are one-hot floats."""
    out = kind(alpha=1.0, num_classes=8, probability=0.4)({"input": COLOURS, "target": CLASSES}, keyed(64))
    stayed = (out["input"] == COLOURS).flatten(1).all(1)
    assert 25 < stayed.sum() < 58 and torch.equal(out["target"][stayed], F.one_hot(CLASSES, 8).float()[stayed])
    assert torch.allclose(out["target"], out["input"].mean((2, 3)), atol=1e-5)


def test_one_share_for_the_whole_batch():
    """Property: with whole, all records of a batch keep the same share, which changes from batch to batch, and CutMix cuts the same place."""
    x = torch.zeros(8, 1, 12, 12)
    x[0] = 1
    shares = set()
    for epoch in range(20):
        _, keep = draw(keyed(8, epoch=epoch), 1.0, 1.0, True, x.device)
        assert (keep == keep[0]).all()
        shares.add(round(float(keep[0]), 4))
    assert len(shares) > 15
    pixels = torch.arange(8.0)[:, None, None, None].expand(8, 1, 12, 12)
    out = CutMix(whole=True)({"input": pixels, "target": torch.arange(8.0)}, keyed(8, 3))["input"]
    foreign = [(out[i, 0] != i) for i in range(8) if (out[i, 0] != i).any()]
    assert len(foreign) > 3 and all(torch.equal(foreign[0], other) for other in foreign)


def test_the_loss_of_mixed_targets_is_the_mix_of_losses():
    """Closed form: cross-entropy against a MixUp target equals λ CE(a) + (1 - λ) CE(b); several labels and values mix the same way."""
    logits = torch.randn(64, 8)
    partner, keep = draw(keyed(64), 1.0, 1.0, False, logits.device)
    out = MixUp(alpha=1.0, num_classes=8)({"input": COLOURS, "target": CLASSES}, keyed(64))
    ours = F.cross_entropy(logits, out["target"], reduction="none")
    wanted = keep * F.cross_entropy(logits, CLASSES, reduction="none") + (1 - keep) * F.cross_entropy(logits, CLASSES[partner], reduction="none")
    torch.testing.assert_close(ours, wanted, atol=1e-5, rtol=1e-5)
    labels = torch.randint(0, 2, (64, 5)).float()
    several = MixUp(alpha=1.0)({"input": COLOURS, "target": labels}, keyed(64))["target"]
    torch.testing.assert_close(several, keep[:, None] * labels + (1 - keep[:, None]) * labels[partner])


def test_mixing_is_torchvisions_for_the_same_draw():
    """Parity: MixUp with one share for the batch against torchvision's formula with its partner (the record before), and CutMix against its paste
    of the same box."""
    torchvision()
    from torchvision.transforms.v2 import CutMix as TheirCutMix
    from torchvision.transforms.v2 import MixUp as TheirMixUp

    class Before(Random):
        def permutation(self):
            return (torch.arange(len(self.key)) - 1) % len(self.key)

    x, y = torch.rand(8, 3, 16, 20), torch.arange(8)
    _, keep = draw(Before(0, 0, torch.arange(8)), 1.0, 1.0, True, x.device)
    ours = MixUp(alpha=1.0, num_classes=8, whole=True)({"input": x, "target": y}, Before(0, 0, torch.arange(8)))
    theirs = TheirMixUp(num_classes=8)
    torch.testing.assert_close(ours["input"], theirs.transform(x, {"labels": torch.zeros(1), "batch_size": 8, "lam": float(keep[0])}), atol=1e-6, rtol=0)
    torch.testing.assert_close(ours["target"], theirs._mixup_label(y, lam=float(keep[0])), atol=1e-6, rtol=0)
    cut = CutMix(num_classes=8, whole=True)({"input": x, "target": y}, Before(0, 0, torch.arange(8)))
    foreign = (cut["input"] != x).any(1)[0]
    rows, columns = foreign.any(1).nonzero()[:, 0], foreign.any(0).nonzero()[:, 0]
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    pasted = TheirCutMix(num_classes=8).transform(x, {"labels": torch.zeros(1), "batch_size": 8, "box": box, "lam_adjusted": 0.0})
    assert torch.equal(cut["input"], pasted)
    share = 1 - float(foreign.float().mean())
    torch.testing.assert_close(cut["target"], TheirCutMix(num_classes=8)._mixup_label(y, lam=share), atol=1e-6, rtol=0)


def test_the_share_is_the_area_on_a_thousand_draws():
    """Brute force: over 1,000 rectangles in wide and tall pictures CutMix's target is exactly the counted share of own pixels."""
    for size in ((9, 31), (31, 9)):
        pixels = torch.arange(500.0)[:, None, None, None].expand(500, 1, *size)
        out = CutMix(num_classes=500)({"input": pixels, "target": torch.arange(500)}, keyed(500))
        own = (out["input"] == pixels).float().mean((1, 2, 3))
        torch.testing.assert_close(out["target"][torch.arange(500), torch.arange(500)], own, atol=1e-6, rtol=0)



@pytest.mark.parametrize("lam", [0.0, 0.3, 1.0])
def test_fixed_shares_are_those_of_timms_formula(lam):
    """MixUp, closed form: timm mixes record i with the one at B - 1 - i, x lam + x' (1 - lam), and one-hot targets alike; and timm itself where
    it is installed."""
    x, target = torch.rand(6, 3, 4, 5), torch.tensor([0, 1, 2, 2, 1, 0])
    partner, keep = torch.arange(5, -1, -1), torch.full((6,), lam)
    ours = blend(x, x[partner], keep), mixed_targets({"target": target}, partner, keep, 3)["target"]
    hot = torch.eye(3)[target]
    expected = x * lam + x.flip(0) * (1 - lam), hot * lam + hot.flip(0) * (1 - lam)
    torch.testing.assert_close(ours, expected)
    if importlib.util.find_spec("timm") is not None:
        mixer = importlib.import_module("timm.data").Mixup(num_classes=3, label_smoothing=0.0)
        mixer._params_per_batch = lambda: (lam, False)
        torch.testing.assert_close(ours, mixer(x.clone(), target))


def test_mixing_is_kornias_for_the_same_draw():
    """Parity: MixUp and CutMix with one share, partner and rectangle a record against kornia's for the same ones.

    Conventions: Kornia's share is the partner's, ours the record's own; its labels stay apart (own, partner, share) and are joined here. Albumentations
    no longer mixes records.
    """
    module = kornia()
    augmentation, kind = module.augmentation, torch.tensor(module.constants.DType.FLOAT32.value)
    x, y = picture(8, 16, 20), torch.arange(8)
    partner, keep = draw(keyed(8), 1.0, 1.0, False, x.device)
    one_hot = F.one_hot(y, 8).float()

    def joined(labels):
        share = labels[:, 2:]
        return (1 - share) * one_hot[labels[:, 0].long()] + share * one_hot[labels[:, 1].long()]

    given = {"mixup_pairs": partner, "mixup_lambdas": 1 - keep, "dtype": kind}
    theirs = augmentation.RandomMixUpV2(p=1.0)
    ours = MixUp(alpha=1.0, num_classes=8)({"input": x, "target": y}, keyed(8))
    torch.testing.assert_close(ours["input"], theirs.apply_transform(x, given), atol=1e-6, rtol=0)
    torch.testing.assert_close(ours["target"], joined(theirs.apply_transform_class(y, given)), atol=1e-6, rtol=0)
    assert (ours["input"] - x).abs().flatten(1).amax(1).gt(0.01).sum() > 3

    marked = torch.arange(8.0)[:, None, None, None].expand(8, 1, 16, 20)  # shows which pixels are foreign
    foreign = CutMix()({"input": marked, "target": y.float()}, keyed(8))["input"][:, 0] != marked[:, 0]
    rows = [(i, foreign[i].any(1).nonzero()[:, 0], foreign[i].any(0).nonzero()[:, 0]) for i in range(8) if foreign[i].any()]
    at = torch.tensor([i for i, _, _ in rows])
    box = torch.tensor([[float(c[0]), float(r[0]), float(c[-1]), float(r[-1])] for _, r, c in rows])
    corners = box[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(1, -1, 4, 2)  # the last pixels count
    assert len(at) > 3
    ours = CutMix(num_classes=8)({"input": x, "target": y}, keyed(8))
    everyone = torch.zeros(1, 8, 4, 2)
    everyone[:, at] = corners
    theirs = augmentation.RandomCutMixV2(p=1.0, use_correct_lambda=False)
    given = {"mix_pairs": partner[None], "crop_src": everyone, "image_shape": torch.tensor([16, 20]), "dtype": kind}
    torch.testing.assert_close(ours["input"][at], theirs.apply_transform(x, given)[at])
    torch.testing.assert_close(ours["target"][at], joined(theirs.apply_transform_class(y, given, {})[0])[at], atol=1e-6, rtol=0)
