"""Random colours: rates, ranges, keys and normalised input."""

from __future__ import annotations

import pytest
import torch

from tests.data.transforms.peers import keyed, picture
from weft.data import ColorJitter, GaussianBlur, InPixels, RandomGrayscale, RandomTone
from weft.data.transforms import colour
from weft.data.transforms.jitter import TONES


def test_factors_lie_in_their_range():
    """Closed form: ColorJitter of brightness alone multiplies by a factor uniform in 0.8 to 1.2, another for each record, the same for each key."""
    x = torch.full((2000, 3, 2, 2), 0.5)
    out = ColorJitter(0.2, 0, 0, 0, keys=("input", "view"))({"input": x, "view": x / 2}, keyed(2000))
    factor = out["input"][:, 0, 0, 0] / 0.5
    torch.testing.assert_close(out["view"], out["input"] / 2)
    assert 0.8 <= factor.min() < 0.805 and 1.195 < factor.max() <= 1.2 and abs(factor.mean() - 1) < 0.01


def test_orders_differ_between_records():
    """Brute force: with brightness and contrast drawn, each record of ColorJitter is one of the two orders of the pure functions, and both occur."""
    x = picture(40, 8, 8)
    jitter = ColorJitter(0.9, 0.9, 0, 0)
    random = keyed(40)
    random.chance(1.0)
    draw = 2 * random.uniform(4) - 1
    light, dark = 1 + 0.9 * draw[:, 0], 1 + 0.9 * draw[:, 1]
    one = colour.contrast(colour.brightness(x, light), dark)
    other = colour.brightness(colour.contrast(x, dark), light)
    out = jitter({"input": x}, keyed(40))["input"]
    near = [(out - way).abs().flatten(1).amax(1) < 1e-6 for way in (one, other)]
    assert (near[0] | near[1]).all() and (~near[0]).any() and (~near[1]).any()


@pytest.mark.parametrize("name", TONES)
def test_a_tone_is_the_pure_function_at_its_rate(name):
    """Property: RandomTone changes about the stated share of the records, each as the pure function does, and leaves the rest bit for bit."""
    x = picture(300, 8, 8)
    low, high = {"posterize": (2.0, 2.0), "solarize": (0.3, 0.6), "hue": (0.2, 0.4), "blur": (0.5, 2.0)}.get(name, (1.3, 1.8))
    out = RandomTone(name, low, high, probability=0.3)({"input": x}, keyed(300))["input"]
    random = keyed(300)
    chosen, strength = random.chance(0.3), low + (high - low) * random.uniform()
    assert torch.equal(out[~chosen], x[~chosen]) and abs(chosen.float().mean() - 0.3) < 0.08
    assert torch.equal(out[chosen], TONES[name](x[chosen], strength[chosen]))
    assert not torch.equal(out[chosen], x[chosen])


def test_grey_and_blurred_at_their_rates():
    """Property: RandomGrayscale makes channels equal for a tenth of the records; GaussianBlur keeps the mean and lowers the variation."""
    x = torch.rand(1000, 3, 6, 6)
    out = RandomGrayscale(0.1)({"input": x}, keyed(1000))["input"]
    grey = (out[:, 0] == out[:, 1]).flatten(1).all(1)
    assert abs(grey.float().mean() - 0.1) < 0.03 and torch.equal(out[~grey], x[~grey])
    soft = GaussianBlur(3, probability=0.5)({"input": x}, keyed(1000))["input"]
    changed = (soft != x).flatten(1).any(1)
    assert abs(changed.float().mean() - 0.5) < 0.06
    assert (soft[changed].flatten(1).std(1) < x[changed].flatten(1).std(1) + 1e-4).all() and soft[changed].std() < 0.9 * x.std()


def test_normalised_input_is_jittered_in_pixels():
    """Closed form: InPixels around a transform equals normalising what the transform gives on the plain pictures."""
    x, mean, std = picture(4, 8, 8), (0.2, 0.5, 0.7), (0.1, 0.2, 0.3)
    m, s = torch.tensor(mean)[:, None, None], torch.tensor(std)[:, None, None]
    inner = [ColorJitter(0.4, 0.4, 0.4, 0.2), RandomGrayscale(0.5)]
    ours = InPixels(mean, std, inner)({"input": (x - m) / s}, keyed(4))["input"]
    plain, random = {"input": x}, keyed(4)
    for transform in inner:
        plain = transform(plain, random)
    torch.testing.assert_close(ours, (plain["input"] - m) / s, atol=1e-4, rtol=1e-4)
    with pytest.raises(ValueError, match="3 channels; input has shape"):
        InPixels(mean, std, inner)({"input": x[:, :1]}, keyed(4))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ColorJitter(hue=0.6), "at most 0.5"),
        (lambda: ColorJitter(brightness=-1.0), "from 0 on"),
        (lambda: RandomTone("posterise"), "Did you mean 'posterize'"),
        (lambda: RandomTone("gamma", 2.0, 1.0), "the lower first"),
        (lambda: RandomGrayscale(2.0), "from 0 to 1"),
        (lambda: GaussianBlur(4), "odd number"),
        (lambda: InPixels((0.0,), (0.0,), []), "positive deviations"),
    ],
)
def test_wrong_arguments_are_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()
