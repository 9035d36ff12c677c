from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from tests.data.worlds import Line
from tests.methods.reinforcement.learning import same_after_a_break
from weft.data import Environments, Epsilon, Replay
from weft.engine import Steps, Update, fit
from weft.methods import DQN
from weft.optim import EMA, CopyEvery, adam


class Table(nn.Module):
    """Values by (whole-numbered) state."""

    def __init__(self, values):
        super().__init__()
        self.values = nn.Parameter(torch.tensor(values))

    def forward(self, input):
        return self.values[input[:, 0].long()]


def batch():
    return {
        "input": torch.tensor([[0.0], [0.0], [1.0]]),
        "action": torch.tensor([1, 0, 1]),
        "reward": torch.tensor([1.0, 2.0, 3.0]),
        "next_input": torch.tensor([[1.0], [1.0], [1.0]]),
        "terminated": torch.tensor([False, True, False]),
        "truncated": torch.tensor([False, False, True]),
    }


def method(double):
    made = DQN(Table([[0.0, 5.0], [7.0, 6.0]]), discount=0.5, double=double)
    made.target.values.data = torch.tensor([[0.0, 0.0], [10.0, 20.0]])
    return made


@pytest.mark.parametrize(("double", "future"), [(True, 10.0), (False, 20.0)])
def test_the_goal_by_hand(double, future):
    """Closed form: DQN bootstraps where time was up, not after death; double: the network chooses (action 0), the target judges (10)."""
    goal = method(double).goal(batch())
    torch.testing.assert_close(goal, torch.tensor([1 + 0.5 * future, 2.0, 3 + 0.5 * future]))


def test_the_loss_is_the_huber_distance_of_the_value_of_the_action_taken():
    """Closed form: errors |5 - 6| = 1, |0 - 2| = 2, |6 - 8| = 2 give 1/2, 3/2, 3/2; only the network gets a gradient."""
    dqn = method(True)
    loss = dqn.loss(batch())
    assert loss.value.item() == pytest.approx(3.5 / 3)
    loss.value.backward()
    torch.testing.assert_close(dqn.network.values.grad, torch.tensor([[-1.0, -1.0], [0.0, -1.0]]) / 3)
    assert dqn.target.values.grad is None
    assert float(loss.logs["value"]) == pytest.approx(11 / 3)
    one = {key: value[:1] for key, value in batch().items()}
    assert dqn.loss(one).value.item() == pytest.approx(0.5)


def test_the_target_follows_every_so_many_updates():
    """Property: between copies the target stands still, then it equals the network; with EMA it moves a little every time."""
    dqn = DQN(nn.Linear(1, 2))
    first = copy.deepcopy(dqn.target.state_dict())
    fit(dqn, [batch()], until=Steps(249))
    assert all(torch.equal(first[key], value) for key, value in dqn.target.state_dict().items())
    assert not torch.equal(dqn.network.weight, dqn.target.weight)
    fit(dqn, [batch()], until=Steps(250))
    assert torch.equal(dqn.network.weight, dqn.target.weight)
    soft = DQN(nn.Linear(1, 2))
    before = soft.target.weight.clone()
    fit(soft, [batch()], {"network": replace(soft.updates()["network"], after=[EMA("target", "network", 0.9)])}, until=Steps(1))
    torch.testing.assert_close(soft.target.weight, 0.9 * before + 0.1 * soft.network.weight)


def test_acting_takes_the_best_action_and_leaves_everything_as_it_was():
    dqn = DQN(nn.Sequential(nn.Linear(2, 8), nn.Dropout(0.5), nn.Linear(8, 3))).train()
    observation, random = torch.randn(5, 2), torch.get_rng_state()
    action = dqn.act(observation)["action"]
    assert torch.equal(action, dqn.predict({"input": observation})["action"]) and action.dtype == torch.int64
    assert torch.equal(action, dqn.deploy()["act"].eval()(observation)["action"])
    dqn.train()
    assert torch.equal(random, torch.get_rng_state()) and dqn.network[1].training


def test_training_with_its_memory_resumes_bit_for_bit(tmp_path):
    """Contract: networks, optimizer, memory, environments and random states go on after a break as if there had been none."""

    def make():
        dqn = DQN(nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2)))
        environments = Environments(Line, num_envs=2, seed=1)
        return dqn, Replay(environments, dqn.act, capacity=60, batch_size=16, warmup=20, exploration=Epsilon(1.0, 0.1, steps=50), seed=2)

    assert same_after_a_break(make, tmp_path)
    assert not same_after_a_break(make, tmp_path / "fault", forget="next")


def test_it_learns_the_values_of_a_small_world():
    """Closed form: DQN's values on a walk of whole numbers tend to those of value iteration."""
    environments = Environments(lambda: Line(limit=50), num_envs=4, seed=1)
    dqn = DQN(WalkTable(), discount=0.8)
    data = Replay(environments, dqn.act, capacity=2000, batch_size=64, warmup=500, exploration=1.0, seed=2)
    fit(dqn, data, Update(adam(0.05), on="network", after=[CopyEvery("target", "network", steps=20)]), until=Steps(600))
    exact = torch.zeros(7)
    for _ in range(200):  # value iteration over positions -3 .. 3, whose ends have no future
        exact = torch.stack([torch.zeros(()) if abs(s) == 3 else max(t + 0.8 * exact[t + 3] * (abs(t) < 3) for t in (s - 1, s + 1)) for s in range(-3, 4)])
    torch.testing.assert_close(dqn.network.values.detach().amax(1)[1:6], exact[1:6], atol=0.15, rtol=0.02)


class WalkTable(Table):
    def __init__(self):
        super().__init__([[0.0, 0.0]] * 7)

    def forward(self, input):
        return self.values[input[:, 0].long() + 3]
