"""Checks of a method before it is trained for long; each is shown a planted fault."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from weft.engine import Steps, Update, fit
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.observe import apart, causal, check_method, first_loss, gradients_arrive, repeats, shuffled_labels, uses_input
from weft.optim import adam


def batch(count=16):
    return torch.randn(count, 4), torch.arange(count) % 3


def method(network):
    return Supervised(network, cross_entropy)


class Constant(nn.Module):
    """A detached head: the answer is a bias."""

    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x):
        return self.bias.expand(len(x), 3) + 0 * x[:, :1]


class Mixed(nn.Module):
    """Looks at the mean of the batch."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        return self.layer(x - x.mean(0))


class Cut(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(4, 8), nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.body(x).detach())


def test_the_first_loss_of_guessing():
    assert first_loss(method(nn.Linear(4, 3)), batch(), classes=3)
    big = nn.Linear(4, 3)
    nn.init.normal_(big.weight, std=30.0)
    found = first_loss(method(big), batch())
    assert not found and "guessing among 3 gives 1.099" in found.says


def test_an_answer_that_does_not_look_at_the_input():
    assert uses_input(method(nn.Linear(4, 3)), batch()) and not uses_input(method(Constant()), batch())


@pytest.mark.parametrize("kind", [torch.float32, torch.long])
def test_samples_that_see_each_other(kind):
    layers = {torch.float32: nn.Identity(), torch.long: nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(16, 4))}[kind]
    x = torch.randn(6, 4) if kind is torch.float32 else torch.randint(9, (6, 4))
    assert apart(nn.Sequential(layers, nn.Linear(4, 3)), x)
    assert not apart(nn.Sequential(layers, Mixed()), x)
    with pytest.raises(ValueError, match="2 or more"):
        apart(layers, x[:1])


def test_batch_norm_mixes_only_in_training_and_keeps_its_statistics():
    norm = nn.BatchNorm1d(4)
    before = norm.running_mean.clone()
    assert apart(norm, batch()[0]) and not apart(norm, batch()[0], train=True)
    assert torch.equal(norm.running_mean, before) and norm.training


def test_the_future_is_kept_out():
    shift = nn.Sequential(nn.ConstantPad1d((2, 0), 0.0), nn.Conv1d(2, 2, 3))
    x = torch.randn(2, 2, 8)
    assert causal(shift, x, dim=2, output_dim=2) and not causal(nn.Conv1d(2, 2, 3, padding=1), x, dim=2, output_dim=2)
    forwards, backwards = nn.GRU(3, 4, batch_first=True), nn.GRU(3, 4, batch_first=True, bidirectional=True)
    assert causal(forwards, torch.randn(2, 6, 3)) and not causal(backwards, torch.randn(2, 6, 3))


def test_labels_that_do_not_matter():
    """Learned: true labels beat shuffled ones on held-out data; where the answer never uses the input they do not."""
    g = torch.Generator().manual_seed(1)
    rows = [(x, (x[:, 0] > 0).long()) for x in torch.randn(6, 32, 4, generator=g)]

    def make(network):
        return lambda: method(network())

    updates = Update(adam(0.03), on="network")
    assert shuffled_labels(make(lambda: nn.Linear(4, 3)), rows[:4], rows[4:], Steps(60), updates)
    assert not shuffled_labels(make(Constant), rows[:4], rows[4:], Steps(60), updates)


def test_a_training_that_cannot_be_repeated_names_what_differs():
    data = [batch()]

    def train(network):
        made = method(network)
        fit(made, data, Update(adam(0.01), on="network"), until=Steps(3))
        return made

    counter = itertools.count()

    def drifting():
        network = nn.Linear(4, 3)
        with torch.no_grad():
            network.bias[0] = next(counter)
        return train(network)

    assert repeats(lambda: train(nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5))))
    found = repeats(drifting)
    assert not found and "differs between two trainings" in found.says


def test_gradients_that_do_not_arrive_are_named():
    assert gradients_arrive(method(nn.Linear(4, 3)), batch())
    found = gradients_arrive(method(Cut()), batch())
    assert not found and "network.body.weight" in found.says and "2 of 4" in found.says
    whole = gradients_arrive(method(nn.Sequential(nn.Linear(4, 3), Detached())), batch())
    assert not whole and "any weight" in whole.says


class Detached(nn.Module):
    def forward(self, x):
        return x.detach()


def test_all_quick_checks_at_once_change_nothing():
    made = method(nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3), nn.Dropout(0.5)))
    before = {name: value.clone() for name, value in made.state_dict().items()}
    rows = batch()
    state = torch.random.get_rng_state()
    checks = check_method(made, rows)
    assert [check.name for check in checks] == ["uses_input", "gradients_arrive", "apart", "first_loss"] and all(checks)
    assert all(torch.equal(value, made.state_dict()[name]) for name, value in before.items()) and torch.equal(state, torch.random.get_rng_state())
    assert all(p.grad is None for p in made.parameters()) and made.training
