"""One choice for training and evaluation."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from tests.data.transforms.peers import keyed
from weft.data import (
    CenterCrop,
    CutMix,
    ImageCodec,
    Loader,
    MixUp,
    Normalize,
    RandomCrop,
    RandomFlip,
    RandomTone,
    channel_statistics,
    cifar10,
    contradictions,
    mnist_10k,
    preset,
)
from weft.data.transforms.presets import SIZES


def pictures(count=6):
    g = np.random.default_rng(0)
    return [{"image": g.integers(0, 256, (40 + n, 50, 3), dtype=np.uint8), "label": "ab"[n % 2], "boxes": [[5, 5, 40, 30]], "labels": ["a"]} for n in range(count)]


@pytest.mark.parametrize("name", SIZES)
def test_evaluation_is_still_and_training_is_not(name):
    """Contract: every preset's codec gives the same tensors always, of the shape and scale that its training batches have, and training batches
    change with the epoch and not with the workers."""
    made = preset(name, 32, classes=("a", "b"))
    source = [record if name == "detection" else {key: record[key] for key in ("image", "label")} for record in pictures()]
    still = [list(Loader(source, made.codec, 6))[0]["input"] for _ in range(2)]
    assert torch.equal(*still)
    if name == "segmentation":
        batch = {"input": still[0], "target": (still[0][:, 0] > 0).long()}
        moved = batch
        random = keyed(6)
        for transform in made.transforms:
            moved = transform(moved, random)
        assert moved["target"].dtype == torch.int64 and moved["input"].shape == still[0].shape and not torch.equal(moved["target"], batch["target"])
        return
    runs = []
    for workers in (0, 1):
        loader = Loader(source, made.codec, 6, transforms=made.transforms, workers=workers)
        runs.append([next(iter(loader)) for _ in range(1)][0])
    assert torch.equal(runs[0]["input"], runs[1]["input"]) and runs[0]["input"].shape == still[0].shape
    loader.set_epoch(1)
    assert torch.equal(next(iter(loader))["input"], runs[0]["input"]) == (not made.transforms)  # pixels in [-1, 1] are all of one preset
    assert abs(runs[0]["input"].mean() - still[0].mean()) < 1.0


def test_the_usual_steps_of_known_data():
    """Closed form: the steps, sizes and numbers of MNIST, CIFAR, ImageNet and of pixels in [-1, 1]."""
    names = {name: [type(transform).__name__ for transform in preset(name).transforms] for name in SIZES}
    assert names["cifar"] == ["RandomCrop", "RandomFlip"] and names["imagenet"] == ["RawResizedCrop", "RandomFlip"] and names["mnist"] == ["RandomAffine"]
    assert preset("imagenet").codec.size == (224, 224) and preset("imagenet").codec.mean == (0.485, 0.456, 0.406)
    gan = torch.stack([preset("gan", 8).codec.encode({"image": np.full((8, 8), level, np.uint8)})["input"] for level in (0, 255)])
    assert gan[0].unique().tolist() == [-1] and gan[1].unique().tolist() == [1]
    black = preset("mnist").codec.encode({"image": np.zeros((28, 28), np.uint8)})["input"]
    moved = preset("mnist").transforms[0]({"input": black[None]}, keyed(1))["input"]
    torch.testing.assert_close(moved, black[None], msg="what comes in from outside is black, too")


def test_contradictions_are_seen():
    """Property: crops after the middle, colours after normalising, moving after mixing and mixing twice are named; a good row is not."""
    assert contradictions(preset("cifar").transforms) == []
    assert "sees only the middle" in contradictions([CenterCrop(8), RandomCrop()])[0]
    found = contradictions([Normalize((0.5,), (0.5,)), RandomTone("gamma")])
    assert "needs pixels in [0, 1]" in found[0] and "evaluation" in found[1]
    assert "mix last" in contradictions([MixUp(), RandomFlip()])[0] and "choose one" in contradictions([MixUp(), CutMix()])[0]


def test_an_unknown_preset_is_named():
    with pytest.raises(ValueError, match="Did you mean 'cifar'"):
        preset("cifar10")


@pytest.mark.skipif(not os.environ.get("WEFT_MIRROR"), reason="WEFT_MIRROR is not set")
def test_the_numbers_of_a_preset_are_those_of_its_data():
    """Closed form: MNIST's mean and deviation, taken again over all pixels of its test part, agree with the preset's."""
    pixels = mnist_10k().columns["image"][:, None].float() / 255
    found = channel_statistics({"input": part} for part in pixels.split(500))
    codec = preset("mnist").codec
    assert abs(found.mean.item() - codec.mean[0]) < 0.005 and abs(found.std.item() - codec.std[0]) < 0.005


def test_digits_in_minus_one_to_one():
    """preset, closed form: black is -1, white is 1, of one channel, and nothing is changed at random."""
    made = preset("mnist_symmetric", classes=("a", "b"))
    digit = np.zeros((28, 28), dtype=np.uint8)
    digit[:, 14:] = 255
    pixels = made.codec.encode({"image": digit})["input"]
    assert pixels.shape == (1, 28, 28) and pixels.min() == -1 and pixels.max() == 1 and made.transforms == ()


def test_statistics_taken_anew_agree():
    """preset, brute force: over CIFAR's stand-in, statistics by batches, those a codec learns, and NumPy's over all pixels at once agree."""
    source = cifar10("train", stand_in=True)
    pixels = source.columns["image"].permute(0, 2, 3, 1).reshape(-1, 3).double().numpy() / 255
    found = channel_statistics(Loader(source, ImageCodec(32, 3, (0, 0, 0), (1, 1, 1)), 64))
    assert found.mean.tolist() == pytest.approx(pixels.mean(0), abs=1e-6) and found.std.tolist() == pytest.approx(pixels.std(0), abs=1e-6)
    learned = ImageCodec(32).fit(source)
    assert learned.mean == pytest.approx(pixels.mean(0), abs=1e-3) and learned.std == pytest.approx(pixels.std(0), abs=1e-3)
