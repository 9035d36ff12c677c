"""Replay: a memory of transitions, for methods that learn from old experience."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from weft.data.environments import Environments
from weft.data.rollouts import Act


@dataclass(frozen=True)
class Epsilon:
    """The part of actions drawn at random: from ``start`` to ``end`` in a straight line over ``steps`` environment steps.

    >>> Epsilon(1.0, 0.0, steps=10)(5)
    0.5
    """

    start: float = 1.0
    end: float = 0.05
    steps: int = 10_000

    def __post_init__(self) -> None:
        if not (0 <= self.start <= 1 and 0 <= self.end <= 1 and self.steps > 0):
            raise ValueError(f"{self}: expected shares between 0 and 1 and a positive number of steps")

    def __call__(self, step: int) -> float:
        return self.start + (self.end - self.start) * min(1.0, step / self.steps)


class Replay:
    """An endless stream of batches drawn at random, with replacement, from the last ``capacity`` transitions.

    Before the first batch, ``warmup`` transitions are gathered with uniformly random actions; before every batch, ``every`` steps of each
    environment under ``act(observation, random) -> {"action": ...}``, of which a share ``exploration`` (a number, or a function of the
    environment steps so far such as ``Epsilon``) is replaced by uniformly random actions.

    Shapes: input, next_input and action (B, ...), reward (B,), terminated and truncated (B,) bool. ``terminated`` alone says that nothing
    comes after. The memory is allocated once, at its full size, when the first transition is known.
    Errors: ``ValueError`` for sizes below one, or more warm-up than capacity.
    Paper: Lin, 1992; Mnih et al., 2015. Use for DQN, SAC and their relatives; instead of it ``Rollouts`` for PPO.
    Cost: two observations a transition in memory, and all that is filled of them in a checkpoint.

    >>> act = lambda observation, random: {"action": torch.zeros(1, dtype=torch.long)}
    >>> replay = Replay(Environments("CartPole-v1"), act, batch_size=4, warmup=10)
    >>> next(iter(replay))["next_input"].shape, len(replay)
    (torch.Size([4, 4]), 11)
    """

    def __init__(
        self,
        environments: Environments,
        act: Act,
        *,
        capacity: int = 100_000,
        batch_size: int = 128,
        warmup: int = 1_000,
        every: int = 1,
        exploration: float | Callable[[int], float] = 0.0,
        seed: int = 0,
    ) -> None:
        for name, value in {"capacity": capacity, "batch_size": batch_size, "every": every}.items():
            if value < 1:
                raise ValueError(f"{name}={value}; expected at least 1")
        if not 0 <= warmup <= capacity or len(environments) > capacity:
            raise ValueError(f"capacity={capacity} must hold warmup={warmup} transitions and one of each of the {len(environments)} environments.")
        self.environments, self.act = environments, act
        self.capacity, self.batch_size, self.warmup, self.every, self.exploration = capacity, batch_size, warmup, every, exploration
        self.random = torch.Generator().manual_seed(seed)
        self.transitions: dict[str, Tensor] = {}
        self._size = self._next = 0

    def __len__(self) -> int:
        """Transitions in memory."""
        return self._size

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        while True:
            while self.environments.steps < self.warmup:
                self._gather(1.0)
            for _ in range(self.every):
                self._gather(self.exploration(self.environments.steps) if callable(self.exploration) else self.exploration)
            yield self._sample()

    def _gather(self, epsilon: float) -> None:
        """One step of each environment, into memory."""
        explores = torch.rand(len(self.environments), generator=self.random) < epsilon
        action = self.environments.random_action(self.random) if explores.any() else torch.empty(0)
        if not explores.all():
            chosen = self.act(self.environments.observation, self.random)["action"].cpu()
            action = torch.where(explores.reshape(-1, *[1] * (chosen.ndim - 1)), action, chosen) if explores.any() else chosen
        self._remember(self.environments.step(action))

    def _remember(self, transition: dict[str, Tensor]) -> None:
        if not self.transitions:
            self.transitions = {k: v.new_zeros((self.capacity, *v.shape[1:])) for k, v in transition.items()}
        count = len(self.environments)
        places = torch.arange(self._next, self._next + count) % self.capacity
        for k, v in transition.items():
            self.transitions[k][places] = v
        self._next = (self._next + count) % self.capacity
        self._size = min(self._size + count, self.capacity)

    def _sample(self) -> dict[str, Tensor]:
        rows = torch.randint(self._size, (self.batch_size,), generator=self.random)
        return {k: v[rows] for k, v in self.transitions.items()}

    @property
    def returns(self) -> deque[float]:
        """Undiscounted returns of the last hundred finished episodes, random actions included."""
        return self.environments.returns

    def state_dict(self) -> dict[str, Any]:
        """The filled part of the memory (not a copy), the environments and the random state."""
        filled = {k: v[: self._size] for k, v in self.transitions.items()}
        memory = {"transitions": filled, "next": self._next, "capacity": self.capacity}
        return {"environments": self.environments.state_dict(), "random": self.random.get_state(), **memory}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with a saved memory; raises ``ValueError`` when the capacity has changed."""
        if state["capacity"] != self.capacity:
            raise ValueError(f"The saved memory has capacity {state['capacity']}, this one {self.capacity}. Resume with the same capacity.")
        self.environments.load_state_dict(state["environments"])
        self.random.set_state(state["random"])
        self.transitions, self._next, self._size = {}, state["next"], 0
        for k, v in state["transitions"].items():
            self.transitions[k] = v.new_zeros((self.capacity, *v.shape[1:]))
            self.transitions[k][: len(v)] = v
            self._size = len(v)
