"""What values learn from: returns, temporal differences, and whole distributions of returns."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from weft.losses.shapes import full, same_shape


def temporal_difference(
    prediction: Float[Tensor, " ..."],
    reward: Float[Tensor, " ..."],
    next_value: Float[Tensor, " ..."],
    terminated: Bool[Tensor, " ..."],
    *,
    discount: float = 0.99,
    steps: int = 1,
    delta: float | None = 1.0,
) -> Float[Tensor, " ..."]:
    """A value against one step of truth: huber(V - (r + discount^n V' [not terminated])).

    Shapes: values, rewards (of n steps, discounted and added), values of the state n ``steps`` later, whether the episode ended for good: all (B,) ->
    (B,). The target gets no gradient. ``delta=None``: half the squared error. For double Q-learning, give V' = Q_target(s', argmax_a Q(s', a)); for
    TD3 the smaller of two critics; for SAC that less temperature log p.
    Errors: ``ValueError`` when the shapes differ: (B, 1) against (B,) would learn nonsense in silence.
    Paper: Mnih et al., 2015 (DQN), doi:10.1038/nature14236; Sutton, 1988, doi:10.1007/BF00115009.
    Use for all value learning; instead of it, ``quantile_value`` for the whole distribution.

    >>> temporal_difference(torch.zeros(1), torch.ones(1), torch.ones(1), torch.tensor([True]))
    tensor([0.5000])
    """
    for other in (reward, next_value, terminated):
        same_shape(prediction, other, "temporal_difference")
    target = full(reward) + discount**steps * full(next_value) * ~terminated
    value = full(prediction)
    if delta is None:
        return 0.5 * (value - target.detach()).square()
    return F.huber_loss(value, target.detach().to(value.dtype), reduction="none", delta=delta)


def lambda_returns(
    reward: Float[Tensor, "n t"],
    next_value: Float[Tensor, "n t"],
    terminated: Bool[Tensor, "n t"],
    truncated: Bool[Tensor, "n t"] | None = None,
    *,
    discount: float = 0.99,
    trace: float = 0.95,
) -> Float[Tensor, "n t"]:
    """Returns between one step and all: G_t = r_t + discount ((1 - trace) V'_t + trace G_{t+1}), G after the last step being V'.

    Shapes: rewards and values of the true successors (N, T), ends (N, T) -> (N, T). A terminated step is worth its reward; after a truncated one,
    and at the end of the segment, all that follows is V'. trace 0: one-step targets; trace 1: Monte Carlo.
    Paper: Sutton, 1988, doi:10.1007/BF00115009 (TD(lambda)).
    Use as targets for values; ``weft.methods.reinforcement.generalized_advantage`` is this less the value.

    >>> no = torch.tensor([[False, False]])
    >>> lambda_returns(torch.ones(1, 2), torch.zeros(1, 2), no, discount=0.5, trace=1.0)
    tensor([[1.5000, 1.0000]])
    """
    cut = torch.zeros_like(terminated) if truncated is None else truncated
    result = torch.empty_like(reward)
    after = next_value[:, -1]
    for t in reversed(range(reward.shape[1])):
        follow = torch.where(cut[:, t], next_value[:, t], after)
        result[:, t] = reward[:, t] + discount * ((1 - trace) * next_value[:, t] + trace * follow) * ~terminated[:, t]
        after = result[:, t]
    return result


def step_returns(
    reward: Float[Tensor, "n t"], next_value: Float[Tensor, "n t"], terminated: Bool[Tensor, "n t"], *, steps: int, discount: float = 0.99
) -> Float[Tensor, "n t"]:
    """Returns of n steps: r_t + ... + discount^(n - 1) r_{t+n-1} + discount^n V', shorter where the episode or the segment ends.

    Shapes: as ``lambda_returns`` -> (N, T).
    Errors: ``ValueError`` for fewer than one step.
    Paper: Mnih et al., 2016, arXiv:1602.01783.

    >>> no = torch.tensor([[False, False, False]])
    >>> step_returns(torch.ones(1, 3), torch.zeros(1, 3), no, steps=2, discount=0.5)
    tensor([[1.5000, 1.5000, 1.0000]])
    """
    if steps < 1:
        raise ValueError(f"step_returns looks at least one step ahead; got {steps}.")
    result = reward + discount * next_value * ~terminated
    for _ in range(steps - 1):  # one more step each time: r_t, then what the next step made of the rest
        later = torch.cat([result[:, 1:], next_value[:, -1:]], 1)
        result = reward + discount * later * ~terminated
    return result


def clipped_value(
    prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], before: Float[Tensor, " ..."], *, clip: float = 0.2
) -> Float[Tensor, " ..."]:
    """A value that gains nothing by leaving its old self's neighbourhood: 1/2 max((V - R)^2, (V_old + clip(V - V_old, +-e) - R)^2).

    Shapes: values now, returns, values when the rollout was made (B,) -> (B,). Only the first gets a gradient.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Schulman et al., 2017 (PPO), arXiv:1707.06347, as in its published code; that it seldom helps, Engstrom et al., 2020, arXiv:2005.12729.
    Use to reproduce; rewards must be scaled for the clip to mean anything.

    >>> clipped_value(torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor([0.0]))
    tensor([1.6200])
    """
    same_shape(prediction, target, "clipped_value")
    same_shape(prediction, before, "clipped_value")
    value, old, wanted = full(prediction), full(before).detach(), full(target).detach()
    near = old + (value - old).clamp(-clip, clip)
    return 0.5 * torch.maximum((value - wanted).square(), (near - wanted).square())


def projected_distribution(
    probability: Float[Tensor, "b k"],
    reward: Float[Tensor, " b"],
    terminated: Bool[Tensor, " b"],
    support: Float[Tensor, " k"],
    *,
    discount: float = 0.99,
) -> Float[Tensor, "b k"]:
    """The distribution of r + discount Z' on the same atoms: each moved atom shares its mass between its two neighbours.

    Shapes: the next state's probabilities (B, K), rewards and ends (B,), evenly spaced atoms (K,) rising -> (B, K). Mass beyond the
    ends stays on them.
    Paper: Bellemare et al., 2017 (C51), arXiv:1707.06887, algorithm 1.
    Use for the target of ``categorical_value``.

    >>> atoms = torch.tensor([0.0, 1.0, 2.0])
    >>> projected_distribution(torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([0.5]), torch.tensor([False]), atoms)
    tensor([[0.5000, 0.5000, 0.0000]])
    """
    spacing = (support[-1] - support[0]) / (len(support) - 1)
    moved = (reward[:, None] + discount * support * ~terminated[:, None]).clamp(float(support[0]), float(support[-1]))
    place = (moved - support[0]) / spacing
    # The hat function of every atom at every moved atom: 1 at the atom itself, 0 from its neighbours on.
    share = (1 - (place[:, :, None] - torch.arange(len(support), device=place.device)).abs()).clamp(min=0)
    return (probability.detach()[:, :, None] * share).sum(1)


def categorical_value(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."]) -> Float[Tensor, " b"]:
    """A distribution of returns against its target on the same atoms: -sum_k target_k log softmax(logits)_k.

    Shapes: logits (B, K) and probabilities (B, K) -> (B,). Its least value is the target's entropy. The target gets no gradient.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Bellemare et al., 2017 (C51), arXiv:1707.06887.
    Use with ``projected_distribution``.

    >>> categorical_value(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([0.6931])
    """
    same_shape(prediction, target, "categorical_value")
    return -(full(target).detach() * full(prediction).log_softmax(1)).sum(1)


def quantile_value(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, kappa: float = 1.0) -> Float[Tensor, " b"]:
    """Quantiles of the return against samples of it: mean_j sum_i |tau_i - [u_ij < 0]| huber(u_ij) / kappa, u_ij = target_j - prediction_i.

    tau_i = (i + 1/2) / N. ``kappa=0``: the plain quantile regression |tau - [u < 0]| |u|.

    Shapes: prediction (B, N) quantiles, target (B, M) samples such as r + discount times the next state's quantiles -> (B,). The target gets no
    gradient.
    Errors: ``ValueError`` unless both are lists for the same items, or for a negative kappa.
    Paper: Dabney et al., 2017 (QR-DQN), arXiv:1710.10044.
    Use for risk-aware or distributional agents, without a fixed range of returns.

    >>> quantile_value(torch.zeros(1, 1), torch.tensor([[2.0]]))
    tensor([0.7500])
    """
    if prediction.ndim != 2 or target.ndim != 2 or len(prediction) != len(target):
        raise ValueError(f"quantile_value needs quantiles (B, N) and samples (B, M); got {tuple(prediction.shape)} and {tuple(target.shape)}.")
    if kappa < 0:
        raise ValueError(f"quantile_value needs kappa >= 0; got {kappa}.")
    guess = full(prediction)
    apart = full(target).detach()[:, None, :] - guess[:, :, None]
    middle = (torch.arange(guess.shape[1], device=guess.device, dtype=guess.dtype) + 0.5) / guess.shape[1]
    size = apart.abs()
    cost = size if kappa == 0 else size.clamp(max=kappa) * (size - 0.5 * size.clamp(max=kappa)) / kappa
    return ((middle[:, None] - (apart < 0).to(guess.dtype)).abs() * cost).mean(2).sum(1)
