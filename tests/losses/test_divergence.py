"""Divergences against torch's distributions."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Categorical, Normal, kl_divergence
from torch.nn import functional as F

from weft.losses import cross_entropy, gaussian_kl, jensen_shannon, kl, kl_distillation, symmetric_kl


def test_distillation_equals_torch():
    """Parity: F.kl_div and torch.distributions at temperatures below and above 1; classes last as well."""
    student, teacher = torch.randn(6, 4), torch.randn(6, 4)
    for t in (0.5, 1.0, 4.0):
        ours = kl_distillation(student, teacher, temperature=t)
        theirs = F.kl_div((student / t).log_softmax(1), (teacher / t).softmax(1), reduction="none").sum(1) * t**2
        torch.testing.assert_close(ours, theirs)
        torch.testing.assert_close(ours, kl_divergence(Categorical(logits=teacher / t), Categorical(logits=student / t)) * t**2)
    pictures = torch.randn(2, 4, 3), torch.randn(2, 4, 3)
    torch.testing.assert_close(kl_distillation(*pictures), kl_distillation(pictures[0].mT, pictures[1].mT, dim=-1))


def test_teacher_gets_no_gradient_and_at_one_degree_the_student_gets_that_of_cross_entropy():
    """Property: at T = 1 the gradient is that of cross-entropy with the teacher's probabilities."""
    student, teacher = torch.randn(3, 5, requires_grad=True), torch.randn(3, 5, requires_grad=True)
    kl_distillation(student, teacher, temperature=1.0).sum().backward()
    assert teacher.grad is None
    (expected,) = torch.autograd.grad(cross_entropy(student, teacher.softmax(1)).sum(), student)
    torch.testing.assert_close(student.grad, expected)


def test_a_class_the_teacher_rules_out_costs_nothing():
    """Closed form: 0 log 0 = 0; the rest is the divergence of the remaining classes."""
    student = torch.tensor([[0.0, 1.0, 0.0]], requires_grad=True)
    loss = kl_distillation(student, torch.tensor([[0.0, float("-inf"), 0.0]]), temperature=1.0)
    loss.sum().backward()
    q = student.detach().softmax(1)[0, 0]
    assert loss.item() == pytest.approx((0.5 / q).log().item())
    assert student.grad.isfinite().all()


def test_gaussian_kl_equals_torch():
    """Parity: torch.distributions, standard prior and another one, vectors and pictures of latents."""
    for rest in ((5,), (2, 3, 3)):
        mean, log_variance, prior_mean, prior = (torch.randn(4, *rest, dtype=torch.float64) for _ in range(4))
        q = Normal(mean, (0.5 * log_variance).exp())
        torch.testing.assert_close(gaussian_kl(mean, log_variance), kl_divergence(q, Normal(0.0, 1.0)).flatten(1).sum(1))
        other = Normal(prior_mean, (0.5 * prior).exp())
        ours = gaussian_kl(mean, log_variance, prior_mean=prior_mean, prior_log_variance=prior)
        torch.testing.assert_close(ours, kl_divergence(q, other).flatten(1).sum(1))


def test_free_nats_bound_each_dimension_from_below_and_stop_its_gradient():
    """Closed form: dimensions cheaper than the floor cost the floor and are not pulled to the prior."""
    mean = torch.tensor([[0.1, 2.0]], requires_grad=True)
    loss = gaussian_kl(mean, torch.zeros(1, 2), free_nats=0.5)
    loss.sum().backward()
    assert loss.item() == pytest.approx(0.5 + 2.0)
    assert mean.grad.tolist() == [[0.0, 2.0]]


def test_near_the_prior_it_is_never_negative():
    """Property: e^x - 1 - x cancels in float32; here it does not."""
    assert (gaussian_kl(torch.zeros(100, 1), 1e-4 * torch.randn(100, 1)) >= 0).all()


def test_gradients_are_exact_and_errors_teach():
    """Property: gradcheck in float64."""
    mean, log_variance = (torch.randn(3, 2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(gaussian_kl, (mean, log_variance))
    assert torch.autograd.gradcheck(lambda x: kl_distillation(x, torch.ones(3, 2).double().cumsum(1)), mean)
    with pytest.raises(ValueError, match="temperature > 0"):
        kl_distillation(torch.zeros(1, 2), torch.zeros(1, 2), temperature=0.0)


def test_kl_equals_torch_in_both_directions():
    """Parity: kl and symmetric_kl against torch.distributions, rows and pictures; batchmean is the mean of these values."""
    a, b = torch.randn(6, 4), torch.randn(6, 4)
    p, q = Categorical(logits=b), Categorical(logits=a)
    torch.testing.assert_close(kl(a, b), kl_divergence(p, q))
    torch.testing.assert_close(kl(a, b, direction="reverse"), kl_divergence(q, p))
    torch.testing.assert_close(symmetric_kl(a, b), kl_divergence(p, q) + kl_divergence(q, p))
    torch.testing.assert_close(kl(a, b).mean(), F.kl_div(a.log_softmax(1), b.log_softmax(1), log_target=True, reduction="batchmean"))
    torch.testing.assert_close(kl(a.view(2, 3, 4), b.view(2, 3, 4), dim=-1).flatten(), kl(a, b))
    with pytest.raises(ValueError, match="unknown direction 'up'"):
        kl(a, b, direction="up")


def test_kl_is_the_mean_of_log_ratios_under_the_first():
    """Property: a Monte-Carlo mean of log p - log q over samples of p."""
    a, b = torch.randn(1, 5, dtype=torch.float64), torch.randn(1, 5, dtype=torch.float64)
    drawn = torch.multinomial(b.softmax(1)[0], 200_000, replacement=True)
    ratio = (b.log_softmax(1) - a.log_softmax(1))[0]
    assert kl(a, b).item() == pytest.approx(ratio[drawn].mean().item(), abs=4 * ratio[drawn].std().item() / 200_000**0.5)


def test_jensen_shannon_equals_scipy_and_is_bounded():
    """Parity: jensen_shannon against scipy's distance squared; property: symmetric, at most log 2, zero for equals."""
    distance = pytest.importorskip("scipy.spatial.distance")
    a, b = torch.randn(6, 4, dtype=torch.float64), torch.randn(6, 4, dtype=torch.float64)
    theirs = distance.jensenshannon(a.softmax(1).numpy(), b.softmax(1).numpy(), axis=1) ** 2
    torch.testing.assert_close(jensen_shannon(a, b), torch.from_numpy(theirs))
    torch.testing.assert_close(jensen_shannon(a, b), jensen_shannon(b, a))
    wild = jensen_shannon(1e4 * a.float(), 1e4 * b.float())
    assert (wild <= torch.tensor(2.0).log() + 1e-6).all() and (wild >= 0).all()


def test_a_class_at_minus_infinity_leaves_finite_gradients_on_both_sides():
    """Property: 0 log 0 is 0 for kl, value and gradient."""
    p = torch.tensor([[0.0, float("-inf"), 0.0]], requires_grad=True)
    q = torch.tensor([[0.0, 1.0, 0.0]], requires_grad=True)
    kl(q, p).sum().backward()
    assert p.grad.isfinite().all() and q.grad.isfinite().all()
