"""Watching gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from weft.engine import Method, Runtime, Steps, Update, fit
from weft.losses import Loss, cross_entropy
from weft.methods import Supervised
from weft.observe.health import GradientMonitor
from weft.optim import adam, sgd
from weft.surgery import freeze


def watched(network, batches, update=None, steps=3, **options):
    monitor = GradientMonitor(1, **options)
    method = Supervised(network, cross_entropy)
    fit(method, batches, update or Update(sgd(0.1), on="network"), until=Steps(steps), listeners=[monitor])
    return monitor, method


def test_values_equal_the_naive_ones(batches):
    """Brute force: GradientMonitor's norms, ratios and details are those taken one parameter at a time."""
    network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    before = {}

    def remember(state, logs):
        before[state.step + 1] = {n: p.detach().clone() for n, p in state.method.named_parameters()}

    monitor = GradientMonitor(1, details=True)
    fit(Supervised(network, cross_entropy), batches, Update(adam(0.01), on="network"), until=Steps(4), listeners=[monitor, remember])
    last = monitor.history[-1]
    assert last["step"] == 4
    named = {f"network.{n}": p for n, p in network.named_parameters()}
    for name, p in named.items():
        old = before[4][name]
        assert last[f"norm/{name}"] == pytest.approx(p.grad.norm().item(), rel=1e-5)
        assert last[f"ratio/{name}"] == pytest.approx(((p - old).norm() / p.norm()).item(), rel=1e-4)
        assert last[f"mean/{name}"] == pytest.approx(p.grad.mean().item(), rel=1e-4, abs=1e-9)
        assert last[f"std/{name}"] == pytest.approx(p.grad.std(correction=0).item(), rel=1e-4)
        assert last[f"max/{name}"] == pytest.approx(p.grad.abs().max().item(), rel=1e-5)
    assert last["gradient/norm"] == pytest.approx(math.sqrt(sum(p.grad.square().sum().item() for p in named.values())), rel=1e-5)
    matrices = [last[f"ratio/{n}"] for n, p in named.items() if p.ndim > 1]
    assert last["update/ratio"] == pytest.approx(sum(matrices) / 2)


def test_what_has_no_gradient_is_counted_not_skipped(batches):
    class Half(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused, self.cut = nn.Linear(4, 2), nn.Linear(4, 2), nn.Linear(4, 2)

        def forward(self, x):
            return self.used(x) + 0.0 * self.cut(x)

    monitor, _ = watched(Half(), batches)
    assert monitor.history[-1]["gradient/none"] == 2 and monitor.history[-1]["gradient/zero"] == 2
    assert monitor.history[-1]["gradient/unused"] == pytest.approx(2 / 3)


def test_nonfinite_gradients_are_counted_and_leave_the_total_finite():
    class Broken(Method):
        def __init__(self):
            super().__init__()
            self.network = nn.Linear(2, 2)

        def loss(self, batch):
            return Loss.mean(self.network(batch["input"]).sum(-1))

    method = Broken()
    monitor = GradientMonitor(1)

    def spoil(state, logs):
        method.network.weight.grad[0, 0] = math.inf

    fit(method, [{"input": torch.ones(3, 2)}], Update(sgd(0.1), on="network"), until=Steps(2), listeners=[spoil, monitor])
    assert monitor.history[-1]["gradient/nonfinite"] == 1 and math.isfinite(monitor.history[-1]["gradient/norm"])


def test_bfloat16_weights_are_watched(batches):
    network = nn.Linear(4, 2).bfloat16()
    monitor, _ = watched(network, [(x.bfloat16(), y) for x, y in batches])
    assert monitor.history[-1]["gradient/norm"] == pytest.approx(sum(p.grad.float().square().sum() for p in network.parameters()).sqrt().item(), rel=1e-2)


def test_the_trend_shows_a_gradient_that_vanishes(batches):
    """Property: a deep chain of sigmoids loses the gradient on its way back, one of ReLUs with He's weights does not."""

    def chain(activation):
        layers = [part for _ in range(10) for part in (nn.Linear(16, 16), activation())]
        made = nn.Sequential(nn.Linear(4, 16), *layers, nn.Linear(16, 2))
        for part in made:
            if isinstance(part, nn.Linear):
                nn.init.kaiming_normal_(part.weight)
        return made

    sigmoid, relu = (watched(chain(a), batches)[0].history[-1]["gradient/trend"] for a in (nn.Sigmoid, nn.ReLU))
    assert sigmoid < -3 and abs(relu) < 1.5


def test_gradients_through_time(batches):
    """Property: recurrent weights far too large give them many times the gradient of the last layer."""

    class Net(nn.Module):
        def __init__(self, gain):
            super().__init__()
            self.rnn, self.head = nn.RNN(1, 48), nn.Linear(48, 2)
            with torch.no_grad():
                self.rnn.weight_hh_l0.mul_(gain)

        def forward(self, x):
            return self.head(self.rnn(x.T[..., None].repeat(8, 1, 1))[0][-1])

    wild, calm = (watched(Net(gain), batches)[0].history[0] for gain in (8.0, 1.0))
    assert wild["step"] == 1, "before the weights have moved"
    assert wild["gradient/through_time"] > 1000 * calm["gradient/through_time"] and calm["gradient/through_time"] < 10


def test_silent_rows_find_dead_functions(batches):
    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 8), nn.Linear(8, 2)
            with torch.no_grad():
                self.a.bias[:6] = -50.0

        def forward(self, x):
            return self.b(torch.relu(self.a(x)))

    monitor, _ = watched(Functional(), batches, steps=5)
    assert monitor.history[1]["rows/silent"] == 0, "two looks do not make a unit dead"
    assert monitor.history[-1]["rows/silent"] >= 0.75


