"""Corruptions: worse with each severity, and JPEG as Pillow writes it."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data.transforms.peers import keyed, picture
from weft.data import Degrade
from weft.data.transforms import degrade
from weft.data.transforms.degrade import STRENGTHS, degraded


def signal(clean, noisy):
    return float(-10 * (clean - noisy).square().mean().log10())


def scene():
    x = picture(4, 48, 56)
    lines = torch.tensor([12, 13, 17, 19, 24, 25, 26, 31, 33, 38, 41])  # fine lines, which blur and blocks destroy
    x[:, :, 10:30, lines] = 1 - x[:, :, 10:30, lines]
    return x


@pytest.mark.parametrize("name", STRENGTHS)
def test_each_severity_is_worse(name):
    """Property: the ratio of signal to noise falls with every severity, pictures stay in range and shape, and repeat for the same key."""
    x = scene()
    found = [degraded(x, name, severity, keyed(4)) for severity in range(1, 6)]
    ratios = [signal(x, y) for y in found]
    assert all(a > b for a, b in zip(ratios, ratios[1:], strict=False)), ratios  # noqa: RUF007
    assert all(y.shape == x.shape and y.min() >= -1e-5 and y.max() <= 1 + 1e-5 for y in found)
    assert torch.equal(found[2], degraded(x, name, 3, keyed(4)))


@pytest.mark.parametrize("quality", [10, 50, 90])
def test_jpeg_is_pillows(quality):
    """Parity: what jpeg leaves of a picture against Pillow's file of that quality, in grey and in colour (another smoothing of colours allowed)."""
    for channels in (1, 3):
        x = (scene()[:1, :channels, :41, :50] * 255).round() / 255
        array = (x[0] * 255).round().to(torch.uint8).movedim(0, -1).numpy()
        file = io.BytesIO()
        Image.fromarray(array[..., 0] if channels == 1 else array).save(file, "JPEG", quality=quality, subsampling=2)
        theirs = torch.from_numpy(np.array(Image.open(file))).reshape(41, 50, channels).movedim(-1, 0) / 255
        ours = degrade.jpeg(x, torch.tensor([float(quality)]))[0]
        assert signal(theirs, ours) > (38 if channels == 1 else 29)
        assert abs(signal(x[0], ours) - signal(x[0], theirs)) < 1.0


def test_jpeg_has_a_quality_for_each_record_and_a_gradient():
    """Property: records of one batch are rounded by their own quality; the gradient is that of the unrounded picture."""
    x = scene()[:2].requires_grad_()
    both = degrade.jpeg(x, torch.tensor([5.0, 95.0]), halve=False)
    torch.testing.assert_close(both[1], degrade.jpeg(x[1:], torch.tensor([95.0]), halve=False)[0])
    assert signal(x[1], both[1]) > signal(x[0], both[0]) + 8
    inner = (both.detach() > 0) & (both.detach() < 1)
    (both * inner).sum().backward()
    assert x.grad.isfinite().all() and x.grad.abs().mean() > 0.5


def test_blurs_keep_the_light():
    """Closed form: motion blur of a point is a line of its length and direction, defocus a disc, both of the same total."""
    point = torch.zeros(1, 1, 31, 31)
    point[..., 15, 15] = 1
    line = degrade.motion_blur(point, 9, 0.0)[0, 0]
    assert abs(line.sum() - 1) < 1e-5 and (line[15] > 0).sum() == 9 and line[15].sum() > 0.999
    disc = degrade.defocus(point, 4.0)[0, 0]
    assert abs(disc.sum() - 1) < 1e-5 and abs((disc > 0.5 * disc.max()).sum() - 3.14159 * 16) < 8
    assert set(degrade.pixelate(scene()[:1], 0.1)[0, 0].unique(dim=0).shape) != {48}


def test_a_row_of_corruptions_and_the_clean_picture():
    """Contract: Degrade applies its row to each record at a severity of its own and keeps the clean picture under its key."""
    x = scene()[:1].expand(40, 3, 48, 56)
    batch = Degrade(["gaussian_noise", "jpeg"], (1, 5), clean="target")({"input": x}, keyed(40))
    assert torch.equal(batch["target"], x)
    ratios = torch.tensor([signal(a, b) for a, b in zip(x, batch["input"], strict=True)])
    assert ratios.std() > 2 and ratios.max() < 25
    once = Degrade(["defocus_blur"], (3,))({"input": x[:2]}, keyed(2))["input"]
    torch.testing.assert_close(once, degraded(x[:2], "defocus_blur", 3, keyed(2)))


def test_unknown_corruptions_are_named():
    with pytest.raises(ValueError, match="Did you mean 'jpeg'"):
        Degrade(["jpg"])
    for make in (lambda: Degrade(["jpeg"], (0,)), lambda: degraded(torch.zeros(1, 1, 8, 8), "jpeg", 6, keyed(1))):
        with pytest.raises(ValueError, match="1"):
            make()
    with pytest.raises(ValueError, match="Unknown corruption"):
        degraded(torch.zeros(1, 1, 8, 8), "snowfall", 1, keyed(1))
