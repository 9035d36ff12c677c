from __future__ import annotations

import copy
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.data.worlds import Drifting, Keeper, Line, Push
from weft.data import Environments
from weft.data.environments import Actions

RIGHT = torch.tensor([1])


def played(environments, actions):
    """What a sequence of actions, one for all copies, brings."""
    return [environments.step(torch.full((len(environments),), action)) for action in actions]


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)


def test_the_successor_is_the_final_observation_and_the_next_episode_starts_by_itself():
    """Closed form: three steps right end the walk at 3; the policy acts next at 0. Environments by hand."""
    environments = Environments(Line, seed=1)
    first, second, third = played(environments, [1, 1, 1])
    assert [step["input"][0, 0].item() for step in (first, second, third)] == [0, 1, 2]
    assert [step["next_input"][0, 0].item() for step in (first, second, third)] == [1, 2, 3]
    assert [step["terminated"].item() for step in (first, second, third)] == [False, False, True]
    assert not third["truncated"].item()
    assert third["reward"].item() == 3.0 and third["reward"].dtype == third["input"].dtype == torch.float32
    assert environments.observation[0, 0] == 0
    assert list(environments.returns) == [6.0] and environments.steps == 3
    assert torch.equal(second["input"], first["next_input"])


def test_terminated_and_truncated_stay_apart():
    environments = Environments(Line, seed=1)
    steps = played(environments, [1, 0, 1, 0, 1, 0, 1])
    assert [step["truncated"].item() for step in steps] == [False] * 5 + [True, False]
    assert not any(step["terminated"].item() for step in steps)
    assert steps[5]["next_input"][0, 0] == 0 and steps[6]["input"][0, 0] == 0
    assert not torch.equal(steps[5]["next_input"], steps[6]["input"])  # another episode: another random number


def test_each_copy_and_each_episode_has_its_own_seed():
    environments = Environments(Line, num_envs=3, seed=4)
    starts = [environments.observation[:, 1]]
    played(environments, [1, 1, 1])
    starts.append(environments.observation[:, 1])
    assert len(set(torch.cat(starts).tolist())) == 6
    assert torch.equal(Environments(Line, num_envs=3, seed=4).observation[:, 1], starts[0])
    assert not torch.equal(Environments(Line, num_envs=3, seed=5).observation[:, 1], starts[0])


def test_episodes_equal_those_of_gymnasium_by_itself():
    """Parity: Environments against gymnasium's own CartPole, and against its SyncVectorEnv with final observations."""
    gymnasium = pytest.importorskip("gymnasium")
    seeds = [[int(np.random.SeedSequence([7, i, k]).generate_state(1)[0]) for k in range(20)] for i in range(2)]
    environments = Environments("CartPole-v1", num_envs=2, seed=7)
    vector = gymnasium.vector.SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * 2, autoreset_mode=gymnasium.vector.AutoresetMode.SAME_STEP)
    observed, _ = vector.reset(seed=[row[0] for row in seeds])
    alone = [gymnasium.make("CartPole-v1") for _ in range(2)]
    here, episode, first = [env.reset(seed=row[0])[0] for env, row in zip(alone, seeds)], [0, 0], [True, True]
    random = torch.Generator().manual_seed(0)
    for _ in range(150):
        np.testing.assert_array_equal(environments.observation.numpy(), here)
        action = environments.random_action(random)
        step = environments.step(action)
        observed, rewards, terminated, _, infos = vector.step(action.numpy())
        for i, env in enumerate(alone):
            successor, reward, over, late, _ = env.step(int(action[i]))
            np.testing.assert_array_equal(step["next_input"][i].numpy(), successor)
            assert (step["reward"][i], step["terminated"][i], step["truncated"][i]) == (reward, over, late)
            if first[i]:  # gymnasium's vector goes on with other seeds after the first episode
                final = infos["final_obs"][i] if terminated[i] else observed[i]
                np.testing.assert_array_equal(step["next_input"][i].numpy(), final)
                assert rewards[i] == reward
            here[i] = successor
            if over or late:
                episode[i], first[i] = episode[i] + 1, False
                here[i] = env.reset(seed=seeds[i][episode[i]])[0]
    assert min(episode) >= 2


