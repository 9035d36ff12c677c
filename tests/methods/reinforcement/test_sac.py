from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tests.data.worlds import Push
from tests.methods.reinforcement.learning import same_after_a_break
from weft.data import Environments, Replay
from weft.engine import Steps, Update, fit
from weft.methods import SAC
from weft.methods.reinforcement import Squashed
from weft.models.control import GaussianPolicy, TwinCritics
from weft.optim import EMA, sgd


class Sums(nn.Module):
    """Two critics: slope * (observation + action)."""

    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.tensor([1.0, 3.0]))

    def forward(self, observation, action):
        return self.slope * (observation + action)


def sac(**options):
    return SAC(nn.Linear(1, 2), Sums(), [-2.0], [4.0], **{"discount": 0.5, "temperature": 0.2, **options})


def batch():
    return {
        "input": torch.tensor([[1.0], [2.0], [0.5]]),
        "action": torch.tensor([[1.0], [4.0], [-2.0]]),
        "reward": torch.tensor([1.0, 2.0, 3.0]),
        "next_input": torch.tensor([[1.0], [1.0], [-4.0]]),
        "terminated": torch.tensor([False, True, False]),
        "truncated": torch.tensor([False, False, True]),
    }


def drawn(method, key):
    """The draw that the method will make, from the same random state."""
    state = torch.get_rng_state()
    with torch.no_grad():
        action, log_probability = Squashed.of(method.actor(batch()[key])).sample()
    torch.set_rng_state(state)
    return action[:, 0], log_probability


def test_the_goal_by_hand():
    """Closed form: SAC's goal takes the smaller target critic minus the weighted log probability; death has no future, a time limit has."""
    method = sac()
    action, log_probability = drawn(method, "next_input")
    pair = batch()["next_input"][:, 0] + action
    future = torch.minimum(pair, 3 * pair) - 0.2 * log_probability
    assert pair[0] > 0 > pair[2]  # so that each critic is the smaller one once
    torch.testing.assert_close(method.goal(batch()), torch.stack([1 + 0.5 * future[0], torch.tensor(2.0), 3 + 0.5 * future[2]]).detach())


def test_the_critics_loss_by_hand():
    """Closed form: squared errors of both critics, at actions scaled to (-1, 1): 1 -> 0, 4 -> 1, -2 -> -1."""
    method = sac()
    state = torch.get_rng_state()
    goal = method.goal(batch())
    torch.set_rng_state(state)
    pair = batch()["input"][:, 0] + torch.tensor([0.0, 1.0, -1.0])
    loss = method.critic_loss(batch())
    torch.testing.assert_close(loss.value, ((pair - goal).square() + (3 * pair - goal).square()).mean())


def test_the_actors_loss_by_hand():
    """Closed form: weighted log probability minus the smaller critic; the gradient goes through the action into the actor."""
    method = sac()
    action, log_probability = drawn(method, "input")
    pair = batch()["input"][:, 0] + action
    loss = method.actor_loss(batch())
    torch.testing.assert_close(loss.value, (0.2 * log_probability - torch.minimum(pair, 3 * pair)).mean())
    loss.value.backward()
    assert method.actor.weight.grad.abs().sum() > 0 and method.log_temperature.grad is None


@pytest.mark.parametrize(("target_entropy", "sign"), [(50.0, 1.0), (-50.0, -1.0)])
def test_the_temperature_rises_when_there_is_too_little_entropy(target_entropy, sign):
    """Closed form: the gradient of the log temperature is t (entropy - target entropy)."""
    method = sac(target_entropy=target_entropy)
    _, log_probability = drawn(method, "input")
    loss = method.temperature_loss(batch())
    loss.value.backward()
    torch.testing.assert_close(method.log_temperature.grad, (0.2 * (-log_probability - target_entropy)).mean())
    assert -sign * method.log_temperature.grad > 0


def test_three_updates_move_three_groups_each_by_its_own_loss():
    """Property: each update equals a step of plain gradient descent on its own loss, in order; the target follows the critics."""
    updates = {"critics": Update(sgd(0.1), after=[EMA("target", "critics", 0.9)]), "actor": Update(sgd(0.1)), "temperature": Update(sgd(0.1), on="log_temperature")}
    torch.manual_seed(1)
    method, twin = sac(), sac()
    twin.load_state_dict(method.state_dict())
    before = method.target.slope.clone()
    torch.manual_seed(2)
    seen = []
    fit(method, [batch()], updates, until=Steps(1), listeners=[lambda state, logs: seen.append(logs)])
    torch.manual_seed(2)
    for loss, parameters in ((twin.critic_loss, twin.critics), (twin.actor_loss, twin.actor), (twin.temperature_loss, None)):
        own = [twin.log_temperature] if parameters is None else list(parameters.parameters())
        for p, gradient in zip(own, torch.autograd.grad(loss(batch()).value, own)):
            p.data -= 0.1 * gradient
    for (name, mine), theirs in zip(method.named_parameters(), twin.parameters()):
        if not name.startswith("target"):
            torch.testing.assert_close(mine, theirs, msg=name)
    torch.testing.assert_close(method.target.slope, 0.9 * before + 0.1 * method.critics.slope.detach())
    assert {"critic/loss", "critic/value", "actor/loss", "actor/entropy", "temperature/loss", "temperature/now"} <= set(seen[0])


def test_actions_reach_the_bounds_of_the_environment():
    method = sac()
    torch.testing.assert_close(method.unscaled(torch.tensor([[-1.0], [0.0], [1.0]])), torch.tensor([[-2.0], [1.0], [4.0]]))
    torch.testing.assert_close(method.scaled(method.unscaled(torch.tensor([[0.3]]))), torch.tensor([[0.3]]))
    observation = torch.randn(200, 1) * 100
    action = method.act(observation)["action"]
    assert action.min() >= -2 and action.max() <= 4 and action.min() < -1.5 and action.max() > 3.5
    torch.testing.assert_close(method.deploy()["act"](observation)["action"], method.predict({"input": observation})["action"])


@pytest.mark.parametrize("bounds", [([1.0], [1.0]), ([-math.inf], [1.0])])
def test_bounds_must_be_finite_and_in_order(bounds):
    with pytest.raises(ValueError, match="finite bounds"):
        SAC(nn.Linear(1, 2), Sums(), *bounds)


def made():
    method = SAC(GaussianPolicy(1, 1, hidden=(16,)), TwinCritics(1, 1, hidden=(16,)), [-2.0], [2.0], discount=0.9)
    return method, Replay(Environments(Push, num_envs=2, seed=1), method.act, capacity=200, batch_size=32, warmup=20, seed=2)


def test_training_with_its_memory_resumes_bit_for_bit(tmp_path):
    """Contract: three optimizers, target, memory, environments and random states go on after a break as if there had been none."""
    assert same_after_a_break(made, tmp_path)
    assert not same_after_a_break(made, tmp_path / "fault", forget="random")
