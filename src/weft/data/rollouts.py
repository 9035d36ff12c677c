"""Rollouts: what the present policy lives through, for methods that learn from their own experience only."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from weft.data.environments import Environments

Act = Callable[[Tensor, torch.Generator], dict[str, Tensor]]


class Rollouts:
    """An endless stream of batches: ``steps`` steps of each environment under the policy as it is when the batch is asked for.

    ``act(observation, random)`` maps (N, ...) observations to a dict with ``action`` (N, ...) and whatever the method wants to find in the
    batch, such as ``log_probability``; a method's own ``act`` does.

    Shapes: every entry is (N, T, ...), N environments and T = ``steps``: input, action, reward, next_input, terminated, truncated, and what
    ``act`` added. Episodes go on from one batch to the next. ``terminated`` (nothing comes after) and ``truncated`` (time is up) stay apart.
    Use for PPO and its relatives; instead of it ``Replay`` for methods that learn from old experience. Cost: nothing is kept.

    >>> environments = Environments("CartPole-v1", num_envs=2)
    >>> batch = next(iter(Rollouts(environments, lambda observation, random: {"action": observation[:, 2].gt(0).long()}, steps=5)))
    >>> batch["input"].shape, batch["reward"].shape
    (torch.Size([2, 5, 4]), torch.Size([2, 5]))
    """

    def __init__(self, environments: Environments, act: Act, *, steps: int = 128, seed: int = 0) -> None:
        if steps < 1:
            raise ValueError(f"steps={steps}; expected at least 1")
        self.environments, self.act, self.steps = environments, act, steps
        self.random = torch.Generator().manual_seed(seed)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        while True:
            yield self._gather()

    def _gather(self) -> dict[str, Tensor]:
        rows = []
        for _ in range(self.steps):
            decision = {k: v.cpu() for k, v in self.act(self.environments.observation, self.random).items()}
            rows.append(decision | self.environments.step(decision["action"]))
        return {k: torch.stack([row[k] for row in rows], 1) for k in rows[0]}

    @property
    def returns(self) -> deque[float]:
        """Undiscounted returns of the last hundred finished episodes."""
        return self.environments.returns

    def state_dict(self) -> dict[str, Any]:
        return {"environments": self.environments.state_dict(), "random": self.random.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.environments.load_state_dict(state["environments"])
        self.random.set_state(state["random"])
