"""Advantages: how much better an action was than expected."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def generalized_advantage(
    reward: Float[Tensor, "n t"],
    value: Float[Tensor, "n t"],
    next_value: Float[Tensor, "n t"],
    terminated: Bool[Tensor, "n t"],
    truncated: Bool[Tensor, "n t"],
    *,
    discount: float = 0.99,
    trace: float = 0.95,
) -> Float[Tensor, "n t"]:
    """Generalised advantage estimates: A_t = d_t + discount trace A_{t+1} within an episode, d_t = r_t + discount V(s'_t) - V(s_t).

    V(s'_t) is ``next_value``, the value of the true successor; it counts unless the episode ``terminated`` there, also when it was ``truncated``:
    then it is the value of the final observation. The sum ends with the episode, either way, and with the segment.

    Shapes: all (N, T), N segments of T steps -> (N, T). Returns to regress on are advantage + value.
    Paper: Schulman et al., 2016, arXiv:1506.02438; truncation, Pardo et al., 2018, arXiv:1712.00378.
    Use with policy gradients; trace 1 is Monte Carlo minus baseline, trace 0 the temporal-difference error. Cost: T small operations.

    >>> no = torch.tensor([[False, False]])
    >>> generalized_advantage(torch.ones(1, 2), torch.zeros(1, 2), torch.zeros(1, 2), no, no, discount=0.5, trace=1.0)
    tensor([[1.5000, 1.0000]])
    """
    surprise = reward + discount * next_value * ~terminated - value
    carries = discount * trace * ~(terminated | truncated)
    advantage = torch.empty_like(surprise)
    following = torch.zeros_like(surprise[:, 0])
    for t in reversed(range(surprise.shape[1])):
        following = surprise[:, t] + carries[:, t] * following
        advantage[:, t] = following
    return advantage
