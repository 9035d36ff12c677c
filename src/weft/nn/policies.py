"""Policies as they are deployed: a network's output turned into the action to play."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn


class GreedyPolicy(nn.Module):
    """The action with the highest score: argmax_a network(observation)_a.

    Shapes: observation (B, ...) -> {"action": (B,) int64, "score": (B, A)}, where the network gives a score (a value, a logit) to each of A actions.
    Use when actions are discrete; instead of it, ``CentralPolicy`` for continuous ones. Cost: that of the network.

    >>> policy = GreedyPolicy(nn.Identity())
    >>> policy(torch.tensor([[0.1, 0.7, 0.2]]))["action"]
    tensor([1])
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, observation: Shaped[Tensor, " b *shape"]) -> dict[str, Tensor]:
        score = self.network(observation)
        return {"action": score.argmax(-1), "score": score}


class CentralPolicy(nn.Module):
    """The centre of a Gaussian policy, squashed into bounds if there are any: low + (high - low) (tanh(m) + 1) / 2.

    Shapes: observation (B, ...) -> {"action": (B, A)}; the network gives (B, 2 A), means m and then log deviations, of which the latter are not used.
    ``low`` and ``high``: A bounds each, or None for actions without bounds, which are played as m.
    Errors: ``ValueError`` when only one bound is given or they are not in order.
    Use when actions are continuous; instead of it, ``GreedyPolicy`` for discrete ones. Cost: that of the network.

    >>> policy = CentralPolicy(nn.Identity(), low=[-2.0], high=[2.0])
    >>> policy(torch.tensor([[0.0, 5.0], [9.0, 5.0]]))["action"].flatten()
    tensor([0., 2.])
    """

    def __init__(self, network: nn.Module, low: Sequence[float] | None = None, high: Sequence[float] | None = None) -> None:
        super().__init__()
        if (low is None) != (high is None) or (low is not None and high is not None and not all(a < b for a, b in zip(low, high, strict=True))):
            raise ValueError(f"CentralPolicy needs both bounds, low below high, or none; got low={low}, high={high}.")
        self.network = network
        self.register_buffer("low", None if low is None else torch.tensor(low, dtype=torch.float32))
        self.register_buffer("high", None if high is None else torch.tensor(high, dtype=torch.float32))

    def forward(self, observation: Shaped[Tensor, " b *shape"]) -> dict[str, Float[Tensor, "b a"]]:
        mean, _ = self.network(observation).chunk(2, -1)
        if self.low is None:
            return {"action": mean}
        return {"action": self.low + (self.high - self.low) * (mean.tanh() + 1) / 2}
