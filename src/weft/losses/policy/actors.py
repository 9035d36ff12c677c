"""What a policy minimises: gradients by score, clipped ratios, soft and deterministic actors, curiosity."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from weft.losses.cross_entropy import cross_entropy
from weft.losses.shapes import full, same_shape


def reinforce(prediction: Float[Tensor, " ..."], advantage: Float[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """Actions better than expected become likelier: -advantage log p(action).

    Shapes: log-probabilities of the actions taken and advantages (returns less a baseline) (B,) -> (B,). The advantage gets no gradient.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Williams, 1992, doi:10.1007/BF00992696.
    Use for one look at each sample; instead of it, ``clipped_policy`` for several.

    >>> reinforce(torch.tensor([-0.5]), torch.tensor([2.0]))
    tensor([1.])
    """
    same_shape(prediction, advantage, "reinforce")
    return -full(advantage).detach() * full(prediction)


def actor_critic(
    prediction: Float[Tensor, " ..."],
    target: Float[Tensor, " ..."],
    log_probability: Float[Tensor, " ..."],
    entropy: Float[Tensor, " ..."],
    *,
    value_weight: float = 0.5,
    entropy_weight: float = 0.01,
) -> Float[Tensor, " ..."]:
    """A policy and the value that judges it: -(R - V) log p(action) + c_v (R - V)^2 - c_e H, no policy gradient through V.

    Shapes: values V, returns R, log-probabilities of the actions and entropies of the policy (B,) -> (B,). Returns get no gradient.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Mnih et al., 2016 (A3C), arXiv:1602.01783; in step, A2C.
    Use on fresh rollouts; instead of it, ``clipped_policy`` to use each rollout several times.

    >>> actor_critic(torch.zeros(1), torch.ones(1), torch.tensor([-0.5]), torch.zeros(1))
    tensor([1.])
    """
    for other in (target, log_probability, entropy):
        same_shape(prediction, other, "actor_critic")
    surprise = full(target).detach() - full(prediction)
    return -surprise.detach() * full(log_probability) + value_weight * surprise.square() - entropy_weight * full(entropy)


def clipped_policy(
    prediction: Float[Tensor, " ..."], before: Float[Tensor, " ..."], advantage: Float[Tensor, " ..."], *, clip: float = 0.2
) -> Float[Tensor, " ..."]:
    """The advantage by the ratio of probabilities, no reward for leaving [1 - e, 1 + e]: -min(w A, clip(w, 1 - e, 1 + e) A), w = p / p_before.

    Shapes: log-probabilities now and when the action was taken, advantages (B,) -> (B,). Only the first gets a gradient.
    Errors: ``ValueError`` for shapes that differ or a clip outside (0, 1).
    Paper: Schulman et al., 2017 (PPO), arXiv:1707.06347.
    Use for several passes over a rollout, with ``clipped_value`` and an entropy bonus; the method is ``PPO``.

    >>> clipped_policy(torch.tensor([1.0]), torch.zeros(1), torch.ones(1))
    tensor([-1.2000])
    """
    same_shape(prediction, before, "clipped_policy")
    same_shape(prediction, advantage, "clipped_policy")
    if not 0 < clip < 1:
        raise ValueError(f"clipped_policy needs a clip in (0, 1); got {clip}.")
    gain = full(advantage).detach()
    # A ratio beyond e^20 is lost anyway; unbounded it would overflow where the advantage is negative.
    ratio = (full(prediction) - full(before).detach()).clamp(max=20).exp()
    return -torch.minimum(ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain)


def soft_actor(
    prediction: Float[Tensor, " ..."], value: Float[Tensor, " ..."], *, temperature: float | Float[Tensor, ""] = 0.2
) -> Float[Tensor, " ..."]:
    """An actor that is paid for staying open: temperature log p(action) - Q(state, action).

    Shapes: log-probabilities of actions drawn now and their values (the smaller of two critics) (B,) -> (B,). Both carry gradients to the actor; keep
    the critics' parameters out of its update.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Haarnoja et al., 2018 (SAC), arXiv:1801.01290. For a deterministic actor (TD3) the temperature is 0.

    >>> soft_actor(torch.tensor([-1.0]), torch.tensor([2.0]), temperature=0.5)
    tensor([-2.5000])
    """
    same_shape(prediction, value, "soft_actor")
    heat = temperature.detach() if isinstance(temperature, Tensor) else temperature
    return heat * full(prediction) - full(value)


def entropy_temperature(
    prediction: Float[Tensor, " ..."], log_temperature: Float[Tensor, ""], *, target_entropy: float
) -> Float[Tensor, " ..."]:
    """The temperature rises while the policy is less open than wanted: -exp(log_temperature) (log p(action) + target_entropy).

    Shapes: log-probabilities (B,), a learned scalar -> (B,). Log-probabilities get no gradient. A usual target is minus the number of action
    dimensions.
    Paper: Haarnoja et al., 2018, arXiv:1812.05905, equation 18.

    >>> entropy_temperature(torch.tensor([-1.0]), torch.zeros(()), target_entropy=-2.0)
    tensor([3.])
    """
    return -full(log_temperature).exp() * (full(prediction).detach() + target_entropy)


def curiosity(
    prediction: Float[Tensor, " ..."],
    target: Float[Tensor, " ..."],
    logits: Float[Tensor, " ..."],
    action: Shaped[Tensor, " ..."],
    *,
    forward: float = 0.2,
) -> Float[Tensor, " b"]:
    """Features that say which action was taken, and what follows it: forward 1/2 |guess - next|^2 + (1 - forward) cross-entropy(action).

    Shapes: guessed and true next features (B, D), logits (B, A) of the action from both features, actions (B,) -> (B,). The first part, detached and
    scaled, is the curious reward. Next features get no gradient from it.
    Errors: ``ValueError`` for shapes that do not fit or an action out of range.
    Paper: Pathak et al., 2017, arXiv:1705.05363.
    Use where rewards are rare.

    >>> curiosity(torch.ones(1, 2), torch.zeros(1, 2), torch.zeros(1, 2), torch.tensor([0]), forward=1.0)
    tensor([1.])
    """
    same_shape(prediction, target, "curiosity")
    ahead = 0.5 * (full(prediction) - full(target).detach()).square().flatten(1).sum(1)
    return forward * ahead + (1 - forward) * cross_entropy(logits, action)
