"""Distributions over actions, made from what a network gives: drawn from, scored, and with an entropy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

LOG_DEVIATION = (-20.0, 2.0)  # beyond these a Gaussian policy is a point or a blur
HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True)
class Categorical:
    """One of A actions with probabilities softmax(output).

    Shapes: output (..., A); actions, log probabilities and entropies (...). ``random`` is a generator on the output's device.

    >>> policy = Categorical(torch.tensor([[0.0, 0.0]]))
    >>> policy.log_probability(torch.tensor([1])).exp(), policy.entropy().exp()
    (tensor([0.5000]), tensor([2.]))
    """

    output: Float[Tensor, "*b a"]

    @classmethod
    def of(cls, output: Tensor, device: torch.device | str | None = None) -> Self:
        """The policy that a network's output means, in float32 and on ``device`` (default: where it is)."""
        return cls(output.to(device, torch.float32) if device else output.float())

    def sample(self, random: torch.Generator | None = None) -> Int[Tensor, " *b"]:
        drawn = torch.multinomial(self.output.softmax(-1).flatten(0, -2), 1, generator=random)
        return drawn.reshape(self.output.shape[:-1])

    def log_probability(self, action: Int[Tensor, " *b"]) -> Float[Tensor, " *b"]:
        return self.output.log_softmax(-1).gather(-1, action[..., None]).squeeze(-1)

    def entropy(self) -> Float[Tensor, " *b"]:
        log_probability = self.output.log_softmax(-1)
        # A masked action (logit -inf) has no probability and adds nothing: 0 log 0 = 0.
        return -(log_probability.exp() * log_probability.clamp(min=torch.finfo(log_probability.dtype).min)).sum(-1)

    def mode(self) -> Int[Tensor, " *b"]:
        return self.output.argmax(-1)


@dataclass(frozen=True)
class Gaussian:
    """Independent normal actions. A network gives means and log deviations, as two tensors (..., A) or as one (..., 2 A).

    Shapes: actions (..., A), log probabilities and entropies (...), summed over A. Log deviations are cut off at -20 and 2.

    >>> Gaussian.of(torch.zeros(1, 2)).log_probability(torch.zeros(1, 1))
    tensor([-0.9189])
    """

    mean: Float[Tensor, "*b a"]
    log_deviation: Float[Tensor, "*b a"]

    @classmethod
    def of(cls, output: Tensor | Sequence[Tensor], device: torch.device | str | None = None) -> Self:
        """The policy that a network's output means, in float32 and on ``device`` (default: where it is)."""
        parts = output.chunk(2, -1) if isinstance(output, Tensor) else output
        mean, log_deviation = (part.to(device, torch.float32) if device else part.float() for part in parts)
        return cls(mean, log_deviation.clamp(*LOG_DEVIATION))

    def sample(self, random: torch.Generator | None = None) -> Float[Tensor, "*b a"]:
        noise = torch.randn(self.mean.shape, generator=random, device=self.mean.device, dtype=self.mean.dtype)
        return self.mean + self.log_deviation.exp() * noise

    def log_probability(self, action: Float[Tensor, "*b a"]) -> Float[Tensor, " *b"]:
        distance = (action - self.mean) * (-self.log_deviation).exp()
        return (-0.5 * distance.square() - self.log_deviation - HALF_LOG_TAU).sum(-1)

    def entropy(self) -> Float[Tensor, " *b"]:
        return (self.log_deviation + 0.5 + HALF_LOG_TAU).sum(-1)

    def mode(self) -> Float[Tensor, "*b a"]:
        return self.mean


@dataclass(frozen=True)
class Squashed:
    """Normal numbers u squashed into (-1, 1): a = tanh(u), log p(a) = log p(u) - sum log(1 - tanh(u)^2).

    The last part is computed as 2 (log 2 - u - softplus(-2 u)), which stays exact where tanh saturates.

    Shapes: actions (..., A), log probabilities (...). Paper: Haarnoja et al., 2018, arXiv:1801.01290, appendix C.

    >>> action, log_probability = Squashed.of(torch.zeros(3, 4)).sample()
    >>> action.shape, log_probability.shape
    (torch.Size([3, 2]), torch.Size([3]))
    """

    plain: Gaussian

    @classmethod
    def of(cls, output: Tensor | Sequence[Tensor], device: torch.device | str | None = None) -> Self:
        """The policy that a network's output means, as for ``Gaussian``."""
        return cls(Gaussian.of(output, device))

    def sample(self, random: torch.Generator | None = None) -> tuple[Float[Tensor, "*b a"], Float[Tensor, " *b"]]:
        """Actions and their log probabilities, differentiable with respect to the output."""
        u = self.plain.sample(random)
        return u.tanh(), self.plain.log_probability(u) - (2 * (math.log(2) - u - F.softplus(-2 * u))).sum(-1)

    def mode(self) -> Float[Tensor, "*b a"]:
        return self.plain.mode().tanh()


def written_down(policy: nn.Module, name: str, network: nn.Module, args: Mapping[str, object]) -> nn.Module:
    """Let a policy say how it is made again, if its network does; a bundle asks for that."""
    noted = getattr(network, "_weft_spec", None)
    if noted is not None:
        policy._weft_spec = {"name": name, "args": {"network": noted, **args}}  # type: ignore[assignment]
    return policy
