from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.data.worlds import Line, Push
from tests.methods.reinforcement.learning import same_after_a_break
from weft.data import Environments, Rollouts
from weft.engine import Steps, fit
from weft.methods import PPO
from weft.methods.reinforcement import Surrogate, evaluate_policy, generalized_advantage
from weft.models.control import ActorCritic, GaussianPolicy


class Fixed(nn.Module):
    """Gives the same output and value for every row."""

    def __init__(self, output, value=0.0):
        super().__init__()
        self.output, self.value = nn.Parameter(torch.tensor(output)), nn.Parameter(torch.tensor(value))

    def forward(self, input):
        return self.output.expand(len(input), -1), self.value.expand(len(input))


@pytest.mark.parametrize(
    ("ratio", "advantage", "gain", "moves"),
    [(1.1, 2.0, 2.2, True), (1.5, 2.0, 2.4, False), (1.5, -2.0, -3.0, True), (0.5, 2.0, 1.0, True), (0.5, -2.0, -1.6, False)],
)
def test_the_clipped_gain_by_hand(ratio, advantage, gain, moves):
    """Closed form: with a clip of 0.2, PPO's policy gets no gradient once it has moved too far in the direction that pays."""
    ppo = PPO(Fixed([0.0, 0.0]), surrogate=Surrogate(clip=0.2, value=0.0))
    part = {"input": torch.zeros(1, 1), "action": torch.tensor([0]), "log_probability": torch.tensor([0.5 / ratio]).log()}
    loss = ppo.objective(part | {"advantage": torch.tensor([advantage]), "goal": torch.zeros(1)})
    assert loss.value.item() == pytest.approx(-gain)
    loss.value.backward()
    assert bool(ppo.network.output.grad.abs().sum() > 1e-6) == moves
    assert float(loss.logs["clipped"]) == (abs(ratio - 1) > 0.2)


def test_value_error_and_entropy_join_the_loss():
    """Closed form: 1/2 (3 - 1)^2 - 0.1 log 2, and an approximate divergence of zero where nothing has moved."""
    ppo = PPO(Fixed([0.0, 0.0], 3.0), surrogate=Surrogate(value=0.5, entropy=0.1))
    part = {"input": torch.zeros(2, 1), "action": torch.tensor([0, 1]), "log_probability": torch.tensor([0.5, 0.5]).log()}
    loss = ppo.objective(part | {"advantage": torch.zeros(2), "goal": torch.ones(2)})
    assert loss.value.item() == pytest.approx(2 - 0.1 * torch.tensor(2.0).log().item())
    assert float(loss.logs["kl"]) == pytest.approx(0, abs=1e-7)
    assert float(loss.logs["value"]) == pytest.approx(4)


def rollout(limit=6):
    ppo = PPO(ActorCritic(2, 2, hidden=(16,)), discount=0.9, trace=0.8)
    environments = Environments(lambda: Line(limit), num_envs=3, seed=1)
    return ppo, next(iter(Rollouts(environments, ppo.act, steps=20, seed=1)))


def test_a_time_limit_bootstraps_with_the_final_observation_and_a_death_does_not():
    """Closed form: advantages over a lived rollout against values asked one by one."""
    ppo, batch = rollout()
    assert batch["terminated"].any() and batch["truncated"].any()
    rows = ppo.credited(batch)
    with torch.no_grad():
        value, following = (torch.stack([ppo.network(x)[1] for x in batch[key]]) for key in ("input", "next_input"))
    expected = generalized_advantage(batch["reward"], value, following, batch["terminated"], batch["truncated"], discount=0.9, trace=0.8)
    torch.testing.assert_close(rows["advantage"].reshape(3, 20), expected)
    torch.testing.assert_close(rows["goal"].reshape(3, 20), expected + value)
    late = batch["truncated"]
    torch.testing.assert_close(expected[late], (batch["reward"] + 0.9 * following - value)[late])
    torch.testing.assert_close(expected[batch["terminated"]], (batch["reward"] - value)[batch["terminated"]])
    assert torch.equal(rows["input"].reshape(3, 20, 2), batch["input"])


