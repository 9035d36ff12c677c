"""Watching a training while it runs."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest
import torch
from torch import nn

from weft.engine import Epochs, Evaluation, Steps, Update, fit
from weft.losses import cross_entropy, mse
from weft.methods import MAML, Supervised
from weft.observe.health import Health, Limits
from weft.optim import adam


def material(scale=1.0):
    x = torch.randn(400, 6, generator=torch.Generator().manual_seed(3))
    y = (x[:, 0] + x[:, 1] > 0).long() + 2 * (x[:, 2] > 0).long()
    return [(scale * x[i : i + 50], y[i : i + 50]) for i in range(0, 400, 50)]


def trained(health, data, lr=1e-2, steps=120, **fitting):
    network = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 4))
    fit(Supervised(network, cross_entropy), data, Update(adam(lr), on="network"), until=Steps(steps), listeners=[health], **fitting)
    return health


def test_each_illness_warns_once_and_early():
    """Learned: Health says within 20 steps that the input is not normalised, and never again."""
    with pytest.warns(UserWarning, match="not normalised") as caught:
        health = trained(Health(every=5), material(100.0))
    mine = [str(w.message) for w in caught if "not normalised" in str(w.message)]
    assert len(mine) == 1 and int(mine[0].split()[1].rstrip(":")) <= 20
    assert [finding.name for finding in health.found] == ["unnormalised_input"]


def test_a_healthy_training_is_silent():
    data = material()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        health = trained(Health(every=10), data, evaluate=Evaluation(data[:2], every=Epochs(1)))
    assert not health.found and health.gradients.history and health.activations.history


def test_curves_are_judged_late():
    """Learned: labels without relation to the input are named once three fifths are over, not before."""
    data = [(x, torch.randint(4, y.shape, generator=torch.Generator().manual_seed(i))) for i, (x, y) in enumerate(material())]
    other = [(x, torch.randint(4, y.shape, generator=torch.Generator().manual_seed(99 + i))) for i, (x, y) in enumerate(material())]
    with pytest.warns(UserWarning, match="nothing to do with each other") as caught:
        trained(Health(every=20), data, lr=3e-3, steps=160, evaluate=Evaluation(other, every=Epochs(1)))
    assert int(str(caught[0].message).split()[1].rstrip(":")) >= 96


def test_what_was_said_is_not_said_again_after_a_resume(tmp_path):
    data = material(100.0)
    with pytest.warns(UserWarning, match="not normalised"):
        trained(Health(every=5), data, steps=30, run=tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained(Health(every=5), data, steps=60, run=tmp_path)


def test_without_warning_it_only_looks():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        health = trained(Health(every=5, warn=False), material(100.0))
    assert not health.found and health.gradients.history


def test_limits_are_passed_on():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        health = trained(Health(every=5, limits=replace(Limits(), input_rms=1e6)), material(100.0), steps=15)
    assert not health.found


def test_what_it_stumbles_over_does_not_end_the_training():
    """It watches recipes unasked: an error of its own is said once, the training goes on to its end, its hooks are gone."""
    health = Health(every=5)

    def broken(state, logs):
        raise ZeroDivisionError("by its own fault")

    health.activations.read = broken
    with pytest.warns(UserWarning, match="Health has stopped watching at step 2, the training goes on: ZeroDivisionError"):
        trained(health, material(), steps=20)
    assert health.broken and not health.activations.handles


def test_networks_within_transforms_are_left_alone():
    """What vmap or grad of torch.func make belongs to them: MAML trains under it, and nothing of theirs is kept."""
    method = MAML(nn.Sequential(nn.Linear(1, 4), nn.ReLU(), nn.Linear(4, 1)), mse)
    tasks = {key: torch.rand(3, 5, 1) for key in ("support_input", "support_target", "input", "target")}
    health = Health(every=1, warn=False)
    state = fit(method, [tasks], until=Steps(12), listeners=[health])
    assert state.step == 12 and not health.broken and not health.activations.sums