def test_unused_words_are_not_silent_rows():
    class Placed(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.places, self.head = nn.Embedding(50, 4), nn.Parameter(torch.randn(90, 4)), nn.Linear(4, 2)

        def forward(self, x):
            return self.head((self.words(x) + self.places[: x.shape[1]]).mean(1))

    monitor, _ = watched(Placed(), [(torch.zeros(6, 3, dtype=torch.long), torch.tensor([0, 1] * 3))], steps=5)
    assert monitor.history[-1]["rows/silent"] == 0


def test_frozen_weights_are_told_from_meant_ones(batches):
    def network():
        return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))

    by_mistake, meant = network(), network()
    by_mistake[0].requires_grad_(False)
    freeze(meant[0])
    wrong, right = (watched(n, batches)[0].history[-1] for n in (by_mistake, meant))
    assert wrong["frozen/share"] == pytest.approx(40 / 58) and wrong["frozen/0.weight"] == 32
    assert right["frozen/share"] == 0 and not [name for name in right if name.startswith("frozen/0")]


def test_weights_beside_their_adapters_are_meant_to_be_frozen(batches):
    from weft.surgery import lora

    network = lora(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)), rank=2)
    last = watched(network, batches)[0].history[-1]
    assert last["frozen/share"] == 0 and last["gradient/none"] == 0


def test_layers_are_chosen_and_bounded(batches):
    network = nn.Sequential(*(nn.Linear(4, 4) for _ in range(10)), nn.Linear(4, 2))
    monitor, _ = watched(network, batches, layers="*.weight", limit=3)
    assert [n for n in monitor.history[-1] if n.startswith("norm/")] == ["norm/network.0.weight", "norm/network.5.weight", "norm/network.10.weight"]


def test_several_updates_and_microbatches(batches):
    network = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2))
    monitor, _ = watched(network, batches, Update(sgd(0.1), on="network", microbatches=2))
    assert monitor.history[-1]["gradient/none"] == 0


def test_a_compiled_objective_is_watched_too(batches, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda f: f)
    monitor = GradientMonitor(1)
    fit(Supervised(nn.Linear(4, 2), cross_entropy), batches, until=Steps(3), listeners=[monitor], runtime=Runtime(compile="objective"))
    assert monitor.history[-1]["gradient/norm"] > 0
