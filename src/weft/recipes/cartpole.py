"""A pole on a cart, kept upright by what reward alone teaches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from weft.catalogue import build
from weft.data import Environments, Epsilon, Replay, Rollouts
from weft.engine import Evaluation, Method, State, Steps, Stop, Update
from weft.methods import DQN, PPO
from weft.methods.reinforcement import evaluate_policy
from weft.optim import ClipNorm, CopyEvery, adam, linear
from weft.recipes.session import Result, Session

WORLD, OBSERVED, ACTIONS = "CartPole-v1", 4, 2
CHOOSING, RESULT = 50_000, 90_000  # seeds of the episodes that choose the best weights, and of those that the result is measured on
SOLVED = 495.0  # of at most 500


def solved(state: State, logs: dict[str, Any]) -> Stop | None:
    """End the training when the episodes that choose the weights are nearly perfect."""
    return Stop("solved") if logs.get("val/return", 0.0) >= SOLVED else None


def measured(episodes: int, seed: int) -> Callable[[Method], dict[str, float]]:
    """Mean return over whole episodes, as a function of the method."""

    def measure(method: Method) -> dict[str, float]:
        return evaluate_policy(method, WORLD, episodes=episodes, seed=seed)

    return measure


def cartpole(
    session: Session,
    *,
    rollouts: int = 400,
    num_envs: int = 8,
    steps: int = 32,
    lr: float = 1e-3,
    width: int = 64,
    episodes: int = 50,
) -> Result:
    """Balance gymnasium's CartPole-v1 with PPO.

    At most ``rollouts`` times ``steps`` steps of ``num_envs`` environments; training ends early when ten episodes apart from training last
    almost to their limit of 500 steps. The result is measured on ``episodes`` further episodes.
    Expected: a return of 475 and more with at least two of three seeds, after about 40,000 environment steps.
    """
    network = build("actor_critic", {"observation_dim": OBSERVED, "num_actions": ACTIONS, "hidden": [width, width]})
    method = PPO(network, discount=0.98, trace=0.8, passes=10, minibatches=1)
    data = Rollouts(Environments(WORLD, num_envs, seed=session.seed), method.act, steps=steps, seed=session.seed)
    update = Update(adam(lr), on="", schedule=linear(), gradients=[ClipNorm(0.5)])
    choose = Evaluation(measured(10, CHOOSING), every=Steps(25))
    state = session.fit("train", method, data, update, until=Steps(rollouts), evaluate=choose, listeners=[solved])
    return session.finish(state.best(), measured(episodes, RESULT))


def cartpole_dqn(
    session: Session,
    *,
    updates: int = 15_000,
    num_envs: int = 8,
    lr: float = 2e-3,
    width: int = 128,
    episodes: int = 50,
) -> Result:
    """Balance gymnasium's CartPole-v1 with deep Q-learning.

    At most ``updates`` batches of 64, each after one step of ``num_envs`` environments; training ends early as in ``cartpole``.
    Expected: a return of 400 and more with at least two of three seeds, after about 80,000 environment steps.
    """
    method = DQN(build("q_network", {"observation_dim": OBSERVED, "num_actions": ACTIONS, "hidden": [width, width]}))
    worlds = Environments(WORLD, num_envs, seed=session.seed)
    data = Replay(worlds, method.act, batch_size=64, exploration=Epsilon(1.0, 0.05, steps=10_000), seed=session.seed)
    update = Update(adam(lr), on="network", schedule=linear(), gradients=[ClipNorm(10.0)], after=[CopyEvery("target", "network", steps=20)])
    choose = Evaluation(measured(10, CHOOSING), every=Steps(1000))
    state = session.fit("train", method, data, update, until=Steps(updates), evaluate=choose, listeners=[solved])
    return session.finish(state.best(), measured(episodes, RESULT))
