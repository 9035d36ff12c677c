"""Domains against loops, numpy's covariances, scikit-learn's canonical correlations, and samples of one distribution."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from weft.losses import (
    answer_entropy,
    canonical_correlation,
    correlation_alignment,
    cross_entropy,
    domain_classes,
    domain_confusion,
    mean_discrepancy,
    pseudo_label,
)


def test_discrepancy_equals_the_loops():
    """mean_discrepancy, brute force: kernels pair by pair, biased and unbiased, two sizes of sample."""
    x, y = torch.randn(5, 3, dtype=torch.float64), 1 + torch.randn(4, 3, dtype=torch.float64)

    def k(a, b):
        return sum(math.exp(-float((a - b).square().sum()) / (2 * s * s)) for s in (0.5, 2.0)) / 2

    for unbiased in (True, False):
        first = [k(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if not (unbiased and i == j)]
        second = [k(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if not (unbiased and i == j)]
        hand = sum(first) / len(first) + sum(second) / len(second) - 2 * sum(k(a, b) for a in x for b in y) / 20
        got = mean_discrepancy(x, y, widths=[0.5, 2.0], unbiased=unbiased)
        torch.testing.assert_close(got, torch.full((5,), hand, dtype=torch.float64))


def test_discrepancy_of_one_distribution_is_zero_on_average():
    """mean_discrepancy, property: over 120 pairs of samples of one distribution the unbiased mean is 0 within its error, the biased one is not; another mean is seen."""
    values = {True: [], False: []}
    for _ in range(120):
        x, y = torch.randn(2, 10, 2)
        for unbiased, found in values.items():
            found.append(float(mean_discrepancy(x, y, widths=[1.0], unbiased=unbiased)[0]))
    error = np.std(values[True]) / math.sqrt(120)
    assert abs(np.mean(values[True])) < 4 * error
    assert np.mean(values[False]) > 8 * error
    assert float(mean_discrepancy(x, y + 2)[0]) > 10 * error


def test_covariances_equal_numpys():
    """correlation_alignment, parity: numpy.cov of both domains; 0 for a shifted copy."""
    x, y = torch.randn(9, 4, dtype=torch.float64), 2 * torch.randn(7, 4, dtype=torch.float64)
    hand = np.square(np.cov(x.numpy().T) - np.cov(y.numpy().T)).sum() / (4 * 16)
    torch.testing.assert_close(correlation_alignment(x, y)[0].item(), hand)
    assert correlation_alignment(x, x + 3)[0].item() == pytest.approx(0, abs=1e-20)


def test_correlations_equal_those_of_the_definition():
    """canonical_correlation, closed form: the singular values of C_xx^-1/2 C_xy C_yy^-1/2 by eigenvalues; blind to invertible maps of either view; gradients exact."""
    x = torch.randn(60, 3, dtype=torch.float64)
    y = torch.cat([x[:, :1] + 0.5 * torch.randn(60, 1, dtype=torch.float64), torch.randn(60, 1, dtype=torch.float64)], 1)
    a, b = x - x.mean(0), y - y.mean(0)

    def inverse_root(c):
        values, vectors = torch.linalg.eigh(c)
        return vectors @ torch.diag(values.rsqrt()) @ vectors.T

    whitened = inverse_root(a.T @ a) @ (a.T @ b) @ inverse_root(b.T @ b)
    hand = 2 - torch.linalg.svdvals(whitened).sum()
    torch.testing.assert_close(canonical_correlation(x, y, ridge=1e-9)[0], hand, rtol=1e-5, atol=1e-6)
    changed = canonical_correlation(x @ torch.randn(3, 3, dtype=torch.float64) + 2, -7 * y, ridge=1e-9)[0]
    torch.testing.assert_close(changed, hand, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="same items, and a ridge > 0"):
        canonical_correlation(x, y[:5])


def test_correlations_equal_scikit_learn():
    """canonical_correlation, parity: the correlations of scikit-learn's CCA scores."""
    decomposition = pytest.importorskip("sklearn.cross_decomposition")
    x = torch.randn(80, 3, dtype=torch.float64)
    y = x[:, :2] @ torch.randn(2, 2, dtype=torch.float64) + torch.randn(80, 2, dtype=torch.float64)
    u, v = decomposition.CCA(n_components=2, max_iter=5000, tol=1e-12).fit_transform(x.numpy(), y.numpy())
    theirs = sum(np.corrcoef(u[:, i], v[:, i])[0, 1] for i in range(2))
    assert canonical_correlation(x, y, ridge=1e-9)[0].item() == pytest.approx(2 - theirs, abs=1e-4)


def test_confusion_and_entropy_by_their_extremes():
    """domain_confusion and answer_entropy, closed form: cross-entropy with uniform targets, torch's own entropy; both log K at equal logits, 0 entropy when sure."""
    z = torch.randn(6, 3)
    torch.testing.assert_close(domain_confusion(z), F.cross_entropy(z, torch.full((6, 3), 1 / 3), reduction="none"))
    torch.testing.assert_close(answer_entropy(z), torch.distributions.Categorical(logits=z).entropy())
    assert answer_entropy(torch.tensor([[1e4, 0.0, 0.0]])).item() == 0
    assert domain_classes(torch.zeros(2, 4), torch.zeros(3, 4)).tolist() == [0, 0, 1, 1, 1]


def test_reversal_before_a_domain_classifier():
    """domain_classes, property: through weft's gradient reversal the classifier's own weights descend while the features ascend its cross-entropy."""
    reversal = pytest.importorskip("weft.nn.activations")
    layer = reversal.GradientReversal() if hasattr(reversal, "GradientReversal") else pytest.skip("no gradient reversal here")
    features, classifier = torch.randn(6, 3, requires_grad=True), torch.nn.Linear(3, 2)
    labels = domain_classes(features[:3], features[3:])
    cross_entropy(classifier(layer(features)), labels).sum().backward()
    plain, own = features.detach().requires_grad_(), classifier.weight.grad.clone()
    classifier.zero_grad()
    cross_entropy(classifier(plain), labels).sum().backward()
    torch.testing.assert_close(features.grad, -plain.grad)
    torch.testing.assert_close(own, classifier.weight.grad)


def test_only_sure_answers_become_labels():
    """pseudo_label, closed form: cross-entropy with the weak view's answer where it has 0.9, else 0 and no gradient; the weak view gets none."""
    weak = torch.tensor([[4.0, 0.0], [0.5, 0.0], [0.0, 3.0]], requires_grad=True)
    strong = torch.randn(3, 2, requires_grad=True)
    loss = pseudo_label(strong, weak, threshold=0.9)
    hand = F.cross_entropy(strong, torch.tensor([0, 0, 1]), reduction="none") * torch.tensor([1.0, 0.0, 1.0])
    torch.testing.assert_close(loss, hand)
    loss.sum().backward()
    assert weak.grad is None
    assert not strong.grad[1].any()
    with pytest.raises(ValueError, match=r"threshold in \(0, 1\]"):
        pseudo_label(strong, weak, threshold=0.0)


def test_errors_teach():
    for loss in (mean_discrepancy, correlation_alignment):
        with pytest.raises(ValueError, match=r"two domains, at least two each; got \(3, 2\) and \(3, 4\)"):
            loss(torch.zeros(3, 2), torch.zeros(3, 4))
    with pytest.raises(ValueError, match="widths > 0"):
        mean_discrepancy(torch.zeros(3, 2), torch.zeros(3, 2), widths=[0.0])
