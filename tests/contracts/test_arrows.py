"""What every optimizer, schedule, estimator, gradient transform and follow-up does inside an update: acts, and resumes bit for bit."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import weft.optim as optim
from tests.contracts.walk import Killed, killed_after, over, same
from weft.engine import Checkpoints, Epochs, Evaluation, Steps, Update, fit
from weft.losses import mse
from weft.methods import Supervised


def toy():
    torch.manual_seed(0)
    method = Supervised(nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1)), mse)
    method.average = optim.average_of(method.network)
    method.register_buffer("beta", torch.tensor(2.0))
    generator = torch.Generator().manual_seed(1)
    inputs = [torch.randn(8, 3, generator=generator) for _ in range(2)]
    return method, [{"input": value, "target": value.sum(1, keepdim=True).sin()} for value in inputs]


def update(**parts):
    return Update(**{"optimizer": optim.adam(0.02), "on": "network", **parts})


def averaged(rule):
    return update(optimizer=rule, after=[rule.average()])


def made_sparse(parameters):
    for p in parameters:
        p.grad = p.grad.to_sparse()


# One update a name of the tables; a new arrow gets its line here.
CASES = {
    "adamw": lambda: update(optimizer=optim.adamw(0.02, 0.1)),
    "adam": lambda: update(optimizer=optim.adam(0.02)),
    "sgd": lambda: update(optimizer=optim.sgd(0.02, momentum=0.9)),
    "lbfgs": lambda: update(optimizer=optim.lbfgs(0.5, max_iter=3)),
    "layerwise": lambda: update(optimizer=optim.layerwise(optim.adamw(0.02), ["0", "2"], 0.5)),
    "adabound": lambda: update(optimizer=optim.adabound(0.02, gamma=0.1, amsbound=True)),
    "adadelta": lambda: update(optimizer=optim.adadelta()),
    "adafactor": lambda: update(optimizer=optim.adafactor(0.1)),
    "adagrad": lambda: update(optimizer=optim.adagrad(0.1)),
    "adamax": lambda: update(optimizer=optim.adamax(0.02)),
    "adan": lambda: update(optimizer=optim.adan(0.02)),
    "asgd": lambda: update(optimizer=optim.asgd(0.02, start=3)),
    "by_depth": lambda: update(optimizer=optim.by_depth(optim.adamw(0.02), "order", 0.5)),
    "by_parts": lambda: update(optimizer=optim.by_parts({"first": ("network.0", optim.sgd(0.02, momentum=0.9)), "rest": ("*", optim.lion(0.01))})),
    "classical_momentum": lambda: update(optimizer=optim.classical_momentum(0.02)),
    "groups": lambda: update(optimizer=optim.groups(optim.adamw(0.02), {"first": ("network.0", {"lr": 0.01}), "rest": ("*", {})})),
    "lamb": lambda: update(optimizer=optim.lamb(0.02)),
    "lars": lambda: update(optimizer=optim.lars(0.5, trust=0.1)),
    "lion": lambda: update(optimizer=optim.lion(0.01, 0.1)),
    "muon": lambda: update(optimizer=optim.muon(0.02)),
    "nadam": lambda: update(optimizer=optim.nadam(0.02)),
    "radam": lambda: update(optimizer=optim.radam(0.02)),
    "rmsprop": lambda: update(optimizer=optim.rmsprop(0.02, momentum=0.5, centered=True)),
    "rprop": lambda: update(optimizer=optim.rprop(0.02)),
    "schedule_free_adamw": lambda: averaged(optim.schedule_free_adamw(0.02, warmup=3)),
    "schedule_free_sgd": lambda: averaged(optim.schedule_free_sgd(0.05)),
    "shampoo": lambda: update(optimizer=optim.shampoo(0.02, every=3)),
    "soap": lambda: update(optimizer=optim.soap(0.02, every=2)),
    "sophia": lambda: update(optimizer=optim.sophia(0.02), estimator=optim.HutchinsonDiagonal(every=2)),
    "sparse_adam": lambda: update(optimizer=optim.sparse_adam(0.02), gradients=[made_sparse]),
    "swats": lambda: update(optimizer=optim.swats(0.02, betas=(0.9, 0.5), tolerance=0.5)),
    "gauss_newton_diagonal": lambda: update(optimizer=optim.sophia(0.02), estimator=optim.GaussNewtonDiagonal(lambda batch: batch, every=2)),
    "hutchinson_diagonal": lambda: update(optimizer=optim.sophia(0.02), estimator=optim.HutchinsonDiagonal(every=3)),
    "constant": lambda: update(schedule=optim.constant(0.5)),
    "warmup": lambda: update(schedule=optim.warmup(4)),
    "cosine": lambda: update(schedule=optim.warmup(2) | optim.cosine()),
    "linear": lambda: update(schedule=optim.linear()),
    "exponential": lambda: update(schedule=optim.exponential(0.5)),
    "step_decay": lambda: update(schedule=optim.step_decay(0.1, (0.3, 0.6))),
    "inverse_sqrt": lambda: update(schedule=optim.inverse_sqrt(2)),
    "plateau": lambda: update(schedule=optim.plateau("val/loss", factor=0.5, patience=0, min_delta=10.0)),
    "by_epoch": lambda: update(schedule=optim.by_epoch(optim.multi_step(0.5, (1, 2)))),
    "cyclic": lambda: update(schedule=optim.cyclic(0.1, 2, mode="triangular2")),
    "multi_step": lambda: update(schedule=optim.multi_step(0.1, (2, 5))),
    "one_cycle": lambda: update(schedule=optim.one_cycle()),
    "one_cycle_momentum": lambda: update(optimizer=optim.sgd(0.02, momentum=0.95), schedule={"momentum": optim.one_cycle_momentum()}),
    "polynomial": lambda: update(schedule=optim.polynomial()),
    "restarts": lambda: update(schedule=optim.restarts(2, 2)),
    "trapezoid": lambda: update(schedule=optim.warmup(2) | optim.trapezoid(0.5)),
    "sharpness_aware": lambda: update(estimator=optim.SharpnessAware(0.1)),
    "zeroth_order": lambda: update(optimizer=optim.sgd(0.01), estimator=optim.ZerothOrder(1e-3)),
    "private": lambda: update(estimator=optim.Private(0.5, 0.5, rate=0.5, expected_batch_size=8, seed=3)),
    "hessian_free": lambda: update(optimizer=optim.sgd(1.0), estimator=optim.HessianFree(iterations=5)),
    "kfac": lambda: update(optimizer=optim.sgd(0.1), estimator=optim.KFAC(every=3)),
    "natural_gradient": lambda: update(optimizer=optim.sgd(0.1), estimator=optim.NaturalGradient(1e-2)),
    "newton": lambda: update(optimizer=optim.sgd(0.5), estimator=optim.Newton(1e-2)),
    "memory_fallback": lambda: update(estimator=optim.MemoryFallback()),
    "project_conflicts": lambda: update(estimator=optim.ProjectConflicts()),
    "common_descent": lambda: update(estimator=optim.CommonDescent()),
    "gradient_balance": lambda: update(estimator=optim.GradientBalance()),
    "penalised": lambda: update(estimator=optim.Penalised({"l1": 1e-2, "orthogonality": 1e-2}, inner=optim.SharpnessAware(0.05))),
    "clip_norm": lambda: update(gradients=[optim.ClipNorm(0.05)]),
    "clip_value": lambda: update(gradients=[optim.ClipValue(0.01)]),
    "centralise": lambda: update(gradients=[optim.Centralise()]),
    "noise": lambda: update(gradients=[optim.Noise(0.05)]),
    "clip_adaptive": lambda: update(gradients=[optim.AdaptiveClip(0.001)]),
    "clip_each": lambda: update(gradients=[optim.ClipEach({"network.0": 0.01, "*": 0.02})]),
    "clip_percentile": lambda: update(gradients=[optim.Noise(0.5), optim.PercentileClip(0.5, min_history=2)]),
    "clip_running": lambda: update(gradients=[optim.RunningClip(0.01)]),
    "clip_z": lambda: update(gradients=[optim.Noise(0.5), optim.ZClip(0.1, warm=2)]),
    "normalise": lambda: update(gradients=[optim.Normalise()]),
    "ema": lambda: update(after=[optim.EMA("average", "network", 0.7)]),
    "proximal": lambda: update(after=[optim.Proximal("network", {"l1": 0.1}, rate=0.02)]),
    "swa": lambda: update(after=[optim.SWA("average", "network", start=0.3, every=2)]),
    "copy_every": lambda: update(after=[optim.CopyEvery("average", "network", steps=3)]),
    "lookahead": lambda: update(after=[optim.Lookahead("network", steps=3, alpha=0.5)]),
    "constrain": lambda: update(after=[optim.Constrain("network", lambda weight: weight.clamp(-0.3, 0.3))]),
    "anneal": lambda: update(after=[optim.Anneal("beta", optim.linear())]),
}
ONE_TASK = "the toy has one task; tests/optim/test_multi_task.py has several"
SAME_AS_WITHOUT = {
    "adam": "it is the toy's own optimizer",
    "memory_fallback": "the toy fits into memory; tests/optim/test_memory.py has one that does not",
    "project_conflicts": ONE_TASK,
    "common_descent": ONE_TASK,
    "gradient_balance": ONE_TASK,
}
KINDS = ("optimizer", "schedule", "estimator", "gradient", "followup")


def trained(case, run=None, *, until=7, forget=False):
    """Seven steps of the toy; with ``until`` it is killed after that many."""
    method, batches = toy()
    if forget:  # a fresh process knows neither weights nor random state
        torch.manual_seed(123)
        for value in method.parameters():
            value.data.normal_()
    else:
        torch.manual_seed(7)
    checkpoints = Checkpoints(run, every=Steps(1)) if run else None
    kill = [killed_after(until)] if until < 7 else []
    state = fit(method, batches, case, until=Steps(7), evaluate=Evaluation(batches, every=Epochs(1)), listeners=kill, run=checkpoints)
    return method, state


@over(*KINDS)
def test_it_acts(entry):
    """Contract: an update with the arrow ends elsewhere than one without it."""
    if entry.name in SAME_AS_WITHOUT:
        pytest.skip(SAME_AS_WITHOUT[entry.name])
    assert entry.name in CASES, f"{entry.name}: add an update that uses it to CASES"
    with_it, _ = trained(CASES[entry.name]())
    without, _ = trained(update())
    assert not same(with_it.state_dict(), without.state_dict())


@over(*KINDS)
def test_it_resumes_bit_for_bit(entry, tmp_path):
    """Contract: seven steps in a row equal four, a fresh start from the checkpoint, and three more; memory and all."""
    assert entry.name in CASES, f"{entry.name}: add an update that uses it to CASES"
    straight, finished = trained(CASES[entry.name](), tmp_path / "straight")
    with pytest.raises(Killed):
        trained(CASES[entry.name](), tmp_path / "halves", until=4)
    resumed, state = trained(CASES[entry.name](), tmp_path / "halves", forget=True)
    assert (state.step, state.stopped) == (7, "done")
    assert same(straight.state_dict(), resumed.state_dict())
    memories = [{key: str(value.state_dict()["arrows"]) for key, value in one.updates.items()} for one in (finished, state)]
    assert memories[0] == memories[1]
