"""Policies as they are deployed: a network's output turned into the action to play."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn


class GreedyPolicy(nn.Module):
    """The action with the highest score: argmax_a network(observation)_a.

    Shapes: observation (B, ...) -> {"action": (B,) int64, "score": (B, A)}, where the network gives a score (a value, a logit) to each of
    A actions; of a network with several outputs (an actor-critic) it is the first.
    Use when actions are discrete; instead of it, ``CentralPolicy`` for continuous ones. Cost: that of the network.

    >>> policy = GreedyPolicy(nn.Identity())
    >>> policy(torch.tensor([[0.1, 0.7, 0.2]]))["action"]
    tensor([1])
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, observation: Shaped[Tensor, " b *shape"]) -> dict[str, Tensor]:
        output = self.network(observation)
        score = output if isinstance(output, Tensor) else output[0]
        return {"action": score.argmax(-1), "score": score}


class CentralPolicy(nn.Module):
    """The centre of a Gaussian policy, squashed into bounds if there are any: low + (high - low) (tanh(m) + 1) / 2.

    Shapes: observation (B, ...) -> {"action": (B, A)}; the network gives means m and log deviations, as two tensors (B, A) or as one
    (B, 2 A) that may be followed by others. The log deviations are not used.
    ``low`` and ``high``: A bounds each, or None for actions without bounds, which are played as m.
    Errors: ``ValueError`` when only one bound is given or they are not in order.
    Use when actions are continuous; instead of it, ``GreedyPolicy`` for discrete ones. Cost: that of the network.

    >>> policy = CentralPolicy(nn.Identity(), low=[-2.0], high=[2.0])
    >>> policy(torch.tensor([[0.0, 5.0], [9.0, 5.0]]))["action"].flatten()
    tensor([0., 2.])
    """

    low: Tensor | None
    high: Tensor | None

    def __init__(self, network: nn.Module, low: Sequence[float] | None = None, high: Sequence[float] | None = None) -> None:
        super().__init__()
        if (low is None) != (high is None) or (low is not None and high is not None and not all(a < b for a, b in zip(low, high, strict=True))):
            raise ValueError(f"CentralPolicy needs both bounds, low below high, or none; got low={low}, high={high}.")
        self.network = network
        self.register_buffer("low", None if low is None else torch.tensor(low, dtype=torch.float32))
        self.register_buffer("high", None if high is None else torch.tensor(high, dtype=torch.float32))

    def forward(self, observation: Shaped[Tensor, " b *shape"]) -> dict[str, Float[Tensor, "b a"]]:
        mean = mean_of(self.network(observation))
        if self.low is None or self.high is None:
            return {"action": mean}
        return {"action": self.low + (self.high - self.low) * (mean.tanh() + 1) / 2}


def mean_of(output: Tensor | Sequence[Any]) -> Tensor:
    """The means in what a Gaussian policy's network gives: (B, 2 A); (means, log deviations); either of these followed by values."""
    if isinstance(output, Tensor):
        return output.chunk(2, -1)[0]
    first, second = output[:2]
    return first if isinstance(first, Tensor) and first.shape == second.shape else mean_of(first)
