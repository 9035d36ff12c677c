"""Noise and erasing."""

from __future__ import annotations

import pytest
import torch

from tests.data.transforms.peers import albumentations, each, keyed, kornia, picture, torchvision
from weft.data import Cutout, Noise, PoissonNoise, Random, RandomErasing, SaltPepper, Speckle

INDEX = torch.arange(500)


def test_noise_has_the_stated_deviation():
    """Property: Noise is centred, of deviation std, and new in each epoch."""
    x = torch.ones(500, 3, 4)
    first = Noise(std=0.3)({"input": x}, Random(0, 0, INDEX))["input"] - x
    assert abs(first.mean()) < 0.015 and abs(first.std() - 0.3) < 0.01
    assert not torch.equal(first, Noise(std=0.3)({"input": x}, Random(0, 1, INDEX))["input"] - x)


def test_erased_areas_are_rectangles_within_bounds():
    """Property: RandomErasing empties one rectangle of at most the stated area, at the stated rate, and nothing else."""
    x = torch.rand(500, 2, 20, 20) + 1
    out = RandomErasing(probability=0.5, area=(0.1, 0.2))({"input": x}, Random(0, 0, INDEX))["input"]
    gone = (out == 0).all(1)
    assert torch.equal(out[:, 0] == 0, gone) and torch.equal(torch.where(gone[:, None], x, out), x)
    share = gone.float().mean((1, 2))
    assert abs((share > 0).float().mean() - 0.5) < 0.08 and share.max() < 0.25
    for erased in gone[share > 0]:
        assert torch.equal(erased, erased.any(1)[:, None] & erased.any(0)[None, :])


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="positive"):
        Noise(std=0.0)
    for make, words in ((lambda: SaltPepper(1.5), "from 0 to 1"), (lambda: PoissonNoise(0), "up to 500"), (lambda: Cutout(0), "at least 1"), (lambda: RandomErasing(fill="noise"), "'mean' or 'random'"), (lambda: Speckle(-1.0), "positive")):
        with pytest.raises(ValueError, match=words):
            make()
    with pytest.raises(ValueError, match="goes down to -1"):
        PoissonNoise()({"input": torch.full((2, 3), -1.0)}, keyed(2))
    with pytest.raises(ValueError, match="int64"):
        Noise()({"input": torch.zeros(2, dtype=torch.int64)}, Random(0, 0, INDEX[:2]))
    for wrong in ({"probability": 2.0}, {"area": (0.5, 0.2)}, {"area": (0.0, 0.2)}):
        with pytest.raises(ValueError, match="shares from 0 to 1"):
            RandomErasing(**wrong)


@pytest.mark.parametrize("level", [0.0, 0.1, 0.6, 1.0])
def test_kinds_of_noise_have_their_mean_and_variance(level):
    """Closed form: PoissonNoise has mean x and variance x / photons and is exactly the Poisson law; Speckle has deviation std x."""
    stats = pytest.importorskip("scipy.stats")
    x = torch.full((500, 80), level)
    poisson = PoissonNoise(photons=20)({"input": x}, Random(0, 0, INDEX))["input"]
    assert abs(poisson.mean() - level) < 0.004 and abs(poisson.var() - level / 20) < 0.002
    counts = torch.bincount((poisson * 20).round().long().flatten(), minlength=60)[:60] / 40000
    assert (counts - torch.from_numpy(stats.poisson.pmf(range(60), level * 20)).float()).abs().max() < 0.009
    speckle = Speckle(0.3)({"input": x}, Random(0, 0, INDEX))["input"]
    assert abs(speckle.mean() - level) < 0.01 and abs(speckle.std() - 0.3 * level) < 0.005


def test_salt_and_pepper_strike_whole_pixels():
    """Property: SaltPepper hits the stated share of the pixels, half of them white, all channels of a pixel alike, and leaves the others."""
    x = torch.rand(500, 3, 8, 8) * 0.8 + 0.1
    out = SaltPepper(0.2)({"input": x}, Random(0, 0, INDEX))["input"]
    hit = (out != x).any(1)
    assert abs(hit.float().mean() - 0.2) < 0.01
    struck = out.movedim(1, -1)[hit]
    assert set(struck.unique().tolist()) == {0.0, 1.0} and (struck == struck[:, :1]).all() and abs(struck.mean() - 0.5) < 0.02


