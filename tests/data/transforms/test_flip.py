"""Flips."""

from __future__ import annotations

import pytest
import torch

from tests.data.transforms.peers import kornia, picture
from weft.data import Random, RandomFlip

INDEX = torch.arange(2000)


def test_about_half_are_mirrored_and_the_rest_untouched():
    """Property: RandomFlip gives the record or its mirror image, at the given rate."""
    x = torch.rand(2000, 1, 2, 3)
    for axis in (-1, -2):
        out = RandomFlip(axis=axis)({"input": x}, Random(0, 0, INDEX))["input"]
        kept, flipped = (out == x).flatten(1).all(1), (out == x.flip(axis)).flatten(1).all(1)
        assert (kept ^ flipped).all() and abs(flipped.float().mean() - 0.5) < 0.05


def test_never_always_and_twice():
    x = torch.rand(5, 1, 4, 4)
    random = Random(0, 0, torch.arange(5))
    assert torch.equal(RandomFlip(0.0)({"input": x}, random)["input"], x)
    always = RandomFlip(1.0)
    assert torch.equal(always(always({"input": x}, random), random)["input"], x)


def test_a_mask_moves_with_its_picture():
    x = torch.rand(50, 1, 4, 4)
    out = RandomFlip(keys=("input", "target"))({"input": x, "target": x[:, 0]}, Random(0, 0, torch.arange(50)))
    assert torch.equal(out["input"][:, 0], out["target"])


def test_a_wrong_probability_is_named():
    with pytest.raises(ValueError, match="from 0 to 1"):
        RandomFlip(1.5)


@pytest.mark.parametrize("axis", [-1, -2, 3, 2])
@pytest.mark.parametrize("colours_last", [False, True])
def test_large_records_are_flipped_as_small_ones(axis, colours_last):
    """Property: record by record or all at once, the values and their layout are those of ``where``; the input stays."""
    x = torch.randint(0, 256, (6, 3, 40, 50), dtype=torch.uint8)
    x = x.to(memory_format=torch.channels_last) if colours_last else x
    before, random = x.clone(), Random(0, 0, torch.arange(6))
    out = RandomFlip(axis=axis)({"input": x}, random)["input"]
    flags = Random(0, 0, torch.arange(6)).chance(0.5)
    assert 0 < flags.sum() < 6 and torch.equal(out, torch.where(flags[:, None, None, None], x.flip(axis), x))
    assert out.stride() == x.stride() and torch.equal(x, before)


def test_mirrors_are_kornias():
    """Parity: RandomFlip along either axis against kornia's flips, bit for bit (Albumentations' stand in test_targets, with boxes and points)."""
    transform = kornia().geometry.transform
    for axis, theirs in ((-1, transform.hflip), (-2, transform.vflip)):
        for x in (picture(3, 17, 23), picture(3, 60, 70)):
            assert torch.equal(RandomFlip(1.0, axis=axis)({"input": x}, Random(0, 0, torch.arange(3)))["input"], theirs(x))
