"""Normalising."""

from __future__ import annotations

import pytest
import torch

from weft.data import Normalize, Random

RANDOM = Random(0, 0, torch.arange(2))


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 5), (2, 3, 4, 5)])
def test_channels_are_on_axis_one(shape):
    """Closed form: Normalize is (x - mean) / std per channel, whatever follows."""
    x = torch.rand(shape)
    out = Normalize((0.1, 0.2, 0.3), (1.0, 2.0, 4.0))({"input": x}, RANDOM)["input"]
    for channel, (mean, std) in enumerate(((0.1, 1.0), (0.2, 2.0), (0.3, 4.0))):
        assert torch.allclose(out[:, channel], (x[:, channel] - mean) / std)


def test_wrong_channels_are_named():
    with pytest.raises(ValueError, match="3 channels; input has shape"):
        Normalize((0.0,) * 3, (1.0,) * 3)({"input": torch.zeros(2, 5, 3)}, RANDOM)
    for mean, std in (((0.0,), (1.0, 1.0)), ((0.0,), (0.0,)), ((), ())):
        with pytest.raises(ValueError, match="equally many"):
            Normalize(mean, std)
