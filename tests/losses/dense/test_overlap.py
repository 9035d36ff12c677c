"""Overlap losses against segmentation-models-pytorch, kornia and counted sets."""

from __future__ import annotations

import itertools

import pytest
import torch

from tests.references import reference
from weft.losses import Loss, Regions, dice, focal_tversky, generalised_dice, jaccard, tversky

WHOLE = Regions(absent="zero", per_batch=True)


def pictures(seed=0):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(3, 4, 6, 5, generator=g), torch.randint(0, 3, (3, 6, 5), generator=g)  # class 3 is absent


@pytest.mark.parametrize("smooth", [0.0, 1.0])
def test_equal_segmentation_models_multiclass(smooth):
    """Parity: dice, jaccard and tversky, softmax over classes, one of which is absent, counted over the batch as there
    (whose smoothing of Dice is half of the usual one: it stands beside sums that are halved)."""
    peers = reference("segmentation_models_pytorch").losses
    logits, target = pictures()
    for ours, theirs in (
        (dice(logits, target, smooth=2 * smooth, regions=WHOLE), peers.DiceLoss("multiclass", smooth=smooth)),
        (jaccard(logits, target, smooth=smooth, regions=WHOLE), peers.JaccardLoss("multiclass", smooth=smooth)),
        (tversky(logits, target, false_positives=0.2, false_negatives=0.6, smooth=smooth, regions=WHOLE), peers.TverskyLoss("multiclass", smooth=smooth, alpha=0.2, beta=0.6)),
    ):
        torch.testing.assert_close(ours.mean(), theirs(logits, target))
        assert ours.shape == (3,)


@pytest.mark.parametrize("form", ["multilabel", "binary"])
def test_equal_segmentation_models_of_yes_and_no(form):
    """Parity: dice, jaccard and tversky of several labels and of one, with a mask for what is to be ignored (dice)."""
    peers = reference("segmentation_models_pytorch").losses
    shape = (3, 4, 6, 5) if form == "multilabel" else (3, 6, 5)
    logits, target = torch.randn(shape), (torch.rand(shape) > 0.6).float()
    view = logits if form == "multilabel" else logits.unsqueeze(1)
    regions = Regions(form, absent="zero", per_batch=True)
    torch.testing.assert_close(dice(logits, target, regions=regions).mean(), peers.DiceLoss(form)(view, target))
    torch.testing.assert_close(jaccard(logits, target, regions=regions).mean(), peers.JaccardLoss(form)(view, target))
    ours = tversky(logits, target, false_positives=0.3, false_negatives=0.7, regions=regions)
    torch.testing.assert_close(ours.mean(), peers.TverskyLoss(form, alpha=0.3, beta=0.7)(view, target))


def test_ignored_pixels_equal_segmentation_models():
    """Parity: dice with a mask against its ignore_index."""
    peers = reference("segmentation_models_pytorch").losses
    logits, target = pictures()
    marked = target.clone()
    marked[:, :2] = 255
    ours = dice(logits, target, mask=marked != 255, regions=WHOLE)
    torch.testing.assert_close(ours.mean(), peers.DiceLoss("multiclass", ignore_index=255)(logits, marked))


def test_dice_of_each_picture_equals_kornia():
    """Parity: dice of each picture against kornia's macro average, absent classes left out."""
    peers = pytest.importorskip("kornia.losses")
    logits, target = pictures()
    theirs = torch.stack([peers.dice_loss(logits[i : i + 1], target[i : i + 1], average="macro", eps=0.0) for i in range(3)])
    torch.testing.assert_close(dice(logits, target), theirs)


def test_hard_masks_give_the_overlap_of_sets():
    """Brute force: dice, jaccard and tversky of every pair of sets of three pixels, counted with Python's sets."""
    for a, b in itertools.product(itertools.product([0, 1], repeat=3), repeat=2):
        if not any(b):
            continue
        guess, true = ({i for i, v in enumerate(x) if v} for x in (a, b))
        logits, target = 200.0 * (torch.tensor([a]) - 0.5), torch.tensor([b])
        assert dice(logits, target).item() == pytest.approx(1 - 2 * len(guess & true) / (len(guess) + len(true)), abs=1e-6)
        assert dice(logits, target, squared=True).item() == pytest.approx(dice(logits, target).item(), abs=1e-6)
        assert jaccard(logits, target).item() == pytest.approx(1 - len(guess & true) / len(guess | true), abs=1e-6)
        index = len(guess & true) / (len(guess & true) + 0.3 * len(guess - true) + 0.7 * len(true - guess))
        assert tversky(logits, target).item() == pytest.approx(1 - index, abs=1e-6)
        assert focal_tversky(logits, target).item() == pytest.approx((1 - index) ** 0.75, abs=1e-5)


def test_they_are_one_family():
    """Closed form: tversky at 1/2, 1/2 is dice, at 1, 1 jaccard; squared dice by its formula; generalised_dice by its weights."""
    logits, target = pictures()
    torch.testing.assert_close(tversky(logits, target, false_positives=0.5, false_negatives=0.5), dice(logits, target))
    torch.testing.assert_close(tversky(logits, target, false_positives=1.0, false_negatives=1.0), jaccard(logits, target))
    torch.testing.assert_close(focal_tversky(logits, target, power=1.0), tversky(logits, target))
    p, y = logits.softmax(1).flatten(2), torch.nn.functional.one_hot(target, 4).movedim(-1, 1).flatten(2).float()
    squared = 1 - 2 * (p * y).sum(2) / (p**2 + y**2).sum(2)
    torch.testing.assert_close(dice(logits, target, squared=True), squared[:, :3].mean(1))
    w = 1 / y.sum(2)[:, :3] ** 2
    found = 1 - 2 * (w * (p * y).sum(2)[:, :3]).sum(1) / (w * (p + y).sum(2)[:, :3]).sum(1)
    torch.testing.assert_close(generalised_dice(logits, target), found)
    weight = torch.tensor([1.0, 2.0, 5.0, 7.0])
    each = 1 - 2 * (p * y).sum(2) / (p + y).sum(2)
    torch.testing.assert_close(dice(logits, target, weight=weight), (each[:, :3] * weight[:3]).sum(1) / 8)


def test_absent_regions_have_a_gradient_only_where_they_count():
    """Property: an empty target costs 0 without a gradient for dice by default; counted with smoothing it pushes the region away."""
    logits, nothing = torch.zeros(1, 4, requires_grad=True), torch.zeros(1, 4)
    dice(logits, nothing).sum().backward()
    assert not logits.grad.any()
    loss = dice(logits, nothing, smooth=1.0, regions=Regions(absent="count"))
    loss.sum().backward()
    assert loss.item() > 0.5 and (logits.grad > 0).all()


def test_over_the_batch_items_see_each_other():
    """Property: per batch, dice is that of one large picture, the same number for each item."""
    logits, target = pictures()
    joined = dice(logits.movedim(0, 1).flatten(1).unsqueeze(0).unflatten(2, (-1, 1)), target.flatten().view(1, -1, 1))
    found = dice(logits, target, regions=Regions(per_batch=True))
    torch.testing.assert_close(found, joined.expand(3))
    assert Loss.mean(found).coupled().couples
    torch.testing.assert_close(generalised_dice(logits, target, regions=Regions(per_batch=True))[0], generalised_dice(logits.movedim(0, 1).flatten(1)[None], target.flatten()[None])[0])
    with pytest.raises(ValueError, match="power > 0"):
        focal_tversky(logits, target, power=0.0)
