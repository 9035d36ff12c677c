"""Two domains made alike: by their moments, by a critic who cannot tell, by sure answers without labels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from weft.losses.metric.distances import inner
from weft.losses.shapes import full

WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)


def mean_discrepancy(
    prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, widths: Sequence[float] | None = None, unbiased: bool = True
) -> Float[Tensor, " b"]:
    """Squared maximum mean discrepancy with several normal kernels: E k(x, x') + E k(y, y') - 2 E k(x, y), k = mean_s exp(-d^2 / 2 s^2).

    Shapes: features (N, D) and (M, D) of two domains -> (N,), every item holding the one value. ``widths``: the deviations s; unless given, powers of
    two around the median distance of both together, taken without gradient. ``unbiased`` leaves out each item with itself, and may be a little
    below 0 for equal distributions; else it is never negative.
    Couples samples: say so with ``Loss.coupled()``.
    Errors: ``ValueError`` unless both are lists of at least two vectors of one width, or for widths that are not positive.
    Paper: Gretton et al., 2012, A Kernel Two-Sample Test; as a loss, Long et al., 2015 (DAN), arXiv:1502.02791.
    Use to align features of two domains; instead of it, ``correlation_alignment`` for second moments alone. Cost O((N + M)^2 D).

    >>> mean_discrepancy(torch.zeros(2, 1), torch.ones(2, 1), widths=[1.0]).round(decimals=4)
    tensor([0.7869, 0.7869])
    """
    _domains(prediction, target, "mean_discrepancy")
    both = torch.cat([full(prediction), full(target).to(full(prediction).dtype)])
    squared = torch.cdist(both, both, compute_mode="donot_use_mm_for_euclid_dist").square()
    if widths is None:
        above = torch.triu_indices(len(both), len(both), 1, device=both.device)
        middle = squared.detach()[above[0], above[1]].median().sqrt().clamp(min=1e-3)
        scales = middle * both.new_tensor(WIDTHS)
    else:
        if min(widths) <= 0:
            raise ValueError(f"mean_discrepancy needs widths > 0; got {list(widths)}.")
        scales = both.new_tensor(list(widths))
    kernel = torch.stack([torch.exp(-squared / (2 * s * s)) for s in scales]).mean(0)
    n, m = len(prediction), len(target)
    first, second, across = kernel[:n, :n], kernel[n:, n:], kernel[:n, n:]
    if unbiased:
        inside = (first.sum() - first.diagonal().sum()) / (n * (n - 1)) + (second.sum() - second.diagonal().sum()) / (m * (m - 1))
    else:
        inside = first.mean() + second.mean()
    return (inside - 2 * across.mean()).expand(n)


def correlation_alignment(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."]) -> Float[Tensor, " b"]:
    """The distance of two domains' covariances: |C_x - C_y|^2 / 4 D^2.

    Shapes: features (N, D) and (M, D) -> (N,), every item holding the one value.
    Couples samples: say so with ``Loss.coupled()``.
    Errors: ``ValueError`` unless both are lists of at least two vectors of one width.
    Paper: Sun and Saenko, 2016 (deep CORAL), arXiv:1607.01719.
    Use when domains differ in contrast and correlation; cost O((N + M) D^2).

    >>> correlation_alignment(torch.tensor([[0.0], [2.0]]), torch.tensor([[0.0], [0.0]]))
    tensor([1., 1.])
    """
    _domains(prediction, target, "correlation_alignment")
    covariances = []
    for x in (full(prediction), full(target)):
        centred = x - x.mean(0)
        covariances.append(inner(centred.mT, centred.mT) / (len(x) - 1))
    return ((covariances[0] - covariances[1]).square().sum() / (4 * prediction.shape[1] ** 2)).expand(len(prediction))


def canonical_correlation(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, ridge: float = 1e-3) -> Float[Tensor, " b"]:
    """Two views made as correlated as can be: D minus the sum of canonical correlations, the singular values of C_xx^-1/2 C_xy C_yy^-1/2.

    Shapes: embeddings (N, D) and (N, E) of two views -> (N,), every item holding the one value, in [0, min(D, E)]. ``ridge`` times the mean
    variance is added to both covariances' diagonals; N should be well above D.
    Couples samples: say so with ``Loss.coupled()``.
    Errors: ``ValueError`` unless both are lists for the same items, or for a ridge that is not positive.
    Paper: Andrew et al., 2013 (deep CCA), Deep Canonical Correlation Analysis, ICML.
    Use for two views or modalities without negatives; large batches.

    >>> x = torch.tensor([[1.0], [2.0], [4.0]])
    >>> canonical_correlation(x, -2 * x, ridge=1e-6).round(decimals=3).abs()
    tensor([0., 0., 0.])
    """
    if prediction.ndim != 2 or target.ndim != 2 or len(prediction) != len(target) or len(prediction) < 2 or ridge <= 0:
        shapes = f"{tuple(prediction.shape)}, {tuple(target.shape)} and ridge {ridge}"
        raise ValueError(f"canonical_correlation needs views (N, D) and (N, E) of the same items, and a ridge > 0; got {shapes}.")
    roots = []
    with torch.autocast(prediction.device.type, enabled=False):
        for x in (full(prediction), full(target)):
            centred = (x - x.mean(0)) / (len(x) - 1) ** 0.5
            # Scaled by its mean variance first, so that the ridge means the same for large and small features.
            scale = centred.square().sum(0).mean()
            centred = centred / scale.clamp(min=1e-6).sqrt()
            covariance = centred.mT @ centred + ridge * torch.eye(x.shape[1], device=x.device, dtype=x.dtype)
            roots.append(torch.linalg.solve_triangular(torch.linalg.cholesky(covariance), centred.mT, upper=False))
        # Whitened by Cholesky factors instead of square roots: a rotation apart, so the singular values are the same.
        total = torch.linalg.matrix_norm(roots[0] @ roots[1].mT, ord="nuc")
    return (min(prediction.shape[1], target.shape[1]) - total).expand(len(prediction))


def _domains(prediction: Tensor, target: Tensor, who: str) -> None:
    if prediction.ndim != 2 or target.ndim != 2 or prediction.shape[1] != target.shape[1] or min(len(prediction), len(target)) < 2:
        shapes = f"{tuple(prediction.shape)} and {tuple(target.shape)}"
        raise ValueError(f"{who} needs features (N, D) and (M, D) of two domains, at least two each; got {shapes}.")


def domain_confusion(prediction: Float[Tensor, " ..."]) -> Float[Tensor, " b"]:
    """Features from which no domain can be told: the cross-entropy of a domain classifier's answer against the uniform one.

    Shapes: domain logits (B, K) -> (B,), at least log K. The features minimise this while the classifier minimises ``cross_entropy``; with a gradient
    reversal before the classifier, ``cross_entropy`` alone serves both.
    Paper: Tzeng et al., 2015, arXiv:1510.02192; reversal, Ganin and Lempitsky, 2014, arXiv:1409.7495.

    >>> domain_confusion(torch.zeros(1, 2))
    tensor([0.6931])
    """
    return -full(prediction).log_softmax(1).mean(1)


def answer_entropy(prediction: Float[Tensor, " ..."]) -> Float[Tensor, " b"]:
    """How unsure answers without labels are: -sum_c p_c log p_c.

    Shapes: logits (B, C) -> (B,) in [0, log C].
    Paper: Grandvalet and Bengio, 2005, Semi-supervised Learning by Entropy Minimization.
    Use with a small weight on the unlabelled domain; alone it makes everything one class, so keep a labelled loss or a spread term beside it.

    >>> answer_entropy(torch.zeros(1, 2))
    tensor([0.6931])
    """
    log_p = full(prediction).log_softmax(1)
    return -(log_p.exp() * log_p).sum(1)


def pseudo_label(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, threshold: float = 0.95) -> Float[Tensor, " b"]:
    """A network's own sure answers as labels: cross-entropy against the target's likeliest class where that has ``threshold``, else 0.

    Shapes: logits of a strong view and of a weak one (B, C), the weak one without gradient -> (B,), to be averaged over all, sure or not.
    Errors: ``ValueError`` for shapes that differ or a threshold outside (0, 1].
    Paper: Sohn et al., 2020 (FixMatch), arXiv:2001.07685; Lee, 2013, Pseudo-Label.
    Use with many unlabelled items; the same logits twice give plain pseudo-labels.

    >>> pseudo_label(torch.zeros(2, 2), torch.tensor([[9.0, 0.0], [0.1, 0.0]]))
    tensor([0.6931, 0.0000])
    """
    if prediction.shape != target.shape or prediction.ndim != 2 or not 0 < threshold <= 1:
        shapes = f"{tuple(prediction.shape)}, {tuple(target.shape)} and threshold {threshold}"
        raise ValueError(f"pseudo_label needs logits (B, C) of two views and a threshold in (0, 1]; got {shapes}.")
    sure, answer = full(target.detach()).softmax(1).max(1)
    return F.cross_entropy(full(prediction), answer, reduction="none").where(sure >= threshold, 0)


def domain_classes(source: Shaped[Tensor, "n ..."], target: Shaped[Tensor, "m ..."]) -> Shaped[Tensor, " n_and_m"]:
    """0 for each source item and 1 for each target item: the labels of a domain classifier that sees both, one after the other.

    >>> domain_classes(torch.zeros(2, 3), torch.zeros(1, 3))
    tensor([0, 0, 1])
    """
    return torch.cat([torch.zeros(len(source), dtype=torch.long), torch.ones(len(target), dtype=torch.long)]).to(source.device)
