"""Colour operations against Pillow, SciPy and torchvision."""

from __future__ import annotations

import colorsys
import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from tests.data.transforms.peers import albumentations, kornia, picture, torchvision
from tests.data.transforms.peers import each as each_array
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


@pytest.mark.parametrize(("name", "value", "theirs"), [
    ("brightness", 1.7, "adjust_brightness_accumulative"), ("brightness", 0.4, "adjust_contrast"),
    ("contrast", 1.7, "adjust_contrast_with_mean_subtraction"), ("contrast", 0.4, "adjust_contrast_with_mean_subtraction"),
    ("saturation", 1.7, "adjust_saturation_with_gray_subtraction"), ("saturation", 0.4, "adjust_saturation_with_gray_subtraction"),
    ("gamma", 1.7, "adjust_gamma"), ("gamma", 0.4, "adjust_gamma"), ("sharpness", 1.7, "sharpness"), ("sharpness", 0.4, "sharpness"),
    ("hue", -0.4, "adjust_hue"), ("hue", 0.1, "adjust_hue"), ("solarize", 0.4, "solarize"),
])  # fmt: skip
def test_colours_are_kornias(name, value, theirs):
    """Parity: each operation against kornia's of the same formula, to 1e-6, or 1e-4 where lightness is taken, whose weights Kornia writes with three digits.

    Conventions: factors as in Pillow and torchvision. Kornia's plain adjust_brightness adds, its adjust_contrast multiplies, its adjust_saturation
    works in HSV; the functions named here are its own versions of Pillow's. Its hue is in radians, ours in turns.
    """
    enhance = kornia().enhance
    x = picture(3, 17, 23)
    ours = getattr(colour, name)(x, torch.full((3,), value))
    given = 2 * math.pi * value if name == "hue" else value
    apart = (ours - getattr(enhance, theirs)(x, given)).abs().max()
    assert apart <= (1e-4 if name in ("contrast", "saturation") else 2e-6)
    assert (ours - x).abs().max() > 0.02, "the operation does something"


def test_levels_greys_and_blurs_are_kornias():
    """Parity: posterising and equalising levels of bytes, inverting, hues and lightness, and a blur of each record by its own deviation, against kornia.

    Floats between two levels differ on purpose: Kornia cuts them down to bytes first; weft posterises [0, 1] itself, as torchvision does, and rounds
    to bytes before equalising.
    """
    module = kornia()
    x, levels = picture(3, 17, 23), picture(3, 17, 23, dtype=torch.uint8)
    for bits in (1, 3, 5):
        theirs = (module.enhance.posterize(levels / 255, bits) * 255).round()
        assert torch.equal(colour.posterize(levels, torch.full((3,), float(bits))).float(), theirs)
    many = picture(3, 64, 80, dtype=torch.uint8)  # enough pixels that a level's share is more than one
    assert torch.equal(colour.equalize(many).float(), (module.enhance.equalize(many / 255) * 255).round())
    torch.testing.assert_close(colour.invert(x), module.enhance.invert(x), atol=1e-6, rtol=0)
    torch.testing.assert_close(colour.grayscale(x)[:, :1], module.color.rgb_to_grayscale(x), atol=2e-4, rtol=0)
    turns = torch.tensor([2 * math.pi, 1, 1])[:, None, None]
    torch.testing.assert_close(colour.rgb_to_hsv(x) * turns, module.color.rgb_to_hsv(x), atol=1e-5, rtol=0)
    sigma = torch.tensor([0.5, 1.0, 2.0])
    theirs = module.filters.gaussian_blur2d(x, (5, 5), sigma[:, None].expand(3, 2))
    torch.testing.assert_close(colour.blur(x, sigma, 5), theirs, atol=1e-6, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8])
def test_colours_are_albumentationss(dtype):
    """Parity: colours against Albumentations by forced ranges, floats to 2e-4; bytes to one level, hues to four, for OpenCV keeps hues of bytes in 180 steps.

    Left out on purpose: its equalising of bytes is not Pillow's, which weft follows bit for bit, and its posterising of floats goes through bytes.
    """
    A = albumentations()
    x = picture(3, 17, 23, dtype=dtype)

    def jitter(brightness=1.0, contrast=1.0, saturation=1.0, hue=0.0):
        return A.ColorJitter((brightness,) * 2, (contrast,) * 2, (saturation,) * 2, (hue,) * 2, p=1)

    cases = [(name, value, jitter(**{name: value})) for name in ("brightness", "contrast", "saturation") for value in (0.4, 1.7)]
    cases += [("hue", value, jitter(hue=value)) for value in (-0.4, 0.1)]
    cases += [("gamma", value, A.RandomGamma((100 * value,) * 2, p=1)) for value in (0.4, 1.7)] + [("solarize", 0.4, A.Solarize((0.4, 0.4), p=1))]
    cases += [("posterize", float(bits), A.Posterize(bits, p=1)) for bits in (1, 3, 5) if dtype == torch.uint8]
    cases += [("invert", None, A.InvertImg(p=1)), ("grayscale", None, A.ToGray(p=1)), ("blur", 1.0, A.GaussianBlur((5, 5), (1.0, 1.0), p=1))]
    for name, value, theirs in cases:
        strength = () if value is None else (torch.full((3,), value),)
        ours = getattr(colour, name)(x, *strength, **({"size": 5} if name == "blur" else {}))
        apart = (ours.float() - each_array(x, lambda image, theirs=theirs: theirs(image=image)["image"]).float()).abs().max()
        assert apart <= (2e-4 if dtype == torch.float32 else 4 if name == "hue" else 1), (name, value, float(apart))
