"""Networks that choose actions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from weft.models.tabular.mlp import MLP
from weft.nn.initialization import initialize

LOG_STD_RANGE = (-5.0, 2.0)


def trunk(in_dim: int, hidden: Sequence[int], out_dim: int, activation: str, last_gain: float) -> MLP:
    """An MLP with orthogonal weights, gain sqrt(2) but for the last layer, and zero biases."""
    network = MLP(in_dim, hidden, out_dim, activation=activation)
    initialize(network, "orthogonal", gain=math.sqrt(2))
    initialize(network.layers[-1], "orthogonal", gain=last_gain)
    return network


class MLPPolicy(nn.Module):
    """Scores of a few actions: the logits of pi(a | s).

    Shapes: observation (B, ...) flattened to (B, observation_dim) -> logits (B, num_actions), nearly equal at the beginning.
    Errors: ``ValueError`` when an observation does not hold ``observation_dim`` numbers.
    Paper: Schulman et al., 2017, arXiv:1707.06347; orthogonal beginnings, Huang et al., 2022 ("37 implementation details").
    Use when actions are few and discrete; instead of it, ``ActorCritic`` when a value is learned too, ``GaussianPolicy`` for continuous ones.

    >>> MLPPolicy(4, 2)(torch.randn(3, 4)).shape
    torch.Size([3, 2])
    """

    def __init__(self, observation_dim: int, num_actions: int, *, hidden: Sequence[int] = (64, 64), activation: str = "tanh") -> None:
        super().__init__()
        self.policy = trunk(observation_dim, hidden, num_actions, activation, last_gain=0.01)

    def forward(self, observation: Float[Tensor, " b *shape"]) -> Float[Tensor, "b actions"]:
        return self.policy(observation)


class ActorCritic(nn.Module):
    """Scores of a few actions, and the value of the state, by two networks that share nothing.

    Shapes: observation (B, ...) flattened to (B, observation_dim) -> logits (B, num_actions), value (B,).
    Errors: ``ValueError`` when an observation does not hold ``observation_dim`` numbers.
    Paper: Schulman et al., 2017, arXiv:1707.06347; orthogonal beginnings, Huang et al., 2022 ("37 implementation details").
    Use with PPO or A2C on vectors.

    >>> [x.shape for x in ActorCritic(4, 2)(torch.randn(3, 4))]
    [torch.Size([3, 2]), torch.Size([3])]
    """

    def __init__(self, observation_dim: int, num_actions: int, *, hidden: Sequence[int] = (64, 64), activation: str = "tanh") -> None:
        super().__init__()
        self.policy = trunk(observation_dim, hidden, num_actions, activation, last_gain=0.01)
        self.value = trunk(observation_dim, hidden, 1, activation, last_gain=1.0)

    def forward(self, observation: Float[Tensor, " b *shape"]) -> tuple[Float[Tensor, "b actions"], Float[Tensor, " b"]]:
        return self.policy(observation), self.value(observation)[:, 0]


class GaussianPolicy(nn.Module):
    """Mean and log standard deviation of a normal distribution over continuous actions, both depending on the state.

    The log standard deviation is squeezed smoothly into [-5, 2]. ``squash`` turns a draw into an action in (-1, 1).

    Shapes: observation (B, ...) flattened to (B, observation_dim) -> mean (B, action_dim), log_std (B, action_dim).
    Errors: ``ValueError`` when an observation does not hold ``observation_dim`` numbers.
    Paper: Haarnoja et al., 2018, arXiv:1801.01290.
    Use with SAC; instead of it, ``MLPPolicy`` for discrete actions.

    >>> [x.shape for x in GaussianPolicy(3, 1)(torch.randn(5, 3))]
    [torch.Size([5, 1]), torch.Size([5, 1])]
    """

    def __init__(self, observation_dim: int, action_dim: int, *, hidden: Sequence[int] = (256, 256), activation: str = "relu") -> None:
        super().__init__()
        self.layers = MLP(observation_dim, hidden, 2 * action_dim, activation=activation)

    def forward(self, observation: Float[Tensor, " b *shape"]) -> tuple[Float[Tensor, "b actions"], Float[Tensor, "b actions"]]:
        mean, raw = self.layers(observation).chunk(2, dim=1)
        low, high = LOG_STD_RANGE
        return mean, low + 0.5 * (high - low) * (torch.tanh(raw) + 1)


def squash(
    mean: Float[Tensor, "b actions"], log_std: Float[Tensor, "b actions"], noise: Float[Tensor, "b actions"]
) -> tuple[Float[Tensor, "b actions"], Float[Tensor, " b"]]:
    """The action tanh(mean + std * noise), and its log-density for standard normal noise, exact for any size of action.

    log pi(a) = sum log N(u; mean, std) - log(1 - tanh(u)^2), the last as 2 (log 2 - u - softplus(-2u)), which does not lose digits where tanh is 1.

    Shapes: all (B, A) -> action (B, A) in (-1, 1), log-density (B,). Differentiable in mean and log_std.
    Paper: Haarnoja et al., 2018, arXiv:1801.01290, appendix C.

    >>> action, log_density = squash(torch.zeros(1, 1), torch.zeros(1, 1), torch.zeros(1, 1))
    >>> action.item(), round(log_density.item(), 4)
    (0.0, -0.9189)
    """
    before = mean + log_std.exp() * noise
    normal = -0.5 * noise.square() - log_std - 0.5 * math.log(2 * math.pi)
    return torch.tanh(before), (normal - 2 * (math.log(2) - before - F.softplus(-2 * before))).sum(1)
