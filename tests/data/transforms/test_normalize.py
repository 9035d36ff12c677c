"""Normalising."""

from __future__ import annotations

import pytest
import torch

from tests.data.transforms.peers import keyed, torchvision
from weft.data import Normalize, Random, channel_statistics
from weft.data.transforms.normalize import moments

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


def test_the_way_back_and_other_axes():
    """Closed form: Normalize and its inverse restore the input; (3, 3, 3) is not confused: channels are where the axis says."""
    normal = Normalize((0.1, 0.2, 0.3), (0.5, 2.0, 4.0))
    x = torch.rand(2, 3, 4, 5)
    torch.testing.assert_close(normal.inverse()(normal({"input": x}, RANDOM), RANDOM)["input"], x)
    last = Normalize(normal.mean, normal.std, axis=-1)({"input": x.movedim(1, -1)}, RANDOM)["input"]
    torch.testing.assert_close(last.movedim(-1, 1), normal({"input": x}, RANDOM)["input"])
    square = torch.rand(1, 3, 3, 3)
    assert not torch.allclose(normal({"input": square}, keyed(1))["input"], Normalize(normal.mean, normal.std, axis=-1)({"input": square}, keyed(1))["input"])
    with pytest.raises(ValueError, match="axis 0"):
        Normalize((0.0,) * 2, (1.0,) * 2, axis=0)({"input": x}, RANDOM)


def test_normalising_is_torchvisions():
    """Parity: Normalize with ImageNet's numbers."""
    f = torchvision()
    x, mean, std = torch.rand(2, 3, 8, 8), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    torch.testing.assert_close(Normalize(mean, std)({"input": x}, RANDOM)["input"], f.normalize(x, list(mean), list(std)))


def test_statistics_are_those_of_everything_together():
    """Parity: channel_statistics over batches of odd sizes in any order, and joined from two parts, against all numbers at once in float64."""
    x = torch.rand(23, 4, 5, 6) * torch.tensor([1.0, 10.0, 0.1, 3.0])[:, None, None] + 1000
    batches = [{"input": part} for part in x.split([1, 7, 5, 10])]
    whole = x.double().movedim(1, 0).flatten(1)
    for found in (channel_statistics(batches), channel_statistics(batches[::-1]), channel_statistics(batches[:1]) + channel_statistics(batches[1:])):
        torch.testing.assert_close(found.mean, whole.mean(1), rtol=1e-12, atol=0)
        torch.testing.assert_close(found.std, whole.std(1, correction=0), rtol=1e-9, atol=0)
    assert [round(float(s), 6) for s in channel_statistics([{"input": torch.zeros(1, 1, 2)}, {"input": torch.ones(1, 1, 2)}]).std] == [0.5]
    with pytest.raises(ValueError, match="no batches"):
        channel_statistics([])


def test_masked_numbers_do_not_count():
    """Closed form: statistics of masked series are those of what the mask keeps."""
    x = torch.tensor([[[1.0, 2.0, 99.0]], [[3.0, 99.0, 99.0]]])
    mask = torch.tensor([[[True, True, False]], [[True, False, False]]])
    found = moments(x, mask)
    assert found.mean.item() == 2 and found.count.item() == 3
    assert channel_statistics([{"input": x, "mask": mask}], mask="mask").mean.item() == 2