def test_on_the_first_pass_nothing_has_moved():
    """Property: the policy that is trained is the one that acted, so the first ratio is one; every transition is used once a pass."""
    ppo, batch = rollout()
    seen, parts = [], []
    ppo.passes, ppo.minibatches = 2, 3

    def watch(objective, part):
        parts.append(part)
        seen.append(objective(part))
        return {}

    ppo.step(batch, {"all": watch})
    assert all(float(loss.logs["kl"]) == pytest.approx(0, abs=1e-6) for loss in seen) and len(seen) == 6
    for one_pass in (parts[:3], parts[3:]):
        rows = torch.cat([part["input"] for part in one_pass])
        assert sorted(rows.tolist()) == sorted(batch["input"].flatten(0, 1).tolist())
    assert not torch.equal(parts[0]["input"], parts[3]["input"])
    for part in parts:
        assert part["advantage"].mean().item() == pytest.approx(0, abs=1e-5)
        assert part["advantage"].std(correction=0).item() == pytest.approx(1, abs=1e-4)


def test_logs_are_means_over_the_whole_step():
    ppo, batch = rollout()
    seen = []
    state = fit(ppo, [batch], until=Steps(1), listeners=[lambda state, logs: seen.append(logs)])
    assert state.samples == 3 and float(seen[0]["entropy"].count) == 60 * ppo.passes
    assert {"loss", "policy", "value", "entropy", "kl", "clipped"} <= set(seen[0])


@pytest.mark.parametrize(("policy", "make", "outputs"), [("categorical", Line, 2), ("gaussian", Push, 2)])
def test_training_resumes_bit_for_bit(policy, make, outputs, tmp_path):
    """Contract: networks, optimizer, environments in mid-episode and random states go on after a break as if there had been none."""
    inputs = 2 if make is Line else 1

    def made():
        ppo = PPO(ActorCritic(inputs, outputs, hidden=(16,)), policy=policy, passes=2, minibatches=2)
        return ppo, Rollouts(Environments(make, num_envs=2, seed=1), ppo.act, steps=7, seed=2)

    assert same_after_a_break(made, tmp_path, first=3, last=6)
    assert not same_after_a_break(made, tmp_path / "fault", first=3, last=6, forget="random")


def test_a_gaussian_policy_learns_to_push_to_the_middle():
    """Learned: PPO with continuous actions at least halves the distance that random pushes leave."""
    torch.manual_seed(0)
    ppo = PPO(ActorCritic(1, 2, hidden=(16, 16)), policy="gaussian", discount=0.9)
    random = PPO(Fixed([0.0, 0.0]), policy="gaussian")
    before = evaluate_policy(random, Push, episodes=50)["return"]
    fit(ppo, Rollouts(Environments(Push, num_envs=8, seed=1), ppo.act, steps=16), until=Steps(25))
    assert evaluate_policy(ppo, Push, episodes=50)["return"] > before / 2


def test_deployed_it_plays_the_mode():
    ppo = PPO(ActorCritic(2, 3))
    observation = torch.randn(4, 2)
    assert torch.equal(ppo.deploy()["act"](observation)["action"], ppo.predict({"input": observation})["action"])
    for network in (ActorCritic(2, 6), Pair()):
        ppo = PPO(network, policy="gaussian")
        torch.testing.assert_close(ppo.deploy()["act"](observation)["action"], ppo.predict({"input": observation})["action"])
        assert ppo.act(observation)["action"].shape == (4, 3)


class Pair(nn.Module):
    """Means and log deviations as a pair, and a value."""

    def __init__(self):
        super().__init__()
        self.policy = GaussianPolicy(2, 3, hidden=(8,))

    def forward(self, observation):
        return self.policy(observation), observation.sum(1)


def test_bad_settings_say_what_was_expected():
    with pytest.raises(ValueError, match=r"Unknown policy 'gausian'. Did you mean 'gaussian'"):
        PPO(ActorCritic(2, 2), policy="gausian")
    with pytest.raises(ValueError, match="passes=0"):
        PPO(ActorCritic(2, 2), passes=0)
    ppo, batch = rollout()
    ppo.minibatches = 61
    with pytest.raises(ValueError, match="60 transitions cannot be cut into 61"):
        fit(ppo, [batch], until=Steps(1))
