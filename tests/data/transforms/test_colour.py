"""Colour operations against Pillow, SciPy and torchvision."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from tests.data.transforms.peers import picture, torchvision
from weft.data.transforms import colour

STRENGTHS = {
    "brightness": ([0.3, 1.0, 1.7], "adjust_brightness"),
    "contrast": ([0.2, 1.0, 1.9], "adjust_contrast"),
    "saturation": ([0.0, 0.6, 1.8], "adjust_saturation"),
    "hue": ([-0.4, 0.1, 0.5], "adjust_hue"),
    "gamma": ([0.4, 1.0, 2.2], "adjust_gamma"),
    "posterize": ([1.0, 3.0, 8.0], "posterize"),
    "solarize": ([0.0, 0.4, 1.0], "solarize"),
    "sharpness": ([0.0, 1.0, 2.5], "adjust_sharpness"),
}
PLAIN = ("invert", "autocontrast", "equalize")


def each(x, function):
    """A Pillow function applied to every picture."""
    done = [np.array(function(Image.fromarray(one.movedim(0, -1).numpy()))) for one in x]
    return torch.from_numpy(np.stack(done)).movedim(-1, 1)


@pytest.mark.parametrize("name", STRENGTHS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8])
def test_colours_are_torchvisions(name, dtype):
    """Parity: each operation with another strength a record against torchvision for that strength; floats to 1e-5, bytes to a level."""
    f = torchvision()
    values, theirs = STRENGTHS[name]
    x = picture(3, 17, 23, dtype=dtype)
    ours = getattr(colour, name)(x, torch.tensor(values))
    assert ours.dtype == dtype
    for i, value in enumerate(values):
        given = int(value) if name == "posterize" else value * 255 if name == "solarize" and dtype == torch.uint8 else value
        apart = (ours[i].float() - getattr(f, theirs)(x[i], given).float()).abs()
        assert apart.max() <= (1 if dtype == torch.uint8 else 1e-5), float(apart.max())


@pytest.mark.parametrize("name", PLAIN)
def test_the_rest_is_torchvisions(name):
    """Parity: inverting, stretching and equalising against torchvision, and a blur for its kernel."""
    f = torchvision()
    for dtype in (torch.float32, torch.uint8):
        x = picture(3, 17, 23, dtype=torch.uint8)
        x = x if dtype == torch.uint8 else x / 255
        apart = (getattr(colour, name)(x).float() - getattr(f, name)(x).float()).abs().max()
        assert apart <= (1 if dtype == torch.uint8 else 1e-6)
        blurred = colour.blur(x, torch.tensor([0.5, 1.0, 2.0]), 5)
        for i, sigma in enumerate((0.5, 1.0, 2.0)):
            assert (blurred[i].float() - f.gaussian_blur(x[i], [5, 5], [sigma, sigma]).float()).abs().max() <= (1 if dtype == torch.uint8 else 1e-6)


def test_colours_are_pillows():
    """Parity: operations on bytes against Pillow's, most to one level; equalising and posterising bit for bit."""
    x = picture(3, 20, 26, dtype=torch.uint8)
    factor = torch.full((3,), 1.4)
    for name, enhance in (("brightness", ImageEnhance.Brightness), ("contrast", ImageEnhance.Contrast), ("saturation", ImageEnhance.Color), ("sharpness", ImageEnhance.Sharpness)):
        theirs = each(x, lambda image, enhance=enhance: enhance(image).enhance(1.4))
        apart = (getattr(colour, name)(x, factor).int() - theirs.int()).abs()
        assert apart.max() <= 2 and (apart > 1).float().mean() < 0.01, name
    assert torch.equal(colour.equalize(x), each(x, ImageOps.equalize))
    assert torch.equal(colour.posterize(x, torch.full((3,), 3.0)), each(x, lambda image: ImageOps.posterize(image, 3)))
    assert torch.equal(colour.solarize(x, torch.full((3,), 128 / 255)), each(x, lambda image: ImageOps.solarize(image, 128)))
    assert torch.equal(colour.invert(x), each(x, ImageOps.invert))
    assert (colour.autocontrast(x).int() - each(x, ImageOps.autocontrast).int()).abs().max() <= 1
    assert (colour.grayscale(x)[:, 0].int() - torch.stack([torch.from_numpy(np.array(Image.fromarray(one.movedim(0, -1).numpy()).convert("L"))) for one in x]).int()).abs().max() <= 1


