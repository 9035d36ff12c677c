"""Environments stepped together: episodes that start again by themselves, and a position that can be saved."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

REMEMBERED = 100  # finished episodes whose returns are kept


@dataclass
class Episode:
    """One running episode: how it was started, what was done since, what came of it."""

    number: int
    observation: np.ndarray
    actions: list[Any] = field(default_factory=list)
    total: float = 0.0


class Environments:
    """Copies of an environment, stepped one after the other, each of which starts again when its episode ends.

    ``make`` is a name that gymnasium knows, or a function that returns an environment with its interface. Episode number k of copy i is
    reset with a seed drawn from (``seed``, i, k), so that a saved position is the seed and the actions since. An environment that itself
    has ``state_dict`` and ``load_state_dict`` is saved by these instead. Where replaying does not lead back to the same observation, the
    episode starts again, a warning says so and ``restarted`` counts it: such a run does not resume bit for bit.

    ``step(action)`` returns a transition of tensors with first size N = ``num_envs``: input, action, next_input (N, ...), reward (N,),
    terminated and truncated (N,) bool. ``next_input`` is the true successor, at the end of an episode its final observation;
    ``observation`` is where the policy acts next. Numbers in float64 become float32. Actions outside a Box are clipped when they are
    played, not in the batch. ``steps`` counts transitions; ``returns`` holds the undiscounted returns of the last hundred episodes.

    Errors: ``ValueError`` for spaces other than Discrete and Box actions and array observations, or actions of the wrong shape;
    ``ImportError`` when a name is given and gymnasium is missing.
    Use with ``Rollouts`` or ``Replay``; instead of gymnasium's own vector environments, which keep no position. Cost: one Python call
    a step and copy, and a resume replays the running episodes.

    >>> environments = Environments("CartPole-v1", num_envs=2, seed=0)
    >>> environments.step(torch.tensor([0, 1]))["next_input"].shape
    torch.Size([2, 4])
    """

    def __init__(self, make: str | Callable[[], Any], num_envs: int = 1, *, seed: int = 0) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs={num_envs}; expected at least 1")
        self.envs = [_made(make) for _ in range(num_envs)]
        self.seed, self.steps, self.restarted = seed, 0, 0
        self.returns: deque[float] = deque(maxlen=REMEMBERED)
        self._episodes: list[Episode] = []
        self._actions = Actions(self.envs[0].action_space)

    def __len__(self) -> int:
        return len(self.envs)

    @property
    def observation(self) -> Tensor:
        """Where each copy stands now, (N, ...)."""
        return _tensor([episode.observation for episode in self._running()])

    def step(self, action: Tensor) -> dict[str, Tensor]:
        """Play one action in each copy; episodes that end are counted and start again."""
        episodes, played = self._running(), self._actions.played(action, len(self.envs))
        before = [episode.observation for episode in episodes]
        after, rewards, ends = [], [], []
        for i, (env, episode) in enumerate(zip(self.envs, episodes)):
            observation, reward, terminated, truncated, _ = env.step(played[i])
            episode.observation = np.array(observation)  # a copy: some environments return the same array every time
            episode.actions.append(played[i])
            episode.total += float(reward)
            after.append(episode.observation)
            rewards.append(float(reward))
            ends.append((bool(terminated), bool(truncated)))
            if terminated or truncated:
                self.returns.append(episode.total)
                episodes[i] = self._start(i, episode.number + 1)
        self.steps += len(self.envs)
        terminated, truncated = torch.tensor(ends).unbind(1)
        states = {"input": _tensor(before), "action": action, "reward": torch.tensor(rewards), "next_input": _tensor(after)}
        return states | {"terminated": terminated, "truncated": truncated}

    def random_action(self, random: torch.Generator) -> Tensor:
        """An action for each copy, uniform over the action space."""
        return self._actions.uniform(len(self.envs), random)

    def _running(self) -> list[Episode]:
        if not self._episodes:
            self._episodes = [self._start(i, 0) for i in range(len(self.envs))]
        return self._episodes

    def _start(self, i: int, number: int) -> Episode:
        seed = np.random.SeedSequence([self.seed, i, number]).generate_state(1)[0]
        observation, _ = self.envs[i].reset(seed=int(seed))
        if not isinstance(observation, np.ndarray | np.generic | int | float):
            came = f"An observation is a {type(observation).__name__}; expected an array."
            raise ValueError(f"{came} For dicts and tuples: gymnasium.wrappers.FlattenObservation(env).")
        return Episode(number, np.array(observation))

    def state_dict(self) -> dict[str, Any]:
        """Each running episode as its number and actions (or the environment's own state), and the counters."""
        episodes = []
        for env, episode in zip(self.envs, self._episodes):
            own = env.state_dict() if hasattr(env, "state_dict") else None
            actions = torch.from_numpy(np.array(episode.actions)) if own is None and episode.actions else None
            where = {"observation": torch.from_numpy(episode.observation), "actions": actions, "own": own}
            episodes.append({"number": episode.number, "total": episode.total, **where})
        return {"episodes": episodes, "seed": self.seed, "steps": self.steps, "restarted": self.restarted, "returns": list(self.returns)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Bring every copy to where it was saved; raises ``ValueError`` when their number or seed has changed."""
        saved = state["episodes"]
        if saved and len(saved) != len(self.envs):
            raise ValueError(f"The saved position has {len(saved)} environments, this program {len(self.envs)}. Resume with as many.")
        if state["seed"] != self.seed:
            raise ValueError(f"The saved position began with seed {state['seed']}, this program with {self.seed}. Resume with the same seed.")
        self.steps, self.restarted = state["steps"], state["restarted"]
        self.returns = deque(state["returns"], maxlen=REMEMBERED)
        self._episodes = [self._restored(i, episode) for i, episode in enumerate(saved)]

    def _restored(self, i: int, saved: dict[str, Any]) -> Episode:
        episode, target = self._start(i, saved["number"]), saved["observation"].numpy()
        alive = True
        if saved["own"] is not None:
            self.envs[i].load_state_dict(saved["own"])
            episode.observation = target
        for action in [] if saved["actions"] is None else self._actions.rows(saved["actions"]):
            observation, reward, terminated, truncated, _ = self.envs[i].step(action)
            episode.observation = np.array(observation)
            episode.actions.append(action)
            episode.total += float(reward)
            alive = not (terminated or truncated)
            if not alive:
                break
        if alive and np.array_equal(episode.observation, target):
            episode.total = saved["total"]
            return episode
        self.restarted += 1
        warnings.warn(
            f"Environment {i} does not come back to where it was when its seed and actions are replayed, so its episode starts again; this run "
            "does not resume bit for bit. Give the environment state_dict and load_state_dict, or take all its randomness from reset(seed=...).",
            stacklevel=2,
        )
        return self._start(i, saved["number"] + 1)


class Actions:
    """An action space as tensors: what is played, and uniform draws.

    >>> import types
    >>> Actions(types.SimpleNamespace(n=3)).played(torch.tensor([2]), 1)
    [2]
    """

    def __init__(self, space: Any) -> None:
        self.count, self.start = 0, 0
        if hasattr(space, "n") and not getattr(space, "shape", ()):
            self.count, self.start = int(space.n), int(getattr(space, "start", 0))
            self.shape: tuple[int, ...] = ()
        elif hasattr(space, "low"):
            self.low, self.high = np.asarray(space.low, np.float32), np.asarray(space.high, np.float32)
            self.shape = self.low.shape
        else:
            remedy = "For others: gymnasium.wrappers.TransformAction, or one Discrete over all combinations."
            raise ValueError(f"The action space is {space}; expected Discrete or Box. {remedy}")

    def played(self, action: Tensor, num_envs: int) -> list[Any]:
        """One action for each copy, as its environment takes it."""
        if tuple(action.shape) != (num_envs, *self.shape) or (self.count and action.is_floating_point()):
            wanted = f"{num_envs} whole numbers" if self.count else f"numbers of shape {(num_envs, *self.shape)}"
            came = f"The policy gave actions of shape {tuple(action.shape)} and type {action.dtype}"
            raise ValueError(f"{came}; expected {wanted}, one row for each environment.")
        return self.rows(action.detach().cpu())

    def rows(self, action: Tensor) -> list[Any]:
        """Each row as its environment takes it: a whole number, or an array within the bounds."""
        if self.count:
            return [a + self.start for a in action.tolist()] if self.start else action.tolist()
        return list(action.numpy().clip(self.low, self.high))

    def uniform(self, num_envs: int, random: torch.Generator) -> Tensor:
        if self.count:
            return torch.randint(self.count, (num_envs,), generator=random)
        if not (np.isfinite(self.low).all() and np.isfinite(self.high).all()):
            remedy = "Bound them with gymnasium.wrappers.RescaleAction, or explore with the policy alone (warmup=0)."
            raise ValueError(f"Actions between {self.low} and {self.high} cannot be drawn uniformly. {remedy}")
        low, high = torch.from_numpy(self.low), torch.from_numpy(self.high)
        return low + (high - low) * torch.rand((num_envs, *self.shape), generator=random)


def _made(make: str | Callable[[], Any]) -> Any:
    if callable(make):
        return make()
    try:
        import gymnasium
    except ImportError as error:
        raise ImportError(f"The environment {make!r} needs gymnasium: pip install 'weft[rl]'.") from error
    return gymnasium.make(make, disable_env_checker=True)


def _tensor(rows: list[np.ndarray]) -> Tensor:
    stacked = np.stack(rows)
    return torch.from_numpy(stacked.astype(np.float32) if stacked.dtype == np.float64 else stacked)
