"""Stopping when a value no longer improves."""

from __future__ import annotations

import json
import math

import pytest
import torch

from weft import metrics
from weft.engine import Epochs, Evaluation, fit
from weft.observe import EarlyStop, StopWhenAll
from weft.observe.early_stop import UNSAID, direction

CASES = {
    "falls, then rests": ("min", 2, 0.0, [3, 2, 1, 1, 1], 5),
    "equal is no improvement": ("min", 3, 0.0, [1, 1, 1, 1, 1], 4),
    "rises": ("max", 2, 0.0, [1, 2, 3, 2, 2], 5),
    "too small a gain": ("max", 2, 0.5, [1.0, 1.2, 1.4, 9.0], 3),
    "gain adds up against the best": ("max", 3, 0.5, [1.0, 1.3, 1.6, 1.7, 1.8, 1.9], 6),
    "NaN is never an improvement": ("min", 3, 0.0, [1, math.nan, math.nan, math.nan], 4),
    "only NaN ends too": ("max", 2, 0.0, [math.nan, math.nan], 2),
    "NaN first, then numbers": ("min", 2, 0.0, [math.nan, 5, 4, 3], None),
    "an improvement resets the count": ("min", 2, 0.0, [3, 4, 2, 3, 1, 2], None),
}


def stopped_at(stop, moment, values):
    for number, value in enumerate(values, 1):
        if stop(moment(number), {"val/x": value}) is not None:
            return number
    return None


@pytest.mark.parametrize("name", CASES)
def test_early_stop_by_the_table(name, moment):
    """Closed form: EarlyStop ends at the evaluation that the table gives."""
    mode, patience, min_delta, values, expected = CASES[name]
    assert stopped_at(EarlyStop("val/x", patience, min_delta, mode), moment, values) == expected


OPTIONS = {
    "a baseline that is never beaten": ("min", {"baseline": 0.5}, [0.9, 0.8, 0.7], 3),
    "a baseline that is beaten late": ("min", {"baseline": 0.5}, [0.9, 0.8, 0.4, 0.4, 0.4, 0.4], 6),
    "a baseline that is only met": ("max", {"baseline": 1.0}, [1.0, 1.0, 1.0], 3),
    "waiting begins after the start": ("min", {"start": 4}, [1, 2, 2, 2, 2, 2, 2], 7),
    "the best before the start counts": ("max", {"start": 2}, [9, 1, 2, 3, 4], 5),
    "a gain of a tenth of the best": ("min", {"min_delta": 0.1, "relative": True}, [100, 95, 91, 90.5], 4),
    "a gain of more than a tenth": ("max", {"min_delta": 0.1, "relative": True}, [-100, -89, -80, -70], None),
    "infinity is no improvement": ("max", {}, [1.0, math.inf, math.inf, math.inf], 4),
    "NaN ends at once if asked": ("min", {"finite": True}, [1.0, math.nan, 0.5], 2),
    "NaN is waited for if not": ("min", {}, [1.0, math.nan, 0.5, 0.4], None),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_baseline_start_and_share_by_the_table(name, moment):
    """Closed form: EarlyStop with its options ends at the evaluation that the table gives."""
    mode, options, values, expected = OPTIONS[name]
    assert stopped_at(EarlyStop("val/x", 3, mode=mode, **options), moment, values) == expected


def test_all_conditions_must_be_met(moment):
    """Closed form: StopWhenAll waits for the last of its conditions, goes on if one improves, and resumes where it was."""
    def make():
        return StopWhenAll(EarlyStop("val/loss", 2), EarlyStop("val/f1", 2))

    stop, resumed = make(), make()
    table = [(1.0, 0.1), (1.0, 0.2), (1.0, 0.3), (0.5, 0.3), (0.5, 0.3), (0.5, 0.3)]
    for number, (loss, f1) in enumerate(table, 1):
        found = (resumed if number > 3 else stop)(moment(number), {"val/loss": loss, "val/f1": f1})
        assert (found is not None) == (number == 6), number
        if number == 3:
            resumed.load_state_dict(json.loads(json.dumps(stop.state_dict())))
    assert "val/loss stayed at 0.5" in found.reason and "val/f1 stayed at 0.3" in found.reason
    with pytest.raises(ValueError, match="at least one EarlyStop"):
        StopWhenAll()


def test_direction_is_that_which_the_metric_declares():
    """Contract: for every metric of the catalogue, EarlyStop goes the way in which Evaluation compares."""
    for name, (make, _, _) in metrics.examples().items():
        if name not in UNSAID:
            assert direction(f"val/{name}") == make().direction, name


def test_state_goes_on_where_it_was(moment):
    first, second = EarlyStop("val/x", 3, mode="min"), EarlyStop("val/x", 3, mode="min")
    assert stopped_at(first, moment, [1.0, 2.0, 2.0]) is None
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert stopped_at(second, moment, [1.5]) == 1, "two of three were waited before"


def test_steps_without_the_value_do_not_count(moment):
    stop = EarlyStop("val/loss", patience=1)
    assert stop(moment(1), {"val/loss": 1.0}) is None
    assert all(stop(moment(step, metrics={"val/loss": 1.0}), {"loss": 5.0}) is None for step in range(2, 20))
    reason = stop(moment(20), {"val/loss": torch.tensor(1.0)})
    assert reason is not None and "val/loss" in reason.reason


def test_a_value_that_no_evaluation_reports_is_an_error(moment):
    with pytest.raises(ValueError, match="val/accuracy"):
        EarlyStop("val/acuracy", mode="max")(moment(metrics={"val/accuracy": 0.5, "val/loss": 1.0}), {"loss": 1.0})


def test_direction_is_known_from_the_name_or_asked_for():
    assert [direction(name) for name in ("val/loss", "test/top_k_error", "val/mae", "val/balanced_accuracy", "return", "val/AUROC")] == [
        "min",
        "min",
        "min",
        "max",
        "max",
        "max",
    ]
    with pytest.raises(ValueError, match="mode='min'"):
        EarlyStop("val/score")


@pytest.mark.parametrize(("arguments", "word"), [({"patience": 0}, "patience"), ({"min_delta": -1.0}, "min_delta"), ({"mode": "lowest"}, "lowest"), ({"start": -1}, "start"), ({"baseline": math.nan}, "baseline")])
def test_impossible_arguments_are_errors(arguments, word):
    with pytest.raises(ValueError, match=word):
        EarlyStop("val/loss", **arguments)


def test_it_ends_a_real_training(training, batches):
    method, update = training()
    worse = iter([0.1, 0.5, 0.4, 0.3, 0.2])
    state = fit(
        method,
        batches,
        update,
        until=Epochs(50),
        evaluate=Evaluation(lambda method: {"accuracy": next(worse)}),
        listeners=[EarlyStop("val/accuracy", patience=3)],
    )
    assert state.epoch == 5 and "val/accuracy" in state.stopped
