from __future__ import annotations

import copy
import itertools

import pytest
import torch

from tests.data.worlds import Line
from weft.data import Environments, Rollouts


def wander(observation, random):
    action = torch.randint(2, (len(observation),), generator=random)
    return {"action": action, "log_probability": torch.full((len(observation),), 0.5).log()}


def rollouts(act=wander, steps=5, seed=3):
    return Rollouts(Environments(Line, num_envs=3, seed=1), act, steps=steps, seed=seed)


def test_a_batch_has_one_row_an_environment_and_episodes_go_on():
    """Property: segments are (N, T, ...), successors chain except over the end of an episode, also from batch to batch. Rollouts."""
    first, second = itertools.islice(rollouts(), 2)
    assert {key: tuple(value.shape[:2]) for key, value in first.items()} == dict.fromkeys(first, (3, 5))
    assert set(first) == {"input", "action", "log_probability", "reward", "next_input", "terminated", "truncated"}
    joined = {key: torch.cat([first[key], second[key]], 1) for key in first}
    ends = (joined["terminated"] | joined["truncated"])[:, :-1]
    chained = (joined["next_input"][:, :-1] == joined["input"][:, 1:]).all(-1)
    assert ends.any() and not ends.all()
    assert torch.equal(chained, ~ends)


def test_every_step_is_played_by_the_policy_as_it_is_then():
    now = torch.tensor(0)
    data = iter(rollouts(lambda observation, random: {"action": now.expand(len(observation)).clone()}))
    assert next(data)["action"].unique().tolist() == [0]
    now.fill_(1)
    assert next(data)["action"].unique().tolist() == [1]


def test_a_saved_position_goes_on_bit_for_bit():
    """Contract: the third batch after a restart equals the third in a row, randomness of the policy included."""
    straight = rollouts()
    data = iter(straight)
    for _ in range(2):
        next(data)
    saved = copy.deepcopy(straight.state_dict())
    resumed = rollouts()
    resumed.load_state_dict(saved)
    for expected, found in itertools.islice(zip(data, resumed), 3):
        assert all(torch.equal(expected[key], found[key]) for key in expected)
    assert straight.returns == resumed.returns and len(resumed.returns) > 0
    saved["random"] = torch.Generator().manual_seed(8).get_state()  # planted fault: the random state is not restored
    other = rollouts()
    other.load_state_dict(saved)
    assert not torch.equal(next(data)["action"], list(itertools.islice(other, 4))[-1]["action"])


def test_no_steps_make_no_batch():
    with pytest.raises(ValueError, match="steps=0"):
        rollouts(steps=0)
