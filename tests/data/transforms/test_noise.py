"""Noise and erasing."""

from __future__ import annotations

import pytest
import torch

from weft.data import Noise, Random, RandomErasing

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
    with pytest.raises(ValueError, match="int64"):
        Noise()({"input": torch.zeros(2, dtype=torch.int64)}, Random(0, 0, INDEX[:2]))
    for wrong in ({"probability": 2.0}, {"area": (0.5, 0.2)}, {"area": (0.0, 0.2)}):
        with pytest.raises(ValueError, match="shares from 0 to 1"):
            RandomErasing(**wrong)