@pytest.mark.parametrize("make", [Line, Keeper, lambda: Line(limit=100)])
def test_a_saved_position_goes_on_bit_for_bit(make):
    """Contract: environments go on after load_state_dict as if nothing had happened, through the ends of episodes."""
    straight = Environments(make, num_envs=3, seed=2)
    actions = torch.randint(2, (40, 3), generator=torch.Generator().manual_seed(3))
    for action in actions[:17]:
        straight.step(action)
    saved = copy.deepcopy(straight.state_dict())
    resumed = Environments(make, num_envs=3, seed=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resumed.load_state_dict(saved)
    assert torch.equal(resumed.observation, straight.observation)
    for action in actions[17:]:
        assert same(straight.step(action), resumed.step(action))
    assert straight.returns == resumed.returns and straight.steps == resumed.steps and resumed.restarted == 0


def test_pendulum_goes_on_bit_for_bit():
    """Contract: a gymnasium environment without a state of its own is replayed from seed and actions."""
    pytest.importorskip("gymnasium")
    straight, resumed = (Environments("Pendulum-v1", num_envs=2, seed=2) for _ in range(2))
    random = torch.Generator().manual_seed(1)
    for _ in range(230):  # into the second episode
        straight.step(straight.random_action(random))
    resumed.load_state_dict(copy.deepcopy(straight.state_dict()))
    action = straight.random_action(random)
    assert same(straight.step(action), resumed.step(action))


def test_an_own_state_is_used_instead_of_a_replay():
    environments = Environments(Keeper, seed=2)
    played(environments, [1, 0, 1, 0])
    saved = environments.state_dict()
    assert saved["episodes"][0]["actions"] is None
    other = Environments(Keeper, seed=2)
    other.load_state_dict(saved)
    assert other.envs[0].calls == 0 and torch.equal(other.observation, environments.observation)


def test_what_cannot_be_replayed_starts_again_and_is_marked():
    environments = Environments(Drifting, num_envs=2, seed=2)
    played(environments, [1, 0])
    other = Environments(Drifting, num_envs=2, seed=2)
    with pytest.warns(UserWarning, match="does not resume bit for bit"):
        other.load_state_dict(environments.state_dict())
    assert other.restarted == 2 and other.observation[:, 0].tolist() == [0, 0]
    assert other.state_dict()["restarted"] == 2


@pytest.mark.parametrize("actions", [[0, 0, 1], [1, 1], [1, 1, 1, 1]])
def test_planted_fault_other_actions_are_noticed(actions):
    environments = Environments(Line, seed=2)
    played(environments, [1, 1, 0])
    saved = environments.state_dict()
    saved["episodes"][0]["actions"] = torch.tensor(actions)
    other = Environments(Line, seed=2)
    with pytest.warns(UserWarning, match="starts again"):
        other.load_state_dict(saved)
    assert other.restarted == 1


def test_another_number_or_seed_of_environments_is_refused():
    environments = Environments(Line, num_envs=2, seed=2)
    environments.step(torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="has 2 environments, this program 3"):
        Environments(Line, num_envs=3, seed=2).load_state_dict(environments.state_dict())
    with pytest.raises(ValueError, match="seed 2, this program with 3"):
        Environments(Line, num_envs=2, seed=3).load_state_dict(environments.state_dict())


def test_actions_are_clipped_when_played_but_not_in_the_batch():
    environments = Environments(Push, num_envs=1)
    before = environments.observation
    step = environments.step(torch.tensor([[5.0]]))
    assert step["action"].item() == 5.0
    torch.testing.assert_close(step["next_input"], before + 2.0)


def test_random_actions_are_uniform_within_the_space():
    random = torch.Generator().manual_seed(0)
    pushes = torch.cat([Environments(Push, 10).random_action(random) for _ in range(50)])
    assert pushes.shape == (500, 1) and pushes.min() < -1.9 and pushes.max() > 1.9 and pushes.abs().max() <= 2
    steps = Environments(Line, 500).random_action(random)
    assert set(steps.tolist()) == {0, 1} and 200 < int(steps.sum()) < 300


def test_numbering_from_elsewhere_than_zero():
    assert Actions(SimpleNamespace(n=3, start=5)).played(torch.tensor([0, 2]), 2) == [5, 7]


@pytest.mark.parametrize("action", [torch.tensor([1, 1]), torch.tensor([[1]]), torch.tensor([1.0])])
def test_actions_of_the_wrong_shape_say_what_was_expected(action):
    with pytest.raises(ValueError, match="expected 1 whole numbers, one row for each environment"):
        Environments(Line).step(action)


def test_spaces_that_are_not_understood_say_so():
    line = Line()
    line.action_space = SimpleNamespace(spaces=())
    with pytest.raises(ValueError, match="expected Discrete or Box"):
        Environments(lambda: line)
    line = Line()
    line.reset = lambda seed: ({"position": 0}, {})
    with pytest.raises(ValueError, match="FlattenObservation"):
        _ = Environments(lambda: line).observation
    push = Push()
    push.action_space = SimpleNamespace(low=np.array([-np.inf]), high=np.array([np.inf]), shape=(1,))
    with pytest.raises(ValueError, match="cannot be drawn uniformly"):
        Environments(lambda: push).random_action(torch.Generator())
    with pytest.raises(ValueError, match="num_envs=0"):
        Environments(Line, 0)


def test_a_name_without_gymnasium_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "gymnasium", None)
    with pytest.raises(ImportError, match=r"pip install 'weft\[rl\]'"):
        Environments("CartPole-v1")
