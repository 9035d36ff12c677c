"""Learning from preferences: policies that make the chosen answer likelier than the rejected one."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from weft.losses.shapes import full, same_shape


def answer_log_probability(
    logits: Float[Tensor, "b t v"], answer: Int[Tensor, "b t"], keep: Bool[Tensor, "b t"] | None = None, *, average: bool = False
) -> Float[Tensor, " b"]:
    """Log-probability of each answer: the sum (or mean) over its tokens of log softmax(logits)_token.

    Shapes: logits (B, T, V) that predict the tokens (B, T) at the same place (shift them before), ``keep`` (B, T) True on the answer, False on prompt
    and padding -> (B,). An answer without tokens has 0.
    Use for the inputs of the losses below: sums for ``dpo``, ``kto``; means for ``ipo``, ``orpo`` and ``simpo``.

    >>> answer_log_probability(torch.zeros(1, 2, 4), torch.tensor([[0, 3]]), average=True)
    tensor([-1.3863])
    """
    each = full(logits).log_softmax(2).gather(2, answer[:, :, None])[:, :, 0]
    if keep is None:
        return each.mean(1) if average else each.sum(1)
    total = each.where(keep, 0).sum(1)
    return total / keep.sum(1).clamp(min=1) if average else total


def _advantage(chosen: Tensor, rejected: Tensor, reference: tuple[Tensor, Tensor], who: str) -> Tensor:
    """How much more the policy moved towards the chosen answer than towards the rejected one, beside the reference."""
    for other in (rejected, *reference):
        same_shape(chosen, other, who)
    return (full(chosen) - full(rejected)) - (full(reference[0]) - full(reference[1])).detach()


def dpo(
    chosen: Float[Tensor, " ..."],
    rejected: Float[Tensor, " ..."],
    reference: tuple[Float[Tensor, " ..."], Float[Tensor, " ..."]],
    *,
    beta: float = 0.1,
    smoothing: float = 0.0,
) -> Float[Tensor, " ..."]:
    """A reward model and a policy in one: -log sigmoid(beta h), h = (log p(c) - log p_ref(c)) - (log p(r) - log p_ref(r)).

    ``smoothing`` is the share of labels thought to be wrong: (1 - e) of this, e of the same with -h.

    Shapes: log-probabilities of chosen and rejected answers under the policy (B,), ``reference`` the pair under the frozen reference -> (B,).
    log 2 where policy and reference agree. The reference gets no gradient.
    Errors: ``ValueError`` for shapes that differ, or smoothing outside [0, 0.5).
    Paper: Rafailov et al., 2023, arXiv:2305.18290; smoothing, Mitchell, 2023, A Note on DPO with Noisy Preferences.
    Use for pairs of answers; instead of it, ``kto`` for single answers called good or bad. Cost: two passes of two networks.

    >>> same = torch.zeros(1)
    >>> dpo(same, same, (same, same))
    tensor([0.6931])
    """
    if not 0 <= smoothing < 0.5:
        raise ValueError(f"dpo needs a smoothing in [0, 0.5), the share of wrong labels; got {smoothing}.")
    h = beta * _advantage(chosen, rejected, reference, "dpo")
    return (1 - smoothing) * F.softplus(-h) + smoothing * F.softplus(h)


def ipo(
    chosen: Float[Tensor, " ..."],
    rejected: Float[Tensor, " ..."],
    reference: tuple[Float[Tensor, " ..."], Float[Tensor, " ..."]],
    *,
    beta: float = 0.1,
) -> Float[Tensor, " ..."]:
    """``dpo``'s margin regressed on a number instead of driven to infinity: (h - 1 / (2 beta))^2.

    Shapes: log-probabilities (B,), averaged over tokens where answers differ in length, ``reference`` the pair under the frozen reference -> (B,).
    Errors: ``ValueError`` for shapes that differ or a beta that is not positive.
    Paper: Azar et al., 2023, arXiv:2310.12036.
    Use when preferences are nearly deterministic, where ``dpo`` forgets its reference.

    >>> same = torch.zeros(1)
    >>> ipo(same, same, (same, same))
    tensor([25.])
    """
    if beta <= 0:
        raise ValueError(f"ipo needs a beta > 0; got {beta}.")
    return (_advantage(chosen, rejected, reference, "ipo") - 1 / (2 * beta)).square()


def kto(
    prediction: Float[Tensor, " ..."],
    reference: Float[Tensor, " ..."],
    good: Bool[Tensor, " ..."],
    divergence: Float[Tensor, ""] | float = 0.0,
    *,
    beta: float = 0.1,
    weights: tuple[float, float] = (1.0, 1.0),
) -> Float[Tensor, " ..."]:
    """Single answers called good or bad, judged beside what the policy drifted anyway: w (1 - sigmoid(+-beta (log p - log p_ref - z))).

    + for good answers, - for bad ones; z is the ``divergence``, without gradient and not below 0.

    Shapes: log-probabilities under policy and frozen reference (B,), ``good`` (B,) bool -> (B,). ``divergence``: the batch's estimate of
    KL(policy || reference), the mean of log p - log p_ref over answers paired with other prompts. ``weights`` of good and bad answers.
    Errors: ``ValueError`` for shapes that differ.
    Paper: Ethayarajh et al., 2024, arXiv:2402.01306.
    Use when there are no pairs; set the weights so that w_good n_good and w_bad n_bad are within 4 : 3.

    >>> kto(torch.zeros(2), torch.zeros(2), torch.tensor([True, False]))
    tensor([0.5000, 0.5000])
    """
    same_shape(prediction, reference, "kto")
    same_shape(prediction, good, "kto")
    drift = full(torch.as_tensor(divergence)).detach().clamp(min=0).to(prediction.device)
    h = beta * (full(prediction) - full(reference).detach() - drift)
    return torch.where(good, weights[0] * torch.sigmoid(-h), weights[1] * torch.sigmoid(h))


def orpo(chosen: Float[Tensor, " ..."], rejected: Float[Tensor, " ..."], *, weight: float = 0.1) -> Float[Tensor, " ..."]:
    """Learning the chosen answer and turning from the rejected one at once: -log p(c) - weight log sigmoid(log odds(c) - log odds(r)).

    odds(p) = p / (1 - p), of the probability a token on average.

    Shapes: log-probabilities averaged over tokens (B,), not above 0 -> (B,).
    Errors: ``ValueError`` when the shapes differ.
    Paper: Hong et al., 2024, arXiv:2403.07691.
    Use instead of supervised tuning followed by ``dpo``; needs no reference network.

    >>> half = torch.tensor([0.5]).log()
    >>> orpo(half, half, weight=1.0)
    tensor([1.3863])
    """
    same_shape(chosen, rejected, "orpo")
    yes, no = full(chosen).clamp(max=-1e-6), full(rejected).clamp(max=-1e-6)
    # log odds = log p - log(1 - p); log(-expm1(log p)) is log(1 - p) with all its digits
    odds = (yes - (-torch.expm1(yes)).log()) - (no - (-torch.expm1(no)).log())
    return -full(chosen) + weight * F.softplus(-odds)


def simpo(chosen: Float[Tensor, " ..."], rejected: Float[Tensor, " ..."], *, beta: float = 2.0, margin: float = 1.0) -> Float[Tensor, " ..."]:
    """Average log-probabilities as rewards, with a margin to win by: -log sigmoid(beta (log p(c) - log p(r)) - margin).

    Shapes: log-probabilities averaged over tokens (B,) -> (B,).
    Errors: ``ValueError`` when the shapes differ.
    Paper: Meng et al., 2024, arXiv:2405.14734.
    Use without a reference network; the averaging keeps it from preferring long answers.

    >>> simpo(torch.zeros(1), torch.zeros(1), margin=0.0)
    tensor([0.6931])
    """
    same_shape(chosen, rejected, "simpo")
    return F.softplus(margin - beta * (full(chosen) - full(rejected)))


def divergence_estimate(prediction: Float[Tensor, " ..."], reference: Float[Tensor, " ..."], *, kind: str = "low_variance") -> Float[Tensor, " ..."]:
    """KL(policy || reference) from the policy's own samples: "plain" log p - log q, or "low_variance" q / p - 1 - log(q / p), never negative.

    Shapes: log-probabilities of samples under policy p and reference q (B, ...) -> (B, ...). Both have the right mean.
    Errors: ``ValueError`` for shapes that differ or an unknown kind.
    Paper: Schulman, 2020, Approximating KL Divergence; as a penalty of rewards, Ziegler et al., 2019, arXiv:1909.08593.
    Use as the penalty of a policy loss: reward - beta times this.

    >>> divergence_estimate(torch.tensor([0.0]), torch.tensor([0.5]))
    tensor([0.1487])
    """
    same_shape(prediction, reference, "divergence_estimate")
    gap = full(reference).detach() - full(prediction)
    if kind not in ("plain", "low_variance"):
        from weft._lazy import unknown

        raise unknown("estimate", kind, ("plain", "low_variance"))
    return -gap if kind == "plain" else gap.clamp(max=20).expm1() - gap
