"""Cycles, restarts, epochs and previews against torch and transformers, step by step."""

from __future__ import annotations

import itertools
import math
import warnings

import pytest
import torch
from torch import nn

from tests.engine.toys import mlp, pairs
from weft.engine import Epochs, Steps, Update, fit
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.observe.charts import line_chart
from weft.optim import (
    Progress,
    by_epoch,
    constant,
    cosine,
    cyclic,
    exponential,
    inverse_sqrt,
    linear,
    multi_step,
    one_cycle,
    one_cycle_momentum,
    plateau,
    polynomial,
    preview,
    restarts,
    scaled_rate,
    sgd,
    trapezoid,
    warmup,
)

S = torch.optim.lr_scheduler


def torchs(make, steps=200, lr=0.7, option="lr"):
    """The rate of each step under a scheduler of torch."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=lr, momentum=0.9)
    scheduler = make(optimizer)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the optimizer is not stepped, the scheduler is
        for _ in range(steps):
            found.append(optimizer.param_groups[0][option])
            scheduler.step()
    return found


def ours(schedule, total=200, base=0.7):
    return [value for _, value in preview(schedule, total, base=base)]


PAIRS = {
    "cosine": (cosine(0.1), lambda o: S.CosineAnnealingLR(o, 200, eta_min=0.07)),
    "linear": (linear(0.2), lambda o: S.LinearLR(o, 1.0, 0.2, 200)),
    "exponential": (exponential(0.95), lambda o: S.ExponentialLR(o, 0.95)),
    "stairs": (exponential(0.1, every=30, stairs=True), lambda o: S.StepLR(o, 30, 0.1)),
    "multi_step": (multi_step(0.3, (20, 50, 120)), lambda o: S.MultiStepLR(o, [20, 50, 120], 0.3)),
    "polynomial": (polynomial(0.9), lambda o: S.PolynomialLR(o, 200, 0.9)),
    "constant": (constant(0.3, steps=40) | constant(), lambda o: S.ConstantLR(o, 0.3, 40)),
    "restarts": (restarts(13, 1, 0.1), lambda o: S.CosineAnnealingWarmRestarts(o, 13, 1, 0.07)),
    "restarts longer": (restarts(7, 3), lambda o: S.CosineAnnealingWarmRestarts(o, 7, 3)),
    "triangular": (cyclic(0.1, 13, 24), lambda o: S.CyclicLR(o, 0.07, 0.7, 13, 24, "triangular")),
    "triangular2": (cyclic(0.1, 13, mode="triangular2"), lambda o: S.CyclicLR(o, 0.07, 0.7, 13, mode="triangular2")),
    "exp": (cyclic(0.1, 13, 24, "exp", 0.98), lambda o: S.CyclicLR(o, 0.07, 0.7, 13, 24, "exp_range", 0.98)),
    "one_cycle": (one_cycle(0.3, 25, 1e4), lambda o: S.OneCycleLR(o, 0.7, 201)),
    "one_cycle straight": (one_cycle(0.2, 10, 100, straight=True), lambda o: S.OneCycleLR(o, 0.7, 201, pct_start=0.2, div_factor=10, final_div_factor=100, anneal_strategy="linear")),
}


@pytest.mark.parametrize("name", PAIRS)
def test_two_hundred_steps_are_torchs(name):
    """cosine, linear, exponential, multi_step, polynomial, constant, restarts, cyclic and one_cycle, parity: torch's rates at 200 steps."""
    schedule, reference = PAIRS[name]
    total = 201 if "one_cycle" in name else 200  # torch refuses a step beyond the last one
    assert ours(schedule, total)[:200] == pytest.approx(torchs(reference), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("straight", [False, True])
def test_momentum_goes_against_the_rate(straight):
    """one_cycle_momentum, parity: torch's OneCycleLR with cycle_momentum."""
    wanted = torchs(lambda o: S.OneCycleLR(o, 0.7, 201, anneal_strategy="linear" if straight else "cos"), option="momentum")
    assert ours(one_cycle_momentum(straight=straight), 201, 0.95)[:200] == pytest.approx(wanted)


def transformers_rates(name, warm=20, total=200, **specific):
    optimization = pytest.importorskip("transformers.optimization")
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.7)
    scheduler = optimization.get_scheduler(name, optimizer, num_warmup_steps=warm, num_training_steps=total, scheduler_specific_kwargs=specific or None)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(total):
            found.append(optimizer.param_groups[0]["lr"])
            scheduler.step()
    return found


