from __future__ import annotations

import pytest
import torch

from weft.methods.reinforcement import generalized_advantage


def by_definition(reward, value, next_value, terminated, truncated, discount, trace):
    """The sum over the future of each step, written out."""
    advantage = torch.zeros_like(reward)
    n, steps = reward.shape
    for i in range(n):
        for t in range(steps):
            weight = 1.0
            for k in range(t, steps):
                future = 0.0 if terminated[i, k] else next_value[i, k]
                advantage[i, t] += weight * (reward[i, k] + discount * future - value[i, k])
                weight *= discount * trace
                if terminated[i, k] or truncated[i, k]:
                    break
    return advantage


def test_a_hand_calculation_with_a_death_and_a_time_limit():
    """Closed form: discount 1/2, trace 1/2; the first row dies at its second step, the second runs out of time there."""
    reward = torch.tensor([[1.0, 1.0, 1.0]] * 2)
    value = torch.tensor([[2.0, 4.0, 8.0]] * 2)
    next_value = torch.tensor([[4.0, 100.0, 16.0]] * 2)
    second = torch.tensor([[False, True, False], [False, False, False]])
    late = torch.tensor([[False, False, False], [False, True, False]])
    advantage = generalized_advantage(reward, value, next_value, second, late, discount=0.5, trace=0.5)
    # last: 1 + 8 - 8 = 1. Death: 1 + 0 - 4 = -3. Time limit: 1 + 50 - 4 = 47. First: 1 + 2 - 2 + 1/4 of what follows.
    torch.testing.assert_close(advantage, torch.tensor([[0.25, -3.0, 1.0], [12.75, 47.0, 1.0]]))


@pytest.mark.parametrize("trace", [0.0, 0.7, 1.0])
def test_it_equals_the_definition(trace):
    """Brute force: the double sum over every future step."""
    reward, value, next_value = torch.randn(3, 5, 12, dtype=torch.float64)
    ends = torch.rand(5, 12)
    terminated, truncated = ends < 0.15, ends > 0.85
    expected = by_definition(reward, value, next_value, terminated, truncated, 0.9, trace)
    torch.testing.assert_close(generalized_advantage(reward, value, next_value, terminated, truncated, discount=0.9, trace=trace), expected)
    swapped = generalized_advantage(reward, value, next_value, truncated, terminated, discount=0.9, trace=trace)
    assert not torch.allclose(swapped, expected)  # planted fault: death and time limit mistaken for each other


def test_traces_of_one_and_zero():
    """Property: trace 1 is the discounted return minus the value, trace 0 the temporal-difference error."""
    reward, value = torch.randn(2, 2, 6)
    next_value = torch.cat([value[:, 1:], torch.randn(2, 1)], 1)
    no = torch.zeros(2, 6, dtype=torch.bool)
    returns, following = torch.empty(2, 6), next_value[:, -1]
    for t in reversed(range(6)):
        following = reward[:, t] + 0.9 * following
        returns[:, t] = following
    torch.testing.assert_close(generalized_advantage(reward, value, next_value, no, no, discount=0.9, trace=1.0), returns - value)
    torch.testing.assert_close(generalized_advantage(reward, value, next_value, no, no, discount=0.9, trace=0.0), reward + 0.9 * next_value - value)
