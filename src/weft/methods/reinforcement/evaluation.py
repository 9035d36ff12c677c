"""How well a policy does: whole episodes, played without exploring."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from weft.data import Environments
from weft.engine import Method


def evaluate_policy(
    method: Method, make: str | Callable[[], Any], *, episodes: int = 20, seed: int = 10_000, limit: int | None = None
) -> dict[str, float]:
    """Mean return and length of ``episodes`` episodes under ``method.predict``, the policy without exploration.

    Each episode is the first of its own copy of the environment, so that equal seeds give equal episodes; take seeds that training does not
    use. ``limit`` ends episodes after so many steps. For an evaluation during training:
    ``Evaluation(lambda method: evaluate_policy(method, "CartPole-v1"), every=Steps(10))``.
    Errors: ``ValueError`` for no episodes; ``ImportError`` when a name is given and gymnasium is missing.

    >>> from weft.methods.reinforcement import DQN
    >>> evaluate_policy(DQN(torch.nn.Linear(4, 2)), "CartPole-v1", episodes=2, limit=1)
    {'return': 1.0, 'length': 1.0}
    """
    if episodes < 1:
        raise ValueError(f"episodes={episodes}; expected at least 1")
    environments = Environments(make, episodes, seed=seed)
    gained, lengths = torch.zeros(episodes, dtype=torch.float64), torch.zeros(episodes, dtype=torch.int64)
    running = torch.ones(episodes, dtype=torch.bool)
    while running.any():
        seen = environments.step(method.predict({"input": environments.observation})["action"].cpu())
        gained += seen["reward"] * running
        lengths += running
        running &= ~(seen["terminated"] | seen["truncated"])
        if limit is not None and int(lengths.max()) >= limit:
            break
    return {"return": float(gained.mean()), "length": float(lengths.double().mean())}
