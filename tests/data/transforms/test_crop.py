"""Random crops."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from weft.data import Random, RandomCrop


@pytest.mark.parametrize("mode", ["constant", "reflect"])
def test_every_result_is_a_window_of_the_padded_picture(mode):
    """Brute force: RandomCrop against slicing at all 25 offsets, each of which occurs."""
    x = torch.rand(400, 2, 5, 6)
    out = RandomCrop(padding=2, mode=mode)({"input": x}, Random(0, 0, torch.arange(400)))["input"]
    padded = F.pad(x, (2, 2, 2, 2), mode=mode)
    seen = set()
    for i in range(400):
        fits = [(r, c) for r in range(5) for c in range(5) if torch.equal(out[i], padded[i, :, r : r + 5, c : c + 6])]
        assert len(fits) == 1
        seen.update(fits)
    assert len(seen) == 25


def test_fill_and_shared_offsets():
    x = torch.ones(30, 1, 4, 4)
    out = RandomCrop(padding=1, fill=-3.0, keys=("input", "target"))({"input": x, "target": x * 2}, Random(0, 0, torch.arange(30)))
    assert set(out["input"].unique().tolist()) == {-3.0, 1.0}
    assert torch.equal(out["input"] == 1, out["target"] == 2)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="at least 1 pixel"):
        RandomCrop(padding=0)
    with pytest.raises(ValueError, match="'constant' or 'reflect'"):
        RandomCrop(mode="wrap")
