from __future__ import annotations

import copy
import itertools

import pytest
import torch

from tests.data.worlds import Line, Push
from weft.data import Environments, Epsilon, Replay


def left(observation, random):
    return {"action": torch.zeros(len(observation), dtype=torch.long)}


def replay(num_envs=1, act=left, make=Line, **options):
    return Replay(Environments(make, num_envs, seed=1), act, **{"capacity": 50, "batch_size": 8, "warmup": 10, "seed": 3, **options})


def test_the_oldest_transitions_give_way():
    """Closed form: a full Replay holds the last ``capacity`` transitions, each once."""
    data = replay(num_envs=3, capacity=10, warmup=0, exploration=0.5)
    seen = []
    step = data.environments.step
    data.environments.step = lambda action: (seen.append(step(action)), seen[-1])[1]
    batches = list(itertools.islice(data, 9))
    assert len(data) == 10 and len(seen) == 9
    for key in ("input", "next_input", "reward", "terminated", "truncated", "action"):
        last = torch.cat([row[key] for row in seen])[-10:].reshape(10, -1)
        kept = data.transitions[key].reshape(10, -1)
        assert sorted(last.tolist()) == sorted(kept.tolist())
    assert batches[-1]["input"].shape == (8, 2) and batches[-1]["terminated"].dtype == torch.bool


def test_transitions_belong_together():
    batch = list(itertools.islice(replay(batch_size=200, exploration=1.0, warmup=50), 1))[0]
    moved = batch["next_input"][:, 0] - batch["input"][:, 0]
    assert torch.equal(moved, 2.0 * batch["action"] - 1)
    assert torch.equal(batch["reward"], batch["next_input"][:, 0])
    assert torch.equal(batch["terminated"], batch["next_input"][:, 0].abs() == 3)
    assert batch["truncated"].any() and not (batch["truncated"] & batch["terminated"]).any()


def test_draws_are_uniform():
    """Property: every transition is drawn about equally often (chi-square)."""
    data = replay(batch_size=100, warmup=50)
    next(iter(data))
    data.transitions = {"place": torch.arange(50)}
    counts = torch.cat([data._sample()["place"] for _ in range(100)]).bincount(minlength=50)
    assert float(((counts - 200).square() / 200).sum()) < 86  # 99.9 % point of 49 degrees of freedom is 85.4


def test_warm_up_is_random_and_afterwards_the_policy_acts():
    data = replay(warmup=40, every=3, exploration=0.0)
    next(iter(data))
    assert data.environments.steps == 43
    assert 8 < int(data.transitions["action"][:40].sum()) < 32
    assert data.transitions["action"][40:43].tolist() == [0, 0, 0]


def test_the_share_of_random_actions_follows_the_schedule():
    data = replay(num_envs=4, capacity=2000, warmup=0, every=500, exploration=Epsilon(1.0, 0.0, steps=2000))
    next(iter(data))
    rights = data.transitions["action"].reshape(4, 500).float().mean(1)  # each quarter in time
    torch.testing.assert_close(rights, torch.tensor([0.875, 0.625, 0.375, 0.125]) / 2, atol=0.06, rtol=0)
    assert Epsilon(0.5, 0.25, steps=10)(20) == 0.25


def test_continuous_actions_mix_row_by_row():
    data = replay(num_envs=4, make=Push, act=lambda observation, random: {"action": torch.full((4, 1), 0.5)}, warmup=0, exploration=0.5, every=10)
    next(iter(data))
    ours = (data.transitions["action"][:40] == 0.5).float().mean()
    assert 0.25 < ours < 0.75


@pytest.mark.parametrize("before", [3, 60])
def test_a_saved_memory_goes_on_bit_for_bit(before):
    """Contract: batches after a restart equal those in a row, before and after the memory has filled up."""
    straight = replay(num_envs=2, exploration=0.3)
    data = iter(straight)
    for _ in range(before):
        next(data)
    resumed = replay(num_envs=2, exploration=0.3)
    resumed.load_state_dict(copy.deepcopy(straight.state_dict()))
    for expected, found in itertools.islice(zip(data, resumed), 40):
        assert all(torch.equal(expected[key], found[key]) for key in expected)
    assert len(resumed) == len(straight)


def test_planted_fault_a_lost_place_in_the_ring_changes_what_follows():
    straight = replay()
    data = iter(straight)
    for _ in range(60):
        next(data)
    resumed = replay()
    resumed.load_state_dict({**copy.deepcopy(straight.state_dict()), "next": 0})
    pairs = list(itertools.islice(zip(data, resumed), 20))
    assert not all(torch.equal(expected["input"], found["input"]) for expected, found in pairs)


def test_another_capacity_is_refused():
    data = replay()
    next(iter(data))
    with pytest.raises(ValueError, match="capacity 50, this one 60"):
        replay(capacity=60).load_state_dict(data.state_dict())


@pytest.mark.parametrize(("name", "value"), [("capacity", 0), ("batch_size", 0), ("every", 0), ("warmup", 51), ("warmup", -1)])
def test_impossible_sizes_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name}={value}"):
        replay(**{name: value})


def test_a_share_beyond_one_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        Epsilon(1.5)
