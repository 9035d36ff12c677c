from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.nn import CentralPolicy, GreedyPolicy


def test_greedy_policy_plays_the_highest_score():
    """Closed form: GreedyPolicy is the argmax, and shows the scores."""
    said = GreedyPolicy(nn.Identity())(torch.tensor([[1.0, 3.0, 2.0], [0.0, -1.0, -2.0]]))
    assert said["action"].tolist() == [1, 0] and said["score"][0].tolist() == [1.0, 3.0, 2.0]


def test_central_policy_squashes_the_mean_into_the_bounds():
    """Closed form: CentralPolicy at means 0, far out, and without bounds; the log deviations play no part."""
    policy = CentralPolicy(nn.Identity(), low=[-2.0, 0.0], high=[2.0, 1.0])
    action = policy(torch.tensor([[0.0, 0.0, 5.0, 6.0], [50.0, -50.0, 7.0, 8.0], [1.0, 1.0, 0.0, 0.0]]))["action"]
    middle = torch.tensor(1.0).tanh()
    torch.testing.assert_close(action, torch.stack([torch.tensor([0.0, 0.5]), torch.tensor([2.0, 0.0]), torch.stack([2 * middle, (middle + 1) / 2])]))
    assert CentralPolicy(nn.Identity())(torch.tensor([[9.0, 1.0]]))["action"].tolist() == [[9.0]]


def test_networks_with_several_outputs_act_by_their_first():
    """Property: an actor-critic, a pair of means and log deviations, and both together mean the same actions."""
    mean, log_deviation, value = torch.tensor([[1.0], [2.0]]), torch.zeros(2, 1), torch.zeros(2)
    outputs = [torch.cat([mean, log_deviation], 1), (mean, log_deviation), ((mean, log_deviation), value), (torch.cat([mean, log_deviation], 1), value)]
    for output in outputs:
        assert torch.equal(CentralPolicy(Says(output))(mean)["action"], mean)
    scores = torch.tensor([[0.0, 1.0]])
    assert GreedyPolicy(Says((scores, torch.zeros(1))))(scores)["action"].tolist() == [1]


class Says(nn.Module):
    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, input):
        return self.output


@pytest.mark.parametrize("bounds", [{"low": [0.0]}, {"high": [0.0]}, {"low": [1.0], "high": [1.0]}])
def test_half_a_range_or_an_empty_one_is_refused(bounds):
    with pytest.raises(ValueError, match="both bounds"):
        CentralPolicy(nn.Identity(), **bounds)
