"""Schedules: closed forms, composition, memory, and what they do to an optimizer inside fit."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tests.engine.toys import mlp, pairs
from weft.engine import Checkpoints, Epochs, Evaluation, Method, Runtime, Steps, Update, fit
from weft.losses import Loss, cross_entropy
from weft.methods import Supervised
from weft.optim import Progress, Schedule, adamw, constant, cosine, exponential, inverse_sqrt, linear, plateau, sgd, step_decay, warmup


def at(step, total=100):
    return Progress(step=step, total=total, fraction=step / total)


@pytest.mark.parametrize(
    ("schedule", "form"),
    [
        (constant(0.3), lambda t: 0.3),
        (warmup(8), lambda t: min(1, (t + 1) / 8)),
        (warmup(8, start=0.2), lambda t: 0.2 + 0.8 * min(1, (t + 1) / 8)),
        (cosine(), lambda t: (1 + math.cos(math.pi * t / 100)) / 2),
        (cosine(0.1), lambda t: 0.1 + 0.9 * (1 + math.cos(math.pi * t / 100)) / 2),
        (linear(), lambda t: 1 - t / 100),
        (linear(0.25), lambda t: 1 - 0.75 * t / 100),
        (exponential(0.5, every=20), lambda t: 0.5 ** (t / 20)),
        (step_decay(0.1, (0.3, 0.6)), lambda t: 1 if t < 30 else 0.1 if t < 60 else 0.01),
        (inverse_sqrt(16), lambda t: min((t + 1) / 16, 4 / math.sqrt(t + 1))),
    ],
    ids=["constant", "warmup", "warmup from", "cosine", "cosine to", "linear", "linear to", "exponential", "step_decay", "inverse_sqrt"],
)
def test_values(schedule, form):
    """Closed form: constant, warmup, cosine, linear, exponential, step_decay and inverse_sqrt at every one of 100 steps."""
    for t in range(101):
        assert schedule(at(t)) == pytest.approx(form(t), abs=1e-12), t


def test_what_follows_counts_from_where_the_first_ends():
    """Closed form: warmup(10) | cosine() over 100 steps is a whole half cosine over the other 90; three in a row likewise."""
    schedule = warmup(10) | cosine(0.1)
    for t in range(101):
        wanted = (t + 1) / 10 if t < 10 else 0.1 + 0.9 * (1 + math.cos(math.pi * (t - 10) / 90)) / 2
        assert schedule(at(t)) == pytest.approx(wanted), t
    three = warmup(10) | constant(0.5, steps=40) | linear()
    assert three.lasts is None and (warmup(10) | constant(0.5, steps=40)).lasts == 50
    for t in range(101):
        wanted = (t + 1) / 10 if t < 10 else 0.5 if t < 50 else 1 - (t - 50) / 50
        assert three(at(t)) == pytest.approx(wanted), t
    nested = warmup(10) | (constant(0.5, steps=40) | linear())
    assert [nested(at(t)) for t in range(101)] == pytest.approx([three(at(t)) for t in range(101)])
    decaying = warmup(4) | exponential(0.5, every=2)
    assert [decaying(at(t)) for t in (3, 4, 6, 8)] == [1.0, 1.0, 0.5, 0.25]


def test_without_a_known_total_the_rest_is_estimated_from_the_pace():
    """Closed form: at 40 of unknown steps a quarter of the time has passed, so 160 in all; 10 of warm-up leave 150."""
    now = Progress(step=40, total=None, fraction=0.25)
    assert (warmup(10) | linear())(now) == pytest.approx(1 - 30 / 150)
    assert (warmup(10) | linear())(Progress(step=10, total=None, fraction=0.0)) == 1.0


def test_a_warmup_longer_than_the_training_is_only_a_warmup():
    """Property: no division by nothing, no value above one."""
    schedule = warmup(50) | cosine()
    assert [schedule(at(t, total=20)) for t in range(20)] == pytest.approx([(t + 1) / 50 for t in range(20)])


def test_a_product_multiplies():
    """Closed form: value by value; it lasts as long as its first."""
    product = warmup(10) * exponential(0.5, every=10)
    assert [product(at(t)) for t in (0, 4, 20)] == pytest.approx([0.1 * 0.5**0, 0.5 * 0.5**0.4, 0.25])
    assert product.lasts == 10 and (product | constant(7.0))(at(10)) == 7.0


def test_nothing_follows_what_has_no_end():
    """Property: the error says what may stand before |."""
    with pytest.raises(ValueError, match=r"must last a known number of steps, as warmup\(500\) does"):
        cosine() | warmup(5)
    with pytest.raises(ValueError, match="give at least 1"):
        warmup(0)


# Evaluations of the monitored metric, and the factor after each: factor 0.5, patience 1, min_delta 0.05, floor 0.2.
TABLE = [(1.0, 1.0), (0.9, 1.0), (0.88, 1.0), (0.87, 0.5), (0.84, 0.5), (math.nan, 0.5), (math.nan, 0.25), (0.85, 0.25), (0.85, 0.2), (0.5, 0.2), (9.0, 0.2), (9.0, 0.2)]


@pytest.mark.parametrize("mode", ["min", "max"])
def test_plateau_by_table(mode):
    """Closed form: plateau drops after patience + 1 evaluations without progress of at least min_delta, NaN is none, and it stops at the floor."""
    schedule = plateau("val/x", factor=0.5, patience=1, mode=mode, min_delta=0.05, floor=0.2)
    assert schedule(Progress()) == 1.0
    for n, (value, factor) in enumerate(TABLE, 1):
        now = Progress(metrics={"val/x": value if mode == "min" else -value}, evaluations=n)
        assert [schedule(now), schedule(now), schedule(now)] == [factor] * 3, n  # asked at every step, it counts an evaluation once


@pytest.mark.parametrize("cut", range(len(TABLE)))
def test_plateau_goes_on_from_its_state(cut):
    """Property: saved after any evaluation and loaded into a new one, also inside a composition, the rest of the table is the same."""

    def make():
        return warmup(1) | (plateau("val/x", factor=0.5, patience=1, min_delta=0.05, floor=0.2) * constant(1.0))

    def now(n):
        return Progress(step=n, metrics={"val/x": TABLE[n - 1][0]}, evaluations=n)

    first, second = make(), make()
    for n in range(1, cut + 1):
        first(now(n))
    second.load_state_dict(first.state_dict())
    assert [second(now(n)) for n in range(cut + 1, len(TABLE) + 1)] == [factor for _, factor in TABLE[cut:]]


def test_plateau_says_what_it_misses():
    """Property: the error names the metric and lists what there is."""
    with pytest.raises(ValueError, match=r"watches 'val/acc', but the evaluation gave \['val/loss'\]"):
        plateau("val/acc")(Progress(metrics={"val/loss": 1.0}, evaluations=1))
    with pytest.raises(ValueError, match="'min' or 'max', not 'up'"):
        plateau("x", mode="up")


def rates(update, *, until=Steps(6), data=None, option="lr", group=0, **rest):
    """The option of one group as each step used it."""
    seen = []
    method = Supervised(mlp(8, 4, 2), cross_entropy)
    fit(method, data or pairs(), update, until=until, listeners=[lambda s, logs: seen.append(s.updates["all"].optimizer.param_groups[group][option]) if logs else None], **rest)
    return seen


def test_the_first_step_uses_the_first_value():
    """Closed form: six steps under warmup(3) | linear(), times the base rate."""
    found = rates(Update(sgd(2.0), on="", schedule=warmup(3) | linear()))
    assert found == pytest.approx([2 / 3, 4 / 3, 2, 2, 2 * (1 - 1 / 3), 2 * (1 - 2 / 3)])


def test_a_dict_schedules_each_option():
    """Closed form: learning rate and weight decay by themselves; a group without decay keeps none."""
    update = Update(adamw(1.0, weight_decay=0.5), on="", schedule={"lr": constant(0.5), "weight_decay": exponential(0.5)})
    assert rates(update, until=Steps(3)) == [0.5] * 3
    assert rates(update, until=Steps(3), option="weight_decay") == [0.5, 0.25, 0.125]
    assert rates(update, until=Steps(3), option="weight_decay", group=1) == [0.0] * 3


def test_a_schedule_for_one_group_by_its_name():
    """Closed form: "no_decay.lr" for that group, "lr" for the others, whichever stands first."""
    for schedule in ({"lr": constant(0.5), "no_decay.lr": constant(0.1)}, {"no_decay.lr": constant(0.1), "lr": constant(0.5)}):
        update = Update(adamw(1.0, weight_decay=0.5), on="", schedule=schedule)
        assert (rates(update, until=Steps(1)), rates(update, until=Steps(1), group=1)) == ([0.5], [0.1])
    alone = Update(adamw(1.0, weight_decay=0.5), on="", schedule={"no_decay.lr": constant(0.1)})
    assert (rates(alone, until=Steps(1)), rates(alone, until=Steps(1), group=1)) == ([1.0], [0.1])


@pytest.mark.parametrize("name", ["momentun", "head.lr", "decay.beta"])
def test_an_option_that_is_not_there_is_refused(name):
    """Property: the error names it and lists the options."""
    with pytest.raises(ValueError, match=rf"schedule for '{name}' finds no such option.*'lr'.*'weight_decay'"):
        rates(Update(adamw(), on="", schedule={name: constant()}))


class Sometimes(Method):
    """Regression whose loss is NaN where the batch says so."""

    def __init__(self):
        super().__init__()
        self.network = nn.Linear(2, 1)

    def loss(self, batch):
        return Loss.mean(self.network(batch["input"]).square()[:, 0] + torch.where(batch["bad"], math.nan, 0.0))


@pytest.mark.parametrize("schedule", [warmup(4) | exponential(0.5), exponential(0.5), inverse_sqrt(2), warmup(2) | linear(), linear(), cosine()])
def test_a_skipped_step_does_not_advance_a_schedule(schedule):
    """Property: with bad batches between, the good ones are taken at the rates of a run without them (of the same length); weights too."""

    def run(bad):
        torch.manual_seed(0)
        method, seen = Sometimes(), []
        batches = [{"input": torch.full((4, 2), float(i + 1)), "bad": torch.full((4,), b)} for i, b in enumerate(bad)]

        def watch(state, logs):
            (update,) = state.updates.values()
            if update.count > len(seen):
                seen.append(update.optimizer.param_groups[0]["lr"])

        state = fit(method, batches, Update(sgd(0.01), on="", schedule=schedule), until=Steps(8), listeners=[watch], runtime=Runtime(nonfinite="skip"))
        return seen, state

    good, _ = run([False] * 8)
    found, state = run([True, False, False, True, True, False, False, True])
    assert state.skipped == 4 and state.updates["all"].count == 4
    assert found == pytest.approx(good[:4])


def test_a_step_without_any_item_does_not_advance_it_either():
    """Property: an empty mask is no step."""
    x, y = next(pairs(4))
    data = [{"input": x, "target": y, "mask": torch.full((4,), keep)} for keep in (True, False, True, False)]
    seen = rates(Update(sgd(1.0), on="", schedule=exponential(0.5)), until=Steps(4), data=data)
    assert seen == [1.0, 0.5, 0.5, 0.25]


def test_plateau_in_fit_drops_and_resumes(tmp_path):
    """Contract: a script of evaluations gives the same learning rates when the training is cut in its middle and resumed."""
    script = [1.0, 1.0, 0.5, 0.6, math.nan, 0.7, 0.7, 0.7]

    def train(folder, until):
        method = Supervised(mlp(8, 2), cross_entropy)
        found = []
        update = Update(sgd(1.0), on="", schedule=plateau("val/x", factor=0.5, patience=0))

        def watch(state, logs):
            if "val/x" not in logs:
                found.append(state.updates["all"].optimizer.param_groups[0]["lr"])

        count = {"n": until[0]}

        def measure(_):
            count["n"] += 1
            return {"x": script[count["n"] - 1]}

        fit(method, [next(pairs())], update, until=Epochs(until[1]), evaluate=Evaluation(measure, mode="min"), listeners=[watch], run=Checkpoints(folder, every=Steps(1)))
        return found

    whole = train(tmp_path / "whole", (0, 8))
    assert whole == [1.0, 1.0, 0.5, 0.5, 0.25, 0.125, 0.0625, 0.03125]
    assert train(tmp_path / "cut", (0, 5)) + train(tmp_path / "cut", (5, 8)) == whole


def test_any_function_of_progress_is_a_schedule():
    """Property: Schedule(function) sees update, step, epoch and samples."""
    seen = []
    rates(Update(sgd(1.0), on="", schedule=Schedule(lambda p: seen.append((p.update, p.step, p.epoch, p.samples, p.total, p.fraction)) or 1.0)), until=Epochs(2), data=[next(pairs(3))] * 2)
    assert seen == [(0, 0, 0, 0, 4, 0.0), (1, 1, 0, 3, 4, 0.25), (2, 2, 1, 6, 4, 0.5), (3, 3, 1, 9, 4, 0.75)]
