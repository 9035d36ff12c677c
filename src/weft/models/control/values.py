"""Networks that judge states and actions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from weft.models.tabular.mlp import MLP


class QNetwork(nn.Module):
    """The value Q(s, a) of each of a few actions.

    ``dueling`` splits it into the state's value and the actions' advantages: Q = V + A - mean A.

    Shapes: observation (B, ...) flattened to (B, observation_dim) -> (B, num_actions).
    Errors: ``ValueError`` when an observation does not hold ``observation_dim`` numbers.
    Paper: Mnih et al., 2015, doi:10.1038/nature14236; dueling, Wang et al., 2015, arXiv:1511.06581.
    Use with DQN on vectors; instead of it, ``TwinCritics`` for continuous actions.

    >>> QNetwork(4, 2)(torch.randn(3, 4)).shape
    torch.Size([3, 2])
    """

    def __init__(
        self, observation_dim: int, num_actions: int, *, hidden: Sequence[int] = (128, 128), activation: str = "relu", dueling: bool = False
    ) -> None:
        super().__init__()
        self.dueling = dueling
        self.layers = MLP(observation_dim, hidden, num_actions + dueling, activation=activation)

    def forward(self, observation: Float[Tensor, " b *shape"]) -> Float[Tensor, "b actions"]:
        q = self.layers(observation)
        if not self.dueling:
            return q
        value, advantage = q[:, :1], q[:, 1:]
        return value + advantage - advantage.mean(1, keepdim=True)


class TwinCritics(nn.Module):
    """Two independent judgements Q(s, a) of a continuous action, so that the lower one can be believed.

    Shapes: observation (B, ...) flattened to (B, observation_dim), action (B, action_dim) -> (B, 2).
    Errors: ``ValueError`` when observation and action do not hold the numbers they should.
    Paper: Fujimoto et al., 2018, arXiv:1802.09477.
    Use with SAC or TD3: ``critics(observation, action).amin(1)``.

    >>> TwinCritics(3, 1)(torch.randn(5, 3), torch.randn(5, 1)).shape
    torch.Size([5, 2])
    """

    def __init__(self, observation_dim: int, action_dim: int, *, hidden: Sequence[int] = (256, 256), activation: str = "relu") -> None:
        super().__init__()
        self.first = MLP(observation_dim + action_dim, hidden, 1, activation=activation)
        self.second = MLP(observation_dim + action_dim, hidden, 1, activation=activation)

    def forward(self, observation: Float[Tensor, " b *shape"], action: Float[Tensor, "b actions"]) -> Float[Tensor, "b 2"]:
        both = torch.cat([observation.flatten(1), action], dim=1)
        return torch.cat([self.first(both), self.second(both)], dim=1)
