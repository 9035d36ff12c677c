"""How far one distribution is from another."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from weft.losses.shapes import full, same_shape

NEVER = -1e30  # the logarithm of nothing, as a number


def kl_distillation(
    prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, temperature: float = 4.0, dim: int = 1
) -> Float[Tensor, " ..."]:
    """Distance of a student's softened classes from a teacher's: T^2 KL(softmax(teacher / T) || softmax(student / T)).

    Shapes: prediction (student) and target (teacher) logits (B, C, ...) with C at ``dim`` -> (B, ...). The teacher gets no gradient.
    T^2 keeps the gradient's size when T changes.
    Errors: ``ValueError`` for shapes that differ or a temperature that is not positive.
    Paper: Hinton et al., 2015, arXiv:1503.02531.
    Use when a small network should learn a large one's doubts; usually beside ``cross_entropy``: 0.7 of this, 0.3 of that.

    >>> import torch
    >>> kl_distillation(torch.zeros(1, 3), torch.ones(1, 3))
    tensor([0.])
    """
    same_shape(prediction, target, "kl_distillation")
    if temperature <= 0:
        raise ValueError(f"kl_distillation needs a temperature > 0; got {temperature}.")
    student = (full(prediction) / temperature).log_softmax(dim)
    teacher = (full(target.detach()) / temperature).log_softmax(dim)
    # A class that the teacher rules out (logit -inf) adds nothing, whatever the student thinks.
    return _relative_entropy(teacher, student, dim) * temperature**2


def gaussian_kl(
    mean: Float[Tensor, " ..."],
    log_variance: Float[Tensor, " ..."],
    *,
    prior_mean: Float[Tensor, " ..."] | float = 0.0,
    prior_log_variance: Float[Tensor, " ..."] | float = 0.0,
    free_nats: float = 0.0,
) -> Float[Tensor, " b"]:
    """KL of one diagonal normal from another, by default the standard one: 1/2 sum(s^2 + m^2 - 1 - log s^2).

    In full, with the prior's m0 and s0: 1/2 sum(log s0^2 - log s^2 + (s^2 + (m - m0)^2) / s0^2 - 1).

    Shapes: mean and log_variance (B, ...) -> (B,), summed over all latent dimensions. Nats.
    ``free_nats``: each latent dimension costs at least so much, so that an encoder has no reason to empty it.
    Errors: ``ValueError`` when mean and log_variance differ in shape.
    Paper: Kingma and Welling, 2013, arXiv:1312.6114; free nats, Kingma et al., 2016, arXiv:1606.04934 (per dimension and item, not per group).
    Use as the second half of the ELBO.

    >>> import torch
    >>> gaussian_kl(torch.tensor([[1.0, 0.0]]), torch.zeros(1, 2))
    tensor([0.5000])
    """
    same_shape(mean, log_variance, "gaussian_kl")
    mean, log_variance = full(mean), full(log_variance)
    prior_log_variance = torch.as_tensor(prior_log_variance, dtype=mean.dtype, device=mean.device)
    log_ratio = log_variance - prior_log_variance
    # expm1(x) - x is e^x - 1 - x without cancellation near the prior.
    nats = 0.5 * (log_ratio.expm1() - log_ratio + (mean - prior_mean).square() * (-prior_log_variance).exp())
    return nats.clamp(min=free_nats).flatten(1).sum(1) if free_nats else nats.flatten(1).sum(1)


def kl(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, direction: str = "forward", dim: int = 1) -> Float[Tensor, " ..."]:
    """Kullback-Leibler divergence of classes, from logits: KL(target || prediction), or KL(prediction || target) with direction "reverse".

    KL(p || q) = sum_c p_c (log p_c - log q_c).

    Shapes: prediction and target logits (or log-probabilities) (B, C, ...) with C at ``dim`` -> (B, ...), summed over classes; ``Loss.mean`` then
    divides by items ("batchmean"). Gradients reach both; detach the one that is given. A class of logit -inf in the first adds 0.
    Errors: ``ValueError`` for shapes that differ, or an unknown direction.
    Paper: Kullback and Leibler, 1951, doi:10.1214/aoms/1177729694.
    Use "forward" to cover all that the target does, "reverse" to keep to one of its peaks; ``jensen_shannon`` when neither comes first.

    >>> kl(torch.tensor([[0.0, 0.0]]), torch.tensor([[100.0, 0.0]]))
    tensor([0.6931])
    """
    if direction not in ("forward", "reverse"):
        raise ValueError(f"kl: unknown direction {direction!r}. Known: forward (target || prediction), reverse (prediction || target).")
    same_shape(prediction, target, "kl")
    q, p = full(prediction).log_softmax(dim), full(target).log_softmax(dim)
    return _relative_entropy(p, q, dim) if direction == "forward" else _relative_entropy(q, p, dim)


def symmetric_kl(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, dim: int = 1) -> Float[Tensor, " ..."]:
    """Jeffreys' divergence of classes, from logits: KL(p || q) + KL(q || p).

    Shapes: prediction and target logits (B, C, ...) with C at ``dim`` -> (B, ...).
    Errors: ``ValueError`` for shapes that differ.
    Paper: Jeffreys, 1946, doi:10.1098/rspa.1946.0056.
    Use when two networks should agree; instead of it, ``jensen_shannon``, which stays below log 2.

    >>> symmetric_kl(torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 0.0]]))
    tensor([0.9242])
    """
    same_shape(prediction, target, "symmetric_kl")
    q, p = full(prediction).log_softmax(dim), full(target).log_softmax(dim)
    return _relative_entropy(p, q, dim) + _relative_entropy(q, p, dim)


def jensen_shannon(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, dim: int = 1) -> Float[Tensor, " ..."]:
    """Jensen-Shannon divergence of classes, from logits: KL(p || m) / 2 + KL(q || m) / 2 with m = (p + q) / 2.

    Shapes: prediction and target logits (B, C, ...) with C at ``dim`` -> (B, ...). Between 0 and log 2.
    Errors: ``ValueError`` for shapes that differ.
    Paper: Lin, 1991, doi:10.1109/18.61115.
    Use when neither distribution comes first and the loss should be bounded; instead of it, ``kl``.

    >>> jensen_shannon(torch.tensor([[200.0, 0.0]]), torch.tensor([[0.0, 200.0]]))
    tensor([0.6931])
    """
    same_shape(prediction, target, "jensen_shannon")
    q, p = full(prediction).log_softmax(dim), full(target).log_softmax(dim)
    middle = torch.logaddexp(p, q) - math.log(2)
    return 0.5 * (_relative_entropy(p, middle, dim) + _relative_entropy(q, middle, dim))


def _relative_entropy(p: Tensor, q: Tensor, dim: int) -> Tensor:
    """KL(p || q) of log-probabilities; 0 log 0 is 0."""
    # The logarithm of 0 as a number: times p = 0 it adds 0, also where q is 0 too. A clamp is a fourth of a mask's cost.
    return (p.exp() * (p.clamp(min=NEVER) - q.clamp(min=NEVER))).sum(dim)
