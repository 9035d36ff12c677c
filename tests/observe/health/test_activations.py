"""Watching activations."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.engine import Evaluation, Runtime, Steps, Update, fit
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.observe.health import ActivationMonitor
from weft.observe.health.activations import first_tensor, watched
from weft.optim import sgd


def look(network, batches, steps=4, fitting=None, **options):
    monitor = ActivationMonitor(1, **options)
    fit(Supervised(network, cross_entropy), batches, Update(sgd(1e-6), on="network"), until=Steps(steps), listeners=[monitor], **(fitting or {}))
    return monitor


def hooks(network):
    return sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in network.modules())


def test_a_planted_dead_unit_is_named_and_counted_exactly(batches):
    """Closed form: ActivationMonitor counts three of eight units that no sample wakes."""
    network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    with torch.no_grad():
        network[0].bias[:] = 20.0
        network[0].bias[[1, 4, 6]] = -50.0
    monitor = look(network, batches)
    assert [report["dead/1"] for report in monitor.history] == [0, 0, 3 / 8], "three looks running"
    assert monitor.history[-1]["relu/dead"] == 3 / 8 == monitor.history[-1]["dormant/1"]


def test_a_unit_that_wakes_is_not_dead(batches):
    network = nn.Sequential(nn.Linear(4, 1), nn.ReLU(), nn.Linear(1, 2))
    with torch.no_grad():
        network[0].weight[:] = 0
        network[0].bias[:] = -1
    off = torch.zeros(8, 4)
    monitor = ActivationMonitor(1)

    def wake(state, logs):
        with torch.no_grad():
            network[0].bias[:] = 1.0 if state.step % 3 == 0 else -1.0

    fit(Supervised(network, cross_entropy), [(off, torch.tensor([0, 1] * 4))], Update(sgd(1e-6), on="network"), until=Steps(12), listeners=[wake, monitor])
    assert max(report["dead/1"] for report in monitor.history) == 0


@pytest.mark.parametrize("activation", [nn.GELU, nn.SiLU, nn.LeakyReLU, nn.ELU])
def test_zeros_of_smooth_activations_are_not_called_dead(activation):
    network = nn.Sequential(nn.Linear(4, 8), activation(), nn.Linear(8, 2))
    for p in network[0].parameters():
        nn.init.zeros_(p.requires_grad_(False))
    last = look(network, [(torch.zeros(8, 4), torch.tensor([0, 1] * 4))], details=True).history[-1]
    assert "relu/dead" not in last and last["zero/1"] == 1.0


@pytest.mark.parametrize(("activation", "gain", "expected"), [(nn.Sigmoid, 1e4, 1.0), (nn.Sigmoid, 1e-3, 0.0), (nn.Tanh, 1e4, 1.0), (nn.Tanh, 1e-3, 0.0), (nn.Hardtanh, 1e4, 1.0)])
def test_saturation_by_type(activation, gain, expected, batches):
    """Closed form: the share of values at the ends of each function's range."""
    network = nn.Sequential(nn.Linear(4, 8), activation(), nn.Linear(8, 2))
    with torch.no_grad():
        network[0].weight.mul_(gain)
    assert look(network, batches).history[-1]["saturated/1"] == pytest.approx(expected, abs=0.02)


def test_an_output_at_the_ends_of_its_range_is_an_answer(batches):
    network = nn.Sequential(nn.Linear(4, 2), nn.Sigmoid())
    with torch.no_grad():
        network[0].weight.mul_(1e4)
    assert "bounded/saturated" not in look(network, batches).history[-1]


def test_a_method_of_several_networks_is_looked_at_as_a_whole():
    from weft.engine import Method
    from weft.losses import Loss

    class Two(Method):
        def __init__(self):
            super().__init__()
            self.one = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2), nn.Tanh())
            self.two = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))

        def loss(self, batch):
            return Loss.mean(self.two(self.one(batch["input"])).square())

    monitor = ActivationMonitor(1)
    fit(Two(), [{"input": torch.randn(4, 2)}], until=Steps(3), listeners=[monitor])
    assert {"dead/one.1", "saturated/two.1"} <= set(monitor.history[-1]) and "saturated/one.3" not in monitor.history[-1]


def test_units_of_sequences_and_pictures_are_found_where_they_are():
    network = nn.Sequential(nn.Conv1d(3, 5, 1), nn.ReLU(), nn.Conv1d(5, 2, 1))
    text = nn.Sequential(nn.Linear(3, 5), nn.ReLU())
    assert watched(network, None, 9)["1"][1] == 1 and watched(text, None, 9)["1"][1] == -1


def test_the_input_and_the_output_are_described(batches):
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    last = look(network, [(100 + x, y) for x, y in batches]).history[-1]
    assert last["input/mean"] == pytest.approx(100, abs=1) and last["output/classes"] == 3 and last["output/batch"] == 8 and last["input/normed"] == 0
    assert look(nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3)), batches).history[-1]["input/normed"] == 1


def test_a_batch_norm_sees_the_microbatch(batches):
    network = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))
    assert look(network, batches).history[-1]["batchnorm/batch"] == 8
    monitor = ActivationMonitor(1)
    with pytest.warns(UserWarning, match="microbatches"):
        fit(Supervised(network, cross_entropy), batches, Update(sgd(1e-6), on="network", microbatches=4), until=Steps(3), listeners=[monitor])
    assert monitor.history[-1]["batchnorm/batch"] == 2


def test_hooks_come_off_even_after_a_failure(batches):
    """Property: no hook of ActivationMonitor outlives the training, whatever ended it."""
    network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    there = []

    def fail(state, logs):
        there.append(hooks(network))
        if state.step == 3:
            raise RuntimeError("planted")

    with pytest.raises(RuntimeError, match="planted"):
        fit(Supervised(network, cross_entropy), batches, until=Steps(9), listeners=[ActivationMonitor(1), fail])
    assert there[0] > 0 and hooks(network) == 0


def test_between_looks_there_is_no_hook(batches):
    network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    there = {}
    fit(Supervised(network, cross_entropy), batches, until=Steps(12), listeners=[ActivationMonitor(100), lambda state, logs: there.update({state.step: hooks(network)})])
    assert [step for step, count in there.items() if count] == [1, 4, 9]


def test_evaluations_are_not_looked_at(batches):
    network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    far = [(1000 * x, y) for x, y in batches]
    last = look(network, batches, fitting={"evaluate": Evaluation(far, every=Steps(1))}).history[-1]
    assert last["input/rms"] < 10


def test_a_compiled_step_is_left_alone(batches, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda f: f)
    network = nn.Linear(4, 2)
    assert not look(network, batches, fitting={"runtime": Runtime(compile="objective")}).history and hooks(network) == 0


def test_outputs_of_every_form():
    x = torch.ones(1)
    assert first_tensor(((), {"a": [x]})) is x and first_tensor("no") is None


def test_the_graph_is_not_kept(batches):
    network = nn.Sequential(nn.Linear(4, 8), nn.Sigmoid(), nn.Linear(8, 2))
    monitor = ActivationMonitor(1)
    kept = []
    fit(Supervised(network, cross_entropy), batches, until=Steps(3), listeners=[lambda state, logs: kept.extend(monitor.values.values()), monitor])
    assert kept and not any(value.requires_grad for value in kept)
