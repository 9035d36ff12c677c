"""Random affine maps."""

from __future__ import annotations

import pytest
import torch

from weft.data import Random, RandomAffine


class Fixed(Random):
    """Every draw is the same number."""

    def __init__(self, value, count):
        super().__init__(0, 0, torch.arange(count))
        self.value = value

    def uniform(self, *shape):
        return torch.tensor(self.value).expand(len(self.key), *shape)


def test_a_quarter_turn_and_a_shift_by_whole_pixels():
    """RandomAffine, closed form: 90 degrees is torch.rot90, also in a picture that is not square; a shift of two pixels of eight moves by two."""
    x = torch.rand(3, 2, 8, 8)
    turned = RandomAffine(degrees=90, scale=0, shear=0, shift=0)({"input": x}, Fixed(1.0, 3))["input"]
    assert any(torch.allclose(turned, torch.rot90(x, k, (2, 3)), atol=1e-5) for k in (1, 3))
    wide = torch.zeros(1, 1, 5, 9)
    wide[0, 0, 2, 4:7] = 1.0  # three pixels to the right of the centre become three above or below
    upright = RandomAffine(degrees=90, scale=0, shear=0, shift=0)({"input": wide}, Fixed(1.0, 1))["input"]
    column = upright[0, 0, :, 4]
    assert torch.allclose(column, torch.tensor([0.0, 0.0, 1.0, 1.0, 1.0]), atol=1e-5) or torch.allclose(column, torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0]), atol=1e-5)
    moved = RandomAffine(degrees=0, scale=0, shear=0, shift=0.25)({"input": x}, Fixed(1.0, 3))["input"]
    torch.testing.assert_close(moved[:, :, :-2, :-2], x[:, :, 2:, 2:], rtol=1e-4, atol=1e-5)
    assert moved[:, :, -2:].abs().max() < 1e-5


def test_records_move_differently_and_keys_together():
    """RandomAffine, property: keyed by the record, so a batch's order and company do not matter; picture and mask move alike."""
    x = torch.rand(1, 1, 8, 8).expand(6, 1, 8, 8)
    transform = RandomAffine(keys=("input", "target"))
    out = transform({"input": x, "target": 2 * x}, Random(0, 0, torch.arange(6)))
    assert len({float(picture.sum()) for picture in out["input"]}) == 6
    torch.testing.assert_close(out["target"], 2 * out["input"])
    alone = transform({"input": x[:1], "target": x[:1]}, Random(0, 0, torch.tensor([4])))
    torch.testing.assert_close(alone["input"][0], out["input"][4])
    assert len(transform({"input": x[:0]}, Random(0, 0, torch.arange(0)))["input"]) == 0


def test_impossible_ranges_are_refused():
    with pytest.raises(ValueError, match="scale below 1"):
        RandomAffine(scale=1.0)