TRANSFORMERS = {
    "linear": (linear(), {}),
    "cosine": (cosine(), {}),
    "cosine_with_min_lr": (cosine(0.1), {"min_lr_rate": 0.1}),
    "cosine_with_restarts": (restarts(60), {"num_cycles": 3}),
    "polynomial": (polynomial(2.0, 1e-3), {"power": 2.0, "lr_end": 0.7e-3}),
    "constant_with_warmup": (constant(), {}),
    "warmup_stable_decay": (trapezoid(50 / 180, 0.1), {"num_decay_steps": 50, "min_lr_ratio": 0.1, "decay_type": "linear"}),
}


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_two_hundred_steps_are_those_of_transformers(name):
    """warmup, linear, cosine, restarts, polynomial and trapezoid, parity: transformers.get_scheduler; its warm-up is one step behind, so its first rate is nothing."""
    schedule, specific = TRANSFORMERS[name]
    start = specific.get("min_lr_ratio", 0.0)
    wanted, found = transformers_rates(name, **specific), ours(warmup(20, start) | schedule)
    assert found[20:] == pytest.approx(wanted[20:], abs=1e-9)
    assert found[:19] == pytest.approx(wanted[1:20]) and wanted[0] == pytest.approx(0.7 * start) and found[0] > wanted[0]


def test_inverse_square_root_is_that_of_transformers():
    """inverse_sqrt, parity: transformers' schedule one step later, warm-up and fall."""
    assert ours(inverse_sqrt(20))[:199] == pytest.approx(transformers_rates("inverse_sqrt")[1:])


@pytest.mark.parametrize(("shape", "middle"), [("linear", 0.5), ("cosine", 0.5), ("sqrt", 1 - math.sqrt(0.5))])
def test_a_trapezoid_stays_and_falls(shape, middle):
    """trapezoid, closed form: 1 up to the last part, ``end`` at the end, never rising."""
    values = [trapezoid(0.25, 0.1, shape)(Progress(fraction=f / 100)) for f in range(101)]
    assert values[:76] == pytest.approx([1.0] * 76) and values[-1] == pytest.approx(0.1)
    assert trapezoid(0.25, 0.1, shape)(Progress(fraction=0.875)) == pytest.approx(0.1 + 0.9 * middle)
    assert all(a >= b - 1e-12 for a, b in itertools.pairwise(values))


def test_after_the_end_nothing_rises():
    """Property: trapezoid, polynomial, one_cycle and warm-up with cosine keep their last value when training goes on beyond its total."""
    for schedule in (trapezoid(), polynomial(), one_cycle(), warmup(5) | cosine(0.1)):
        last = schedule(Progress(step=100, total=100, fraction=1.0))
        assert schedule(Progress(step=130, total=100, fraction=1.0)) == pytest.approx(last)


def test_without_a_total_one_cycle_goes_by_the_fraction():
    """one_cycle, closed form: the peak where the warm part ends, the floor at the end."""
    values = [one_cycle(0.3, 10, 10)(Progress(fraction=f)) for f in (0.0, 0.3, 1.0)]
    assert values == pytest.approx([0.1, 1.0, 0.01])


EPOCHS = {
    "cosine": (cosine(0.1), lambda o: S.CosineAnnealingLR(o, 20, eta_min=0.07)),
    "multi_step": (multi_step(0.1, (5, 12)), lambda o: S.MultiStepLR(o, [5, 12], 0.1)),
    "exponential": (exponential(0.9), lambda o: S.ExponentialLR(o, 0.9)),
}


@pytest.mark.parametrize("name", EPOCHS)
def test_by_epoch_is_a_scheduler_stepped_once_an_epoch(name):
    """by_epoch, parity: torch's schedulers stepped after each of 20 epochs of 10 steps."""
    schedule, reference = EPOCHS[name]
    wanted = [rate for rate in torchs(reference, 20) for _ in range(10)]
    found = [value for _, value in preview(by_epoch(schedule), 200, base=0.7, epochs=20)]
    assert found == pytest.approx(wanted)


def test_warmup_in_epochs_then_cosine():
    """by_epoch, closed form: (e + 1) / 4 for four epochs, then a whole half cosine over the other sixteen."""
    found = [value for _, value in preview(by_epoch(warmup(4) | cosine()), 200, epochs=20)][::10]
    wanted = [(e + 1) / 4 if e < 4 else (1 + math.cos(math.pi * (e - 4) / 16)) / 2 for e in range(20)]
    assert found == pytest.approx(wanted)


