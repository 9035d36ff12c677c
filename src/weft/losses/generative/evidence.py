"""The evidence bound of variational autoencoders, from its two halves."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from weft._lazy import unknown
from weft.losses.divergence import gaussian_kl
from weft.losses.shapes import full, same_shape

LIKELIHOODS = ("bernoulli", "gaussian", "laplace")


def reconstruction(
    prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, likelihood: str = "bernoulli", scale: float = 1.0
) -> Float[Tensor, " b"]:
    """-log p(x | z) in nats, summed over all elements of an item.

    "bernoulli": cross-entropy of logits; "gaussian": (x - m)^2 / 2 s^2 + log s sqrt(2 pi); "laplace": |x - m| / s + log 2 s; s is ``scale``.

    Shapes: prediction logits or means, target (B, ...), in [0, 1] for "bernoulli" -> (B,).
    Errors: ``ValueError`` for shapes that differ, an unknown likelihood, a scale that is not positive, or "bernoulli" targets outside [0, 1].
    Paper: Kingma and Welling, 2013, arXiv:1312.6114.
    Use with ``gaussian_kl``, or both by ``evidence_bound``. Sums, not means: a mean over elements would weigh KL by their number.

    >>> reconstruction(torch.zeros(1, 2), torch.tensor([[0.0, 1.0]]))
    tensor([1.3863])
    """
    same_shape(prediction, target, "reconstruction")
    if likelihood not in LIKELIHOODS:
        raise unknown("likelihood", likelihood, LIKELIHOODS)
    if scale <= 0:
        raise ValueError(f"reconstruction needs a scale > 0; got {scale}.")
    given, wanted = full(prediction), full(target).to(full(prediction).dtype)
    if likelihood == "bernoulli":
        if wanted.numel() and (wanted.min() < 0 or wanted.max() > 1):
            raise ValueError(
                f"A Bernoulli likelihood needs targets in [0, 1]; got {wanted.min().item():g} to {wanted.max().item():g}. Scale them, or use"
                " likelihood='gaussian'."
            )
        nats = F.binary_cross_entropy_with_logits(given, wanted, reduction="none")
    elif likelihood == "gaussian":
        nats = ((given - wanted) / scale).square() / 2 + math.log(scale * math.sqrt(2 * math.pi))
    else:
        nats = (given - wanted).abs() / scale + math.log(2 * scale)
    return nats.flatten(1).sum(1)


def evidence_bound(
    prediction: Float[Tensor, " ..."],
    target: Float[Tensor, " ..."],
    mean: Float[Tensor, " ..."],
    log_variance: Float[Tensor, " ..."],
    *,
    beta: float | Float[Tensor, ""] = 1.0,
    free_nats: float = 0.0,
    likelihood: str = "bernoulli",
    scale: float = 1.0,
) -> Float[Tensor, " b"]:
    """Minus the evidence's lower bound: -log p(x | z) + beta KL(q(z | x) || N(0, 1)), at one z drawn from q.

    Shapes: prediction and target (B, ...), mean and log_variance (B, ...) of q -> (B,), nats. With beta 1 and no free nats its expectation is
    never below -log p(x). ``beta`` may be a buffer that ``Anneal`` moves. The log-variance is cut to [-30, 10] without losing its gradient's sign.
    Errors: as ``reconstruction``.
    Paper: Kingma and Welling, 2013, arXiv:1312.6114; beta, Higgins et al., 2017, openreview Sy2fzU9gl; free nats, Kingma et al., 2016,
    arXiv:1606.04934.
    Use beta < 1 for sharp reconstructions, > 1 for separate factors; free nats, or an annealed beta, where the decoder ignores z.

    >>> evidence_bound(torch.zeros(1, 2), torch.ones(1, 2), torch.ones(1, 3), torch.zeros(1, 3), beta=2.0)
    tensor([4.3863])
    """
    bounded = full(log_variance) + (full(log_variance).clamp(-30, 10) - full(log_variance)).detach()
    return reconstruction(prediction, target, likelihood=likelihood, scale=scale) + beta * gaussian_kl(mean, bounded, free_nats=free_nats)


def reparameterise(mean: Float[Tensor, " ..."], log_variance: Float[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """A draw z = m + s eps through which gradients flow.

    Shapes: mean and log_variance (B, ...) -> the same.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Kingma and Welling, 2013, arXiv:1312.6114.

    >>> reparameterise(torch.ones(1, 2), torch.full((1, 2), -100.0))
    tensor([[1., 1.]])
    """
    same_shape(mean, log_variance, "reparameterise")
    return mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