def test_hue_is_pythons_colour_circle():
    """Parity: the circle of hues, there and back, against colorsys for many colours."""
    x = torch.rand(1, 3, 1, 200)
    x[..., :4] = torch.tensor([[0.0, 1.0, 0.5, 0.3], [0.0, 1.0, 0.5, 0.3], [0.0, 1.0, 0.5, 0.9]])[:, None]
    hsv = colour.rgb_to_hsv(x)
    for place in range(200):
        theirs = colorsys.rgb_to_hsv(*x[0, :, 0, place].tolist())
        assert torch.allclose(hsv[0, :, 0, place], torch.tensor(theirs), atol=1e-5)
    torch.testing.assert_close(colour.hsv_to_rgb(hsv), x, atol=1e-5, rtol=0)


def test_blur_is_scipys():
    """Parity: a Gaussian blur against SciPy's with the border mirrored alike, another deviation a record."""
    ndimage = pytest.importorskip("scipy.ndimage")
    x = picture(2, 19, 24, 1)
    ours = colour.blur(x, torch.tensor([0.7, 1.9]))
    for i, sigma in enumerate((0.7, 1.9)):
        theirs = ndimage.gaussian_filter(x[i, 0].double().numpy(), sigma, mode="mirror", radius=6)
        torch.testing.assert_close(ours[i, 0], torch.from_numpy(theirs).float(), atol=1e-5, rtol=0)


def test_a_threshold_means_the_same_for_bytes_and_floats():
    """Property: posterising to 2 bits and solarising at one half of the range give the same picture before and after scaling to floats."""
    x = picture(2, 16, 16, dtype=torch.uint8)
    for name, value in (("solarize", 128 / 255), ("posterize", 2.0), ("brightness", 1.5), ("contrast", 0.5)):
        strength = torch.full((2,), value)
        apart = getattr(colour, name)(x, strength).float() / 255 - getattr(colour, name)(x / 255.0, strength)
        assert apart.abs().max() <= (0.006 if name != "posterize" else 1 / 255 + 1e-6), name
    assert colour.posterize(x, torch.full((2,), 2.0)).unique().tolist() == [0, 64, 128, 192]


def test_grey_pictures_clips_and_flat_ones():
    """Property: one channel has no hue, frames of a clip share the strength, flat pictures survive stretching and equalising."""
    flat = torch.full((2, 3, 6, 6), 0.25)
    assert torch.equal(colour.autocontrast(flat), flat) and torch.allclose(colour.equalize(flat), flat, atol=2e-3)
    one = torch.rand(2, 1, 6, 6)
    assert torch.equal(colour.hue(one, torch.tensor([0.3, 0.1])), one) and torch.equal(colour.grayscale(one), one)
    clip, strength = torch.rand(2, 4, 3, 6, 6), torch.tensor([0.5, 1.5])
    alone = torch.stack([colour.brightness(clip[:, t], strength) for t in range(4)], 1)
    assert torch.equal(colour.brightness(clip, strength), alone)
    assert colour.brightness(clip[:0], strength[:0]).shape == (0, 4, 3, 6, 6)


def test_normalised_pictures_and_odd_channels_are_refused():
    with pytest.raises(ValueError, match=r"Are they normalised\? Put colour transforms into InPixels"):
        colour.brightness(torch.randn(2, 3, 8, 8) * 2, torch.ones(2))
    with pytest.raises(ValueError, match="4 channels; lightness and hue"):
        colour.saturation(torch.rand(1, 4, 3, 3), torch.ones(1))
    with pytest.raises(ValueError, match="int64; expected floating point"):
        colour.invert(torch.zeros(1, 3, 2, 2, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"\(B, C, H, W\) or clips"):
        colour.frames(torch.zeros(3, 2, 2))
