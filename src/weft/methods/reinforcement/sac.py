"""Soft actor-critic."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from weft.engine import BoundUpdate, Method, Update
from weft.engine.method import evaluating
from weft.losses import Loss
from weft.nn.policies import CentralPolicy
from weft.optim import EMA, adam, average_of

from .policies import Squashed, written_down


class SAC(Method):
    """A stochastic policy that seeks return and entropy, judged by the more careful of several critics.

    Critics: (Q_i(s, a) - y)^2, y = r + discount (1 - terminated) (min_i Q'_i(s', a') - t log p(a'|s')), a' drawn from the policy, Q' slow copies.
    Actor: t log p(a|s) - min_i Q_i(s, a). Temperature t: -t (log p(a|s) + target entropy), so that the entropy settles there (default:
    minus the number of action dimensions). Three updates a step, in this order. ``low`` and ``high`` are the bounds of the environment;
    critics see actions in (-1, 1), where the entropy is measured too.

    Shapes: the actor maps observations (B, ...) to means and log deviations, as (B, 2 A) or a pair; ``critics(observation, action)`` gives
    (B, K), K judgements by networks that share nothing. Batch, as ``weft.data.Replay(environments, method.act)`` yields: input, next_input
    (B, ...), action (B, A), reward (B,), terminated (B,) bool. A truncated episode bootstraps, a terminated one does not.
    Errors: ``ValueError`` for bounds that are infinite or not in order.
    Paper: Haarnoja et al., 2018, arXiv:1812.05905.
    Use when actions are continuous and steps of the environment are dear; instead of it, ``PPO`` when they are cheap, ``DQN`` for discrete actions.
    Cost: per batch four passes of the actor and three of each critic, about half of them with gradient.

    >>> method = SAC(nn.Linear(3, 2), nn.Bilinear(3, 1, 2), low=[-2.0], high=[2.0])
    >>> method.predict({"input": torch.zeros(5, 3)})["action"].shape
    torch.Size([5, 1])
    """

    low: Tensor
    high: Tensor

    def __init__(
        self,
        actor: nn.Module,
        critics: nn.Module,
        low: Sequence[float],
        high: Sequence[float],
        *,
        discount: float = 0.99,
        decay: float = 0.995,
        temperature: float = 1.0,
        target_entropy: float | None = None,
    ) -> None:
        super().__init__()
        self.actor, self.critics, self.target = actor, critics, average_of(critics)
        self.log_temperature = nn.Parameter(torch.tensor(math.log(temperature)))
        self.register_buffer("low", torch.as_tensor(low, dtype=torch.float32))
        self.register_buffer("high", torch.as_tensor(high, dtype=torch.float32))
        if not (self.low.isfinite() & self.high.isfinite() & (self.low < self.high)).all():
            raise ValueError(f"SAC acts between finite bounds, low below high; got low={low}, high={high}.")
        self.discount, self.decay = discount, decay
        self.target_entropy = -float(self.low.numel()) if target_entropy is None else target_entropy

    def updates(self) -> dict[str, Update]:
        return {
            "critics": Update(adam(1e-3), after=[EMA("target", "critics", self.decay)]),
            "actor": Update(adam(1e-3)),
            "temperature": Update(adam(1e-3), on="log_temperature"),
        }

    @evaluating
    def act(self, observation: Tensor, random: torch.Generator | None = None) -> dict[str, Tensor]:
        """Actions (N, A) within the bounds, drawn from the policy on the CPU wherever the network is."""
        action, _ = Squashed.of(self.actor(observation), "cpu").sample(random)
        return {"action": self.unscaled(action)}

    def unscaled(self, action: Float[Tensor, "*b a"]) -> Float[Tensor, "*b a"]:
        """From (-1, 1) to the bounds of the environment."""
        low, high = self.low.to(action.device), self.high.to(action.device)
        return low + (high - low) * (action + 1) / 2

    def scaled(self, action: Float[Tensor, "*b a"]) -> Float[Tensor, "*b a"]:
        """From the bounds of the environment to (-1, 1)."""
        return 2 * (action - self.low) / (self.high - self.low) - 1

    def step(self, batch: dict[str, Tensor], update: Mapping[str, BoundUpdate]) -> dict[str, Any]:
        critic = update["critics"](self.critic_loss, batch)
        actor = update["actor"](self.actor_loss, batch)
        temperature = update["temperature"](self.temperature_loss, batch)
        named = {"critic": critic, "actor": actor, "temperature": temperature}
        return {f"{name}/{k}": v for name, logs in named.items() for k, v in logs.items()}

    @torch.no_grad()
    def goal(self, batch: dict[str, Tensor]) -> Float[Tensor, " b"]:
        """What every critic should say of (s, a), (B,)."""
        action, log_probability = Squashed.of(self.actor(batch["next_input"])).sample()
        future = self.target(batch["next_input"], action).float().amin(1) - self.log_temperature.exp() * log_probability
        return batch["reward"] + self.discount * ~batch["terminated"] * future

    def critic_loss(self, batch: dict[str, Tensor]) -> Loss:
        value = self.critics(batch["input"], self.scaled(batch["action"])).float()
        return Loss.mean((value - self.goal(batch)[:, None]).square().sum(1), batch.get("weight"), logs={"value": value.mean(1)})

    def actor_loss(self, batch: dict[str, Tensor]) -> Loss:
        action, log_probability = Squashed.of(self.actor(batch["input"])).sample()
        value = self.critics(batch["input"], action).float().amin(1)
        return Loss.mean(self.log_temperature.detach().exp() * log_probability - value, logs={"entropy": -log_probability})

    def temperature_loss(self, batch: dict[str, Tensor]) -> Loss:
        with torch.no_grad():
            _, log_probability = Squashed.of(self.actor(batch["input"])).sample()
        return Loss.mean(-self.log_temperature.exp() * (log_probability + self.target_entropy), logs={"now": self.log_temperature.exp()})

    def predict(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"action": self.unscaled(Squashed.of(self.actor(batch["input"])).mode())}

    def deploy(self) -> dict[str, nn.Module]:
        bounds = {"low": self.low.tolist(), "high": self.high.tolist()}
        return {"act": written_down(CentralPolicy(self.actor, **bounds).to(self.low.device), "central_policy", self.actor, bounds)}
