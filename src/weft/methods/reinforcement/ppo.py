"""Proximal policy optimisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from weft._lazy import unknown
from weft.engine import BoundUpdate, Mean, Method, Update
from weft.engine.method import evaluating
from weft.losses import Loss
from weft.nn.policies import CentralPolicy, GreedyPolicy
from weft.optim import ClipNorm, adam

from .advantage import generalized_advantage
from .policies import Categorical, Gaussian, written_down

POLICIES = {"categorical": Categorical, "gaussian": Gaussian}


@dataclass(frozen=True)
class Surrogate:
    """What PPO minimises: how far the policy may move in one rollout, and how much value error and entropy count.

    >>> Surrogate(entropy=0.01).clip
    0.2
    """

    clip: float = 0.2
    value: float = 0.5
    entropy: float = 0.0


class PPO(Method):
    """Several passes over each rollout, with the policy kept near the one that lived it.

    Minimises -min(w A, clip(w, 1 - e, 1 + e) A) + c_v (V - R)^2 - c_e H, w = p(a|s) / p_old(a|s), with A from generalised advantage
    estimation, normalised in each minibatch, and R = A + V before the step. e, c_v and c_e are ``surrogate.clip``, ``.value``, ``.entropy``.
    A truncated episode bootstraps with the value of its final observation, a terminated one with nothing.

    Shapes: the network maps observations (B, ...) to what the policy is made of and a value (B,): logits (B, A) with ``policy="categorical"``,
    A means and A log deviations with ``"gaussian"``, as (B, 2 A) or a pair. Batch, as ``weft.data.Rollouts(environments, method.act)`` yields,
    N segments of T steps: input, next_input (N, T, ...), action (N, T) or (N, T, A), log_probability, reward (N, T), terminated, truncated
    (N, T) bool. One engine step is one rollout: ``passes`` times ``minibatches`` updates. Logs are means over all of them.
    Errors: ``ValueError`` for an unknown policy, or more minibatches than transitions.
    Paper: Schulman et al., 2017, arXiv:1707.06347. Differs: on several ranks each normalises its own advantages.
    Use when steps of the environment are cheap; instead of it, ``DQN`` or ``SAC`` when they are dear. Cost: ``passes`` times the
    transitions, with gradient.

    >>> class Both(nn.Module):
    ...     def forward(self, input):
    ...         return input[:, :2], input[:, 3]
    >>> sorted(PPO(Both()).act(torch.zeros(3, 4)))
    ['action', 'log_probability']
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        policy: str = "categorical",
        discount: float = 0.99,
        trace: float = 0.95,
        passes: int = 4,
        minibatches: int = 4,
        surrogate: Surrogate = Surrogate(),
    ) -> None:
        super().__init__()
        if policy not in POLICIES:
            raise unknown("policy", policy, POLICIES)
        if passes < 1 or minibatches < 1:
            raise ValueError(f"PPO(passes={passes}, minibatches={minibatches}): expected at least one of each.")
        self.network, self.policy = network, policy
        self.discount, self.trace, self.passes, self.minibatches, self.surrogate = discount, trace, passes, minibatches, surrogate

    def updates(self) -> dict[str, Update]:
        return {"all": Update(adam(1e-3), on="", gradients=[ClipNorm(0.5)])}

    @evaluating
    def act(self, observation: Tensor, random: torch.Generator | None = None) -> dict[str, Tensor]:
        """Actions drawn from the policy and their log probabilities, drawn on the CPU wherever the network is."""
        output, _ = self.network(observation)
        policy = POLICIES[self.policy].of(output, "cpu")
        action = policy.sample(random)
        return {"action": action, "log_probability": policy.log_probability(action)}

    def step(self, batch: dict[str, Tensor], update: Mapping[str, BoundUpdate]) -> dict[str, Any]:
        (only,) = update.values()
        rows = self.credited(batch)
        count = len(rows["advantage"])
        if count < self.minibatches:
            raise ValueError(f"A rollout of {count} transitions cannot be cut into {self.minibatches} minibatches.")
        logs: dict[str, Any] = {}
        for _ in range(self.passes):
            for chosen in torch.randperm(count).to(rows["advantage"].device).tensor_split(self.minibatches):
                part = {k: v[chosen] for k, v in rows.items()}
                advantage = part["advantage"]
                part["advantage"] = (advantage - advantage.mean()) / (advantage.std(correction=0) + 1e-8)
                for k, v in only(self.objective, part).items():
                    logs[k] = logs[k] + v if isinstance(v, Mean) and k in logs else v
        return logs

    @torch.no_grad()
    def credited(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The transitions of a rollout as rows (N T, ...), with ``advantage`` and ``goal`` (what the critic should have said)."""
        shape = batch["reward"].shape
        value, next_value = (self.network(batch[k].flatten(0, 1))[1].reshape(shape).float() for k in ("input", "next_input"))
        ends = batch["terminated"], batch["truncated"]
        advantage = generalized_advantage(batch["reward"], value, next_value, *ends, discount=self.discount, trace=self.trace)
        rows = {k: batch[k] for k in ("input", "action", "log_probability")} | {"advantage": advantage, "goal": advantage + value}
        return {k: v.flatten(0, 1) for k, v in rows.items()}

    def objective(self, part: dict[str, Tensor]) -> Loss:
        """The clipped surrogate over credited transitions."""
        output, value = self.network(part["input"])
        policy = POLICIES[self.policy].of(output)
        log_ratio = policy.log_probability(part["action"]) - part["log_probability"]
        ratio, clip = log_ratio.exp(), self.surrogate.clip
        gain = torch.minimum(ratio * part["advantage"], ratio.clamp(1 - clip, 1 + clip) * part["advantage"])
        error = (value.reshape(part["goal"].shape).float() - part["goal"]).square()
        entropy = policy.entropy()
        logs = {"policy": -gain, "value": error, "entropy": entropy, "kl": ratio - 1 - log_ratio, "clipped": ((ratio - 1).abs() > clip).float()}
        return Loss.mean(self.surrogate.value * error - gain - self.surrogate.entropy * entropy, logs=logs)

    def predict(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        output, value = self.network(batch["input"])
        return {"action": POLICIES[self.policy].of(output).mode(), "value": value}

    def deploy(self) -> dict[str, nn.Module]:
        kind, name = (GreedyPolicy, "greedy_policy") if self.policy == "categorical" else (CentralPolicy, "central_policy")
        return {"act": written_down(kind(self.network), name, self.network, {})}
