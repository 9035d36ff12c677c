"""The evidence bound against torch's distributions and a model whose likelihood is known."""

from __future__ import annotations

import pytest
import torch
from torch import distributions as D

from weft.losses import evidence_bound, gaussian_kl, reconstruction, reparameterise


@pytest.mark.parametrize(
    ("likelihood", "theirs"),
    [
        ("bernoulli", lambda m, s: D.Bernoulli(logits=m)),
        ("gaussian", lambda m, s: D.Normal(m, s)),
        ("laplace", lambda m, s: D.Laplace(m, s)),
    ],
)
def test_likelihoods_equal_torch(likelihood, theirs):
    """reconstruction, parity: torch.distributions, summed over an item's elements."""
    m = torch.randn(4, 2, 3)
    x = torch.rand(4, 2, 3).round() if likelihood == "bernoulli" else torch.randn(4, 2, 3)
    scale = 1.0 if likelihood == "bernoulli" else 0.7
    torch.testing.assert_close(reconstruction(m, x, likelihood=likelihood, scale=scale), -theirs(m, torch.tensor(0.7)).log_prob(x).sum((1, 2)))


def test_it_bounds_the_likelihood_of_a_linear_model_and_touches_it_at_the_posterior():
    """evidence_bound, closed form: for x = W z + noise, -log p(x) is a normal's; the bound's expectation is at least that, and equal at the true posterior."""
    torch.set_default_dtype(torch.float64)
    w, sigma = torch.tensor([[1.0], [0.5]]), 0.6
    x = torch.tensor([[0.8, -0.4]])
    evidence = -D.MultivariateNormal(torch.zeros(2), w @ w.T + sigma**2 * torch.eye(2)).log_prob(x)
    variance = 1 / (1 + w.square().sum() / sigma**2)
    best = (x @ w * variance / sigma**2).view(1, 1)

    def expected(mean, variance):
        """The bound averaged over z, exactly: five Gauss-Hermite nodes integrate a polynomial of degree two."""
        nodes = torch.tensor([-2.020182870456086, -0.9585724646138185, 0.0, 0.9585724646138185, 2.020182870456086])
        weights = torch.tensor([0.01995324205904591, 0.3936193231522412, 0.9453087204829419, 0.3936193231522412, 0.01995324205904591])
        z = mean + (2 * variance).sqrt() * nodes[:, None]
        values = evidence_bound(z @ w.T, x.expand(5, 2), mean.expand(5, 1), variance.log().expand(5, 1), likelihood="gaussian", scale=sigma)
        return (weights * values).sum() / torch.pi**0.5

    torch.testing.assert_close(expected(best, variance.view(1, 1)), evidence[0])
    for shift, factor in ((0.3, 1.0), (0.0, 2.0), (-0.2, 0.5)):
        assert expected(best + shift, factor * variance.view(1, 1)) > evidence[0] + 1e-3


def test_beta_free_nats_and_the_bound_of_variances():
    """evidence_bound, closed form: beta scales KL, free nats hold it up, and a log-variance of 1e4 stays finite."""
    m, x = torch.zeros(2, 3), torch.ones(2, 3)
    mean, log_variance = torch.randn(2, 4), torch.randn(2, 4)
    base, kl = reconstruction(m, x), gaussian_kl(mean, log_variance)
    torch.testing.assert_close(evidence_bound(m, x, mean, log_variance, beta=3.0), base + 3 * kl)
    torch.testing.assert_close(evidence_bound(m, x, mean, log_variance, beta=torch.tensor(0.5)), base + 0.5 * kl)
    torch.testing.assert_close(evidence_bound(m, x, 0 * mean, 0 * mean, free_nats=0.25), base + 4 * 0.25)
    wild = torch.full((2, 4), 1e4, requires_grad=True)
    loss = evidence_bound(m, x, mean, wild)
    loss.sum().backward()
    assert loss.isfinite().all()
    assert (wild.grad > 0).all()


def test_draws_have_the_moments_and_pass_gradients():
    """reparameterise, closed form: mean and deviation of many draws; d z / d m = 1 and d z / d log s^2 = (z - m) / 2."""
    mean, log_variance = torch.full((20000,), 2.0, requires_grad=True), torch.full((20000,), -1.0, requires_grad=True)
    z = reparameterise(mean, log_variance)
    assert z.mean().item() == pytest.approx(2.0, abs=0.02)
    assert z.std().item() == pytest.approx(torch.tensor(-0.5).exp().item(), rel=0.02)
    z.sum().backward()
    assert (mean.grad == 1).all()
    torch.testing.assert_close(log_variance.grad, (0.5 * (z - mean)).detach())


def test_errors_teach():
    with pytest.raises(ValueError, match=r"targets in \[0, 1\]; got -1 to 1"):
        reconstruction(torch.zeros(1, 2), torch.tensor([[-1.0, 1.0]]))
    with pytest.raises(ValueError, match="Did you mean 'gaussian'"):
        reconstruction(torch.zeros(1, 2), torch.zeros(1, 2), likelihood="gausian")
    with pytest.raises(ValueError, match="scale > 0"):
        reconstruction(torch.zeros(1, 2), torch.zeros(1, 2), likelihood="gaussian", scale=0)
