"""Stopping when a value no longer improves."""

from __future__ import annotations

import json
import math

import pytest
import torch

from weft.engine import Epochs, Evaluation, fit
from weft.observe import EarlyStop
from weft.observe.early_stop import direction

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


@pytest.mark.parametrize(("arguments", "word"), [({"patience": 0}, "patience"), ({"min_delta": -1.0}, "min_delta"), ({"mode": "lowest"}, "lowest")])
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
