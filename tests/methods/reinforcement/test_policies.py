from __future__ import annotations

import pytest
import torch
from torch import distributions

from weft.methods.reinforcement import Categorical, Gaussian, Squashed

OUTPUT = torch.tensor([[0.3, -1.0, 0.2, -0.5], [2.0, 0.0, -1.0, 0.7]])


def generator():
    return torch.Generator().manual_seed(0)


def test_categorical_equals_torch():
    """Parity: log probabilities and entropy against torch.distributions; shares of draws against probabilities."""
    policy, peer = Categorical.of(OUTPUT), distributions.Categorical(logits=OUTPUT)
    action = torch.tensor([2, 0])
    torch.testing.assert_close(policy.log_probability(action), peer.log_prob(action))
    torch.testing.assert_close(policy.entropy(), peer.entropy())
    assert policy.mode().tolist() == [0, 0]
    drawn = Categorical(OUTPUT[:1].expand(20_000, 4)).sample(generator())
    torch.testing.assert_close(drawn.bincount(minlength=4) / 20_000, peer.probs[0], atol=0.015, rtol=0)
    assert Categorical(OUTPUT.expand(3, 2, 4)).sample().shape == (3, 2)


def test_an_impossible_action_is_never_drawn_and_leaves_the_entropy_finite():
    """Property: a logit of minus infinity has no probability."""
    policy = Categorical(torch.tensor([[0.0, -torch.inf, 0.0]]).expand(1000, 3))
    assert set(policy.sample(generator()).tolist()) == {0, 2}
    torch.testing.assert_close(policy.entropy(), torch.full((1000,), 2.0).log())


def test_gaussian_equals_torch():
    """Parity: log probabilities and entropy against torch.distributions; moments of draws."""
    mean, log_deviation = OUTPUT.chunk(2, -1)
    policy, peer = Gaussian.of(OUTPUT), distributions.Independent(distributions.Normal(mean, log_deviation.exp()), 1)
    action = torch.randn(2, 2)
    torch.testing.assert_close(policy.log_probability(action), peer.log_prob(action))
    torch.testing.assert_close(policy.entropy(), peer.entropy())
    drawn = Gaussian.of(OUTPUT[:1].expand(20_000, 4)).sample(generator())
    torch.testing.assert_close(drawn.mean(0), mean[0], atol=0.03, rtol=0)
    torch.testing.assert_close(drawn.std(0), log_deviation[0].exp(), atol=0.03, rtol=0)


def peer_of(output):
    mean, log_deviation = output.double().chunk(2, -1)
    normal = distributions.Normal(mean, log_deviation.exp())
    return distributions.Independent(distributions.TransformedDistribution(normal, [distributions.TanhTransform(cache_size=1)]), 1)


def test_squashed_equals_torch():
    """Parity: the log probability with its tanh correction against TransformedDistribution, in value and gradient."""
    output = OUTPUT.double().requires_grad_()
    gaussian = Gaussian(*output.chunk(2, -1))
    action, log_probability = Squashed(gaussian).sample(generator())
    assert action.abs().max() < 1
    expected = peer_of(OUTPUT).log_prob(action.detach())
    torch.testing.assert_close(log_probability, expected)
    uncorrected = gaussian.log_probability(action.detach().atanh())
    assert not torch.allclose(uncorrected, expected, atol=0.05)  # planted fault: no correction

    twin = OUTPUT.double().requires_grad_()
    mean, log_deviation = twin.chunk(2, -1)
    noise = torch.randn(2, 2, generator=generator(), dtype=torch.float64)
    u = mean + log_deviation.exp() * noise
    (distributions.Normal(mean, log_deviation.exp()).log_prob(u) - (1 - u.tanh().square()).log()).sum().backward()
    log_probability.sum().backward()
    torch.testing.assert_close(output.grad, twin.grad)


def test_squashed_entropy_is_minus_the_mean_log_probability():
    """Closed form: the entropy by numerical integration of the density of a single squashed normal."""
    output = torch.tensor([[0.4, -0.3]], dtype=torch.float64)
    _, log_probability = Squashed.of(output.expand(200_000, 2)).sample(generator())
    grid = torch.linspace(-1, 1, 400_001, dtype=torch.float64)[1:-1, None]
    density = peer_of(output).log_prob(grid)
    entropy = -(density.exp() * density).sum() * (grid[1, 0] - grid[0, 0])
    torch.testing.assert_close(-log_probability.double().mean(), entropy, atol=5e-3, rtol=0)


@pytest.mark.parametrize("mean", [-30.0, 30.0])
def test_saturated_actions_stay_finite(mean):
    """Property: where tanh is 1 in float32, log probability and gradient are those of the normal plus 2 |u| - 2 log 2."""
    output = torch.tensor([[mean, 0.0]], requires_grad=True)
    action, log_probability = Squashed.of(output).sample(generator())
    assert action.abs().item() == 1.0
    log_probability.sum().backward()
    assert output.grad.isfinite().all()
    u = Gaussian.of(output.detach()).sample(generator()).double()
    exact = Gaussian.of(output.detach()).log_probability(u) + 2 * u.abs().sum() - 2 * torch.tensor(2.0).log()
    torch.testing.assert_close(log_probability.detach().double(), exact, rtol=1e-5, atol=1e-5)


def test_a_pair_and_one_tensor_mean_the_same_policy():
    one, two = Gaussian.of(OUTPUT), Gaussian.of(tuple(OUTPUT.chunk(2, -1)))
    assert torch.equal(one.mean, two.mean) and torch.equal(one.log_deviation, two.log_deviation)
    assert Gaussian.of(torch.tensor([[0.0, 99.0]])).log_deviation.item() == 2.0
    assert Categorical.of(OUTPUT.bfloat16()).output.dtype == torch.float32