@pytest.mark.parametrize("cut", [0, 3, 10, 17])
def test_by_epoch_goes_on_within_an_epoch(cut):
    """by_epoch, property: saved in the middle of an epoch, it still knows at which fraction the epoch began."""
    moments = [Progress(step=t, epoch=t // 4, fraction=t / 20) for t in range(20)]
    whole, first, second = (by_epoch(cosine()) for _ in range(3))
    wanted = [whole(m) for m in moments]
    for m in moments[:cut]:
        first(m)
    second.load_state_dict(first.state_dict())
    assert [second(m) for m in moments[cut:]] == wanted[cut:]


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("cooldown", [0, 2])
def test_plateau_is_torchs_on_scripted_metrics(mode, relative, cooldown):
    """plateau, parity: torch's ReduceLROnPlateau with patience, threshold, cooldown and floor on sixty scripted metrics, one of them NaN."""
    generator = torch.Generator().manual_seed(2)
    metrics = (torch.rand(60, generator=generator) * torch.linspace(1, 0.4, 60) + 0.2).tolist()
    metrics[25] = math.nan
    metrics = [m if mode == "min" else -m + 3 for m in metrics]
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0)
    reference = S.ReduceLROnPlateau(optimizer, mode, 0.7, 2, threshold=0.05, threshold_mode="rel" if relative else "abs", cooldown=cooldown, min_lr=0.2)
    schedule = plateau("m", factor=0.7, patience=2, mode=mode, min_delta=0.05, floor=0.2, cooldown=cooldown, relative=relative)
    found, wanted = [], []
    for n, metric in enumerate(metrics, 1):
        reference.step(metric)
        wanted.append(optimizer.param_groups[0]["lr"])
        found.append(schedule(Progress(metrics={"m": metric}, evaluations=n)))
    assert found == pytest.approx(wanted) and len(set(wanted)) > 3


def test_the_preview_is_what_a_training_uses():
    """preview, property: the rates of ten steps of fit in two epochs, per step and per epoch; looking ahead changes no memory."""
    for schedule, option in ((warmup(3) | cosine(0.1), "lr"), (by_epoch(exponential(0.5)), "lr"), (one_cycle_momentum(), "momentum")):
        data = list(itertools.islice(pairs(), 5))
        count = len(data)
        seen = []
        update = Update(sgd(2.0, momentum=0.5), on="", schedule={option: schedule})
        wanted = preview(schedule, 2 * count, base=2.0 if option == "lr" else 0.5, epochs=2)
        fit(Supervised(mlp(8, 4, 2), cross_entropy), data, update, until=Epochs(2), listeners=[lambda s, logs, seen=seen, option=option: seen.append(s.updates["all"].optimizer.param_groups[0][option]) if logs else None])
        assert seen[: 2 * count] == pytest.approx([value for _, value in wanted])
    watching = plateau("m")
    watching(Progress(metrics={"m": 1.0}, evaluations=1))
    before = watching.state_dict()
    preview(watching, 10)
    assert watching.state_dict() == before


def test_a_preview_can_be_drawn():
    """preview, property: a picture with a curve and its name."""
    picture = str(line_chart("rate", {"lr": preview(one_cycle(), 50)}))
    assert picture.startswith("<svg") and "curve" in picture and "lr" in picture


def test_rates_for_other_batches():
    """scaled_rate, closed form: in proportion, or by the root; the reference's own batch keeps its rate."""
    assert scaled_rate(0.1, 256) == 0.1 and scaled_rate(0.1, 64) == pytest.approx(0.025)
    assert scaled_rate(0.1, 64, rule="sqrt") == pytest.approx(0.05) and scaled_rate(0.1, 8, reference=4) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: one_cycle(warm=1.5), r"one_cycle\(warm=1.5"),
        (lambda: one_cycle_momentum(low=0), r"one_cycle_momentum\(low=0"),
        (lambda: cyclic(0.1, 0), r"cyclic\(up=0"),
        (lambda: cyclic(0.1, 5, mode="triangle"), "Unknown mode of cyclic 'triangle'. Did you mean 'triangular'"),
        (lambda: restarts(0), r"restarts\(first=0"),
        (lambda: polynomial(0), r"polynomial\(power=0\)"),
        (lambda: multi_step(0.1, (5, 3)), r"milestones=\(5, 3\)"),
        (lambda: trapezoid(0), r"trapezoid\(cool=0\)"),
        (lambda: trapezoid(shape="root"), "Unknown shape of a trapezoid 'root'"),
        (lambda: preview(linear(), 0), r"preview\(total=0"),
        (lambda: scaled_rate(0.1, 0), r"scaled_rate\(batch=0"),
        (lambda: scaled_rate(0.1, 8, rule="root"), "Unknown rule of scaling 'root'"),
    ],
)
def test_impossible_numbers_are_said(make, words):
    """Property: the message shows what came and what is expected."""
    with pytest.raises(ValueError, match=words):
        make()


def test_a_schedule_of_decay_leaves_what_does_not_decay():
    """Closed form: a weight-decay schedule multiplies each group's own decay, so biases stay at nothing."""
    from weft.optim import adamw

    method = Supervised(mlp(8, 4, 2), cross_entropy)
    state = fit(method, pairs(), Update(adamw(0.1, weight_decay=0.2), on="", schedule={"weight_decay": constant(0.5)}), until=Steps(1))
    assert [g["weight_decay"] for g in state.updates["all"].optimizer.param_groups] == [0.1, 0.0]
