"""Normalisation told by a condition."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from weft.nn import ConditionalNorm, FiLM, adain


def learned(film):
    with torch.no_grad():
        film.linear.weight.normal_()
        film.linear.bias.normal_()


def test_film_is_its_formula_and_begins_as_the_identity():
    """Closed form: FiLM is (1 + scale) x + shift, a pair for each channel of each sample."""
    layer, x, condition = FiLM(5, 3), torch.randn(2, 3, 4, 4), torch.randn(2, 5)
    assert torch.equal(layer(x, condition), x)
    learned(layer)
    pair = condition @ layer.linear.weight.T + layer.linear.bias
    for sample in range(2):
        for channel in range(3):
            expected = (1 + pair[sample, channel]) * x[sample, channel] + pair[sample, 3 + channel]
            torch.testing.assert_close(layer(x, condition)[sample, channel], expected)
    with pytest.raises(ValueError, match=r"FiLM \(condition\) expects a tensor of shape \(B, 5\); got \(2, 4\)"):
        layer(x, torch.randn(2, 4))


NORMS = {
    "batch": lambda x: F.batch_norm(x, None, None, training=True),
    "instance": F.instance_norm,
    "group": lambda x: F.group_norm(x, 4),
    "layer": lambda x: F.layer_norm(x.movedim(1, -1), (4,), eps=1e-6).movedim(-1, 1),
}


@pytest.mark.parametrize("name", NORMS)
def test_conditional_norm_is_film_of_the_plain_norm(name):
    """Closed form: ConditionalNorm begins as the norm without weights, then scales and shifts it; only the condition's layer learns."""
    layer, x, condition = ConditionalNorm(5, 4, name), torch.randn(3, 4, 5, 2), torch.randn(3, 5)
    torch.testing.assert_close(layer(x, condition), NORMS[name](x))
    learned(layer.film)
    torch.testing.assert_close(layer(x, condition), layer.film(NORMS[name](x), condition))
    assert {key for key, _ in layer.named_parameters()} == {"film.linear.weight", "film.linear.bias"}


def test_adain_takes_the_statistics_of_the_style():
    """Property: adain has the style's mean and deviation in every channel of every sample, and the content where both have the same."""
    content, style = torch.randn(2, 3, 16, 16), 4 + 3 * torch.randn(2, 3, 12)
    y = adain(content, style)
    torch.testing.assert_close(y.mean((2, 3)), style.mean(2), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(y.std((2, 3), correction=0), style.std(2, correction=0), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(adain(content, content), content, rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match=r"as many samples and channels .* got \(2, 4, 5\) and \(2, 3, 16, 16\)"):
        adain(content, torch.zeros(2, 4, 5))
