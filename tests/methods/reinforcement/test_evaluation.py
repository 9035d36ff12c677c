from __future__ import annotations

import pytest
import torch

from tests.data.worlds import Line
from weft.engine import Evaluation, Method, Steps, fit
from weft.losses import Loss
from weft.methods.reinforcement import evaluate_policy


class Rightwards(Method):
    """Goes right until it has learned otherwise."""

    def __init__(self):
        super().__init__()
        self.network = torch.nn.Linear(1, 1)

    def loss(self, batch):
        return Loss.mean(self.network(batch["input"]))

    def predict(self, batch):
        assert not self.training
        return {"action": torch.ones(len(batch["input"]), dtype=torch.long)}


def test_only_the_first_episode_of_each_copy_counts():
    """Closed form: three steps right bring 1 + 2 + 3 and an end."""
    assert evaluate_policy(Rightwards(), Line, episodes=4) == {"return": 6.0, "length": 3.0}
    assert evaluate_policy(Rightwards(), Line, episodes=4, limit=2) == {"return": 3.0, "length": 2.0}


def test_episodes_of_unequal_length_are_averaged_by_episode():
    lengths = iter([2, 6])

    def make():
        return Line(limit=next(lengths))

    assert evaluate_policy(Rightwards(), make, episodes=2) == {"return": (3.0 + 6.0) / 2, "length": 2.5}


def test_it_serves_as_an_evaluation_during_training():
    state = fit(
        Rightwards(), [torch.zeros(2, 1)], until=Steps(2), evaluate=Evaluation(lambda method: evaluate_policy(method, Line, episodes=2), every=Steps(1))
    )
    assert state.metrics == {"val/return": 6.0, "val/length": 3.0} and state.score == 6.0


def test_equal_seeds_give_equal_episodes():
    seen = []

    class Watching(Rightwards):
        def predict(self, batch):
            seen.append(batch["input"].clone())
            return {"action": torch.ones(len(batch["input"]), dtype=torch.long)}

    for seed in (1, 1, 2):
        evaluate_policy(Watching(), Line, episodes=2, seed=seed)
    assert torch.equal(torch.stack(seen[:3]), torch.stack(seen[3:6])) and not torch.equal(seen[0], seen[6])


def test_no_episodes_are_refused():
    with pytest.raises(ValueError, match="episodes=0"):
        evaluate_policy(Rightwards(), Line, episodes=0)
