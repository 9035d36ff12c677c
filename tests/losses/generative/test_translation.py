"""Translation and conditions: values by hand, and where gradients go."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from weft.losses import (
    auxiliary_classifier,
    cycle_consistency,
    feature_matching,
    identity_translation,
    latent_information,
    non_saturating_generator,
    paired_translation,
    projection_score,
)


def test_pix2pix_by_hand():
    """paired_translation, closed form: the patches' mean binary cross-entropy + 100 times the mean absolute error; keywords only."""
    score, picture, wanted = torch.randn(3, 1, 4, 4), torch.rand(3, 3, 8, 8), torch.rand(3, 3, 8, 8)
    got = paired_translation(score=score, picture=picture, wanted=wanted)
    hand = non_saturating_generator(score).mean((1, 2, 3)) + 100 * (picture - wanted).abs().mean((1, 2, 3))
    torch.testing.assert_close(got, hand)
    with pytest.raises(TypeError):
        paired_translation(score, picture, wanted)
    with pytest.raises(ValueError, match="one shape"):
        paired_translation(score=score, picture=picture, wanted=wanted[:, :1])


def test_cycle_and_identity_by_hand():
    """cycle_consistency and identity_translation, closed form: 10 times both mean absolute errors, 5 times one; keywords only."""
    x, x2, y, y2 = torch.rand(4, 2, 3, 5, 5)
    hand = 10 * ((x - x2).abs().mean((1, 2, 3)) + (y - y2).abs().mean((1, 2, 3)))
    torch.testing.assert_close(cycle_consistency(first=x, first_again=x2, second=y, second_again=y2), hand)
    torch.testing.assert_close(identity_translation(x, y), 5 * (x - y).abs().mean((1, 2, 3)))
    with pytest.raises(TypeError):
        cycle_consistency(x, x2, y, y2)


def test_features_teach_the_generator_only():
    """feature_matching, closed form: the mean absolute errors of all layers added up; real features get no gradient."""
    fake = [torch.randn(2, 3, 4, requires_grad=True), torch.randn(2, 5, requires_grad=True)]
    real = [torch.randn(2, 3, 4, requires_grad=True), torch.randn(2, 5, requires_grad=True)]
    loss = feature_matching(fake, real)
    torch.testing.assert_close(loss, (fake[0] - real[0]).abs().mean((1, 2)) + (fake[1] - real[1]).abs().mean(1))
    loss.sum().backward()
    assert all(f.grad.any() for f in fake)
    assert all(r.grad is None for r in real)
    with pytest.raises(ValueError, match="got 2 and 1"):
        feature_matching(fake, real[:1])


def test_conditions_reach_whom_they_should():
    """projection_score and auxiliary_classifier, closed form: an inner product; two cross-entropies, of which fakes feel only their own."""
    h, c, s = torch.randn(4, 3), torch.randn(4, 3), torch.randn(4)
    torch.testing.assert_close(projection_score(h, c, s), torch.einsum("bd,bd->b", h, c) + s)
    real, fake = torch.randn(4, 5, requires_grad=True), torch.randn(4, 5, requires_grad=True)
    y, z = torch.arange(4), torch.arange(4).flip(0)
    loss = auxiliary_classifier(real, fake, y, z)
    torch.testing.assert_close(loss, F.cross_entropy(real, y, reduction="none") + F.cross_entropy(fake, z, reduction="none"))
    loss.sum().backward()
    torch.testing.assert_close(fake.grad, fake.detach().softmax(1) - F.one_hot(z, 5))


def test_information_of_a_code_that_is_known_is_its_density():
    """latent_information, closed form: a sure recogniser pays only for the continuous code, log s sqrt(2 pi) at its mean; a blind one log C more."""
    code, continuous = torch.tensor([1]), torch.tensor([[0.3]])
    sure = torch.tensor([[-100.0, 100.0]])
    log_variance = torch.tensor([[-2.0]])
    assert latent_information(sure, code, continuous, log_variance, continuous).item() == pytest.approx(-1 + 0.5 * math.log(2 * math.pi), rel=1e-5)
    blind = latent_information(torch.zeros(1, 2), code, continuous, log_variance, continuous)
    assert blind.item() == pytest.approx(math.log(2) - 1 + 0.5 * math.log(2 * math.pi), rel=1e-5)
    other = torch.distributions.Normal(torch.tensor(1.0), torch.tensor(-1.0).exp()).log_prob(continuous).sum()
    assert latent_information(sure, code, torch.ones(1, 1), log_variance, continuous).item() == pytest.approx(-other.item(), rel=1e-5)