def test_erased_rectangles_keep_ratio_and_fill():
    """Property: RandomErasing's rectangles have height / width in ratio and area in bounds; the fill is a number, the picture's mean, or noise; all
    frames of a clip lose the same place."""
    x = torch.rand(500, 2, 40, 50) + 1
    gone = RandomErasing(1.0, (0.05, 0.2), 0.0, (0.5, 3.0))({"input": x}, Random(0, 0, INDEX))["input"][:, 0] == 0
    height, width = gone.any(2).sum(1).float(), gone.any(1).sum(1).float()
    assert (height / width).min() > 0.45 and (height / width).max() < 3.3 and abs((height / width).log().mean() - 0.2) < 0.1
    assert (height * width / 2000).min() > 0.045 and (height * width / 2000).max() < 0.215
    mean = RandomErasing(1.0, fill="mean")({"input": x}, Random(0, 0, INDEX))["input"]
    changed = mean != x
    torch.testing.assert_close(mean[changed], x.mean((2, 3), keepdim=True).expand_as(x)[changed])
    noise = RandomErasing(1.0, fill="random")({"input": x}, Random(0, 0, INDEX))["input"]
    assert torch.equal(noise != x, changed) and abs(noise[changed].mean()) < 0.01 and abs(noise[changed].std() - 1) < 0.01
    clip = RandomErasing(1.0)({"input": x[:5, None].expand(5, 3, 2, 40, 50)}, keyed(5))["input"]
    assert torch.equal(clip[:, 0] == 0, clip[:, 2] == 0)


def test_erasing_is_torchvisions_for_the_same_box():
    """Parity: the picture with the rectangle that RandomErasing drew against torchvision's erase of that rectangle."""
    f = torchvision()
    x = torch.rand(6, 3, 20, 24) + 0.1
    out = RandomErasing(1.0)({"input": x}, keyed(6))["input"]
    for i in range(6):
        gone = out[i, 0] == 0
        rows, columns = gone.any(1).nonzero()[:, 0], gone.any(0).nonzero()[:, 0]
        assert torch.equal(out[i], f.erase(x[i], int(rows[0]), int(columns[0]), len(rows), len(columns), torch.zeros(1)))


def test_holes_are_cut_off_at_the_border():
    """Property: Cutout removes squares of the stated length, smaller only at the border, anywhere in the picture; two holes at most twice as much."""
    x = torch.ones(500, 1, 20, 20)
    gone = Cutout(6)({"input": x}, Random(0, 0, INDEX))["input"][:, 0] == 0
    height, width = gone.any(2).sum(1), gone.any(1).sum(1)
    assert height.max() == width.max() == 6 and height.min() == 3 and torch.equal(gone.sum((1, 2)), height * width)
    assert gone.any(0).all()
    two = (Cutout(6, holes=2)({"input": x}, Random(0, 0, INDEX))["input"] == 0).sum((1, 2, 3))
    assert 36 < two.max() <= 72


def holes(x, transform):
    """Pictures without zeros after a transform that erases, and the box (x1, y1, x2, y2) that became 0 in each."""
    out = transform({"input": x}, keyed(len(x)))["input"]
    boxes = []
    for one in out:
        rows, columns = (one[0] == 0).any(1).nonzero()[:, 0], (one[0] == 0).any(0).nonzero()[:, 0]
        boxes.append([int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1])
    return out, torch.tensor(boxes)


@pytest.mark.parametrize("transform", [RandomErasing(1.0), Cutout(9)], ids=["RandomErasing", "Cutout"])
def test_erased_boxes_are_kornias(transform):
    """Parity: RandomErasing and Cutout against kornia's RandomErasing of the same boxes, bit for bit."""
    augmentation = kornia().augmentation
    x = picture(6, 24, 33) + 1
    out, boxes = holes(x, transform)
    assert len(boxes.unique(dim=0)) > 3
    places = {"xs": boxes[:, 0], "ys": boxes[:, 1], "widths": boxes[:, 2] - boxes[:, 0], "heights": boxes[:, 3] - boxes[:, 1], "values": torch.zeros(6)}
    theirs = augmentation.RandomErasing(p=1.0).apply_transform(x, {name: value.float() for name, value in places.items()}, {}, None)
    assert torch.equal(out, theirs)


@pytest.mark.parametrize("transform", [RandomErasing(1.0), Cutout(9)], ids=["RandomErasing", "Cutout"])
def test_erased_boxes_are_albumentationss(transform):
    """Parity: RandomErasing and Cutout against Albumentations' Erasing and CoarseDropout of the same boxes, bit for bit."""
    A = albumentations()
    x = picture(6, 24, 33) + 1
    out, boxes = holes(x, transform)
    theirs = A.Erasing(p=1) if isinstance(transform, RandomErasing) else A.CoarseDropout(p=1)
    for mine, one, box in zip(out, x, boxes, strict=True):
        assert torch.equal(mine[None], each(one[None], lambda image, box=box: theirs.apply(image, holes=box[None].numpy(), seed=0)))
