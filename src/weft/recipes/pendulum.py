"""A pendulum swung up by what reward alone teaches."""

from __future__ import annotations

from collections.abc import Callable

from weft.catalogue import build
from weft.data import Environments, Replay
from weft.engine import Evaluation, Method, Steps, Update
from weft.methods import SAC
from weft.methods.reinforcement import evaluate_policy
from weft.optim import EMA, adam
from weft.recipes.session import Result, Session

WORLD, OBSERVED, TORQUE = "Pendulum-v1", 3, 2.0
CHOOSING, RESULT = 50_000, 90_000  # seeds of the episodes that choose the best weights, and of those that the result is measured on


def measured(episodes: int, seed: int) -> Callable[[Method], dict[str, float]]:
    """Mean return over whole episodes, as a function of the method."""

    def measure(method: Method) -> dict[str, float]:
        return evaluate_policy(method, WORLD, episodes=episodes, seed=seed)

    return measure


def pendulum(session: Session, *, updates: int = 5000, batch_size: int = 128, lr: float = 1e-3, width: int = 64, episodes: int = 50) -> Result:
    """Swing gymnasium's Pendulum-v1 up and hold it there with SAC.

    ``updates`` batches, each after one step of the environment; the result is measured on ``episodes`` episodes apart from training.
    Expected: a return of -200 and more with at least two of three seeds, after 5,500 environment steps.
    """
    sizes = {"observation_dim": OBSERVED, "action_dim": 1, "hidden": [width, width]}
    method = SAC(build("gaussian_policy", sizes), build("twin_critics", sizes), low=[-TORQUE], high=[TORQUE])
    worlds = Environments(WORLD, seed=session.seed)
    data = Replay(worlds, method.act, capacity=50_000, batch_size=batch_size, warmup=500, seed=session.seed)
    each = {
        "critics": Update(adam(lr), after=[EMA("target", "critics", method.decay)]),
        "actor": Update(adam(lr)),
        "temperature": Update(adam(lr), on="log_temperature"),
    }
    choose = Evaluation(measured(10, CHOOSING), every=Steps(1000))
    state = session.fit("train", method, data, each, until=Steps(updates), evaluate=choose)
    return session.finish(state.best(), measured(episodes, RESULT))
