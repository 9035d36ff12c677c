"""The metrics of a run as JSON lines."""

from __future__ import annotations

import json
import math

import pytest
import torch

from weft.engine import Checkpoints, Epochs, Evaluation, Steps, fit
from weft.losses.loss import Mean
from weft.observe import MetricsFile, read_metrics


def written(path):
    return [{key: value for key, value in row.items() if key != "time"} for row in read_metrics(path)]


def test_metrics_file_means_each_interval(tmp_path, moment):
    """Closed form: a MetricsFile line holds sum of sums / sum of counts over its interval, and the rest comes at close."""
    listener = MetricsFile(tmp_path / "metrics.jsonl", every=2)
    for step, (total, count) in enumerate([(10.0, 1), (2.0, 3), (9.0, 3)], 1):
        listener(moment(step), {"loss": Mean(torch.tensor(total), count)})
    listener.close()
    assert [(row["step"], row["loss"]) for row in read_metrics(listener.path)] == [(2, 3.0), (3, 3.0)]


def test_an_evaluation_is_written_at_once(tmp_path, moment):
    listener = MetricsFile(tmp_path / "metrics.jsonl", every=100)
    listener(moment(1), {"loss": 1.0})
    listener(moment(2, metrics={"val/loss": 0.5}), {"loss": 3.0, "val/loss": 0.5})
    listener(moment(2, metrics={"val/loss": 0.5}), {})
    listener.close()
    assert written(listener.path) == [{"stage": "", "step": 2, "epoch": 0, "samples": 16, "loss": 2.0, "val/loss": 0.5}]


def test_a_short_run_has_every_step_and_a_long_one_about_two_hundred_lines(tmp_path, moment):
    for total, lines in ((10, 10), (1000, 200)):
        listener = MetricsFile(tmp_path / f"{total}.jsonl")
        for step in range(1, total + 1):
            listener(moment(step, total=total), {"loss": 1.0})
        listener.close()
        assert len(read_metrics(listener.path)) == lines


def test_numbers_that_are_not_finite_stay_valid_json_and_come_back(tmp_path, moment):
    listener = MetricsFile(tmp_path / "metrics.jsonl", every=1)
    listener(moment(), {"loss": math.nan, "peak": math.inf})
    listener.close()
    json.loads(listener.path.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    (row,) = read_metrics(listener.path)
    assert math.isnan(row["loss"]) and row["peak"] == math.inf


def test_a_resumed_run_leaves_the_file_of_an_uninterrupted_one(tmp_path, training, batches):
    def run(name, until, every=4):
        method, update = training()
        listener = MetricsFile(tmp_path / f"{name}.jsonl", every=every)
        evaluation = Evaluation(batches, every=Epochs(1))
        fit(method, batches, update, until=until, evaluate=evaluation, listeners=[listener], run=Checkpoints(tmp_path / name, every=Steps(7)))
        return listener.path

    whole = run("whole", Epochs(4))
    run("cut", Steps(10))  # ends in mid-interval, one step behind an evaluation and three behind a checkpoint
    saved = sorted((tmp_path / "cut").glob("step-*10.*"))
    assert len(saved) == 2
    for file in saved:
        file.unlink()  # as if it had been killed after step 10: the newest checkpoint is that of step 7
    with open(tmp_path / "cut.jsonl", "a") as file:
        file.write('{"stage": "", "step": 11, "lo')  # a torn line
    resumed = run("cut", Epochs(4))
    assert written(resumed) == written(whole)


def test_a_training_that_begins_anew_replaces_its_own_stage_only(tmp_path, moment):
    path = tmp_path / "metrics.jsonl"
    for stage, loss in (("probe", 1.0), ("tune", 2.0), ("tune", 3.0)):
        listener = MetricsFile(path, every=1)
        listener(moment(1, stage=stage), {"loss": loss})
        listener.close()
    assert [(row["stage"], row["loss"]) for row in read_metrics(path)] == [("probe", 1.0), ("tune", 3.0)]


def test_a_broken_line_in_the_middle_is_named(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\nrubbish\n{"step": 3}\n{"step"')
    with pytest.raises(ValueError, match="Line 2"):
        read_metrics(path)
    path.write_text('{"step": 1}\n{"step"')
    assert read_metrics(path) == [{"step": 1}]


def test_other_ranks_write_nothing(tmp_path, moment, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    listener = MetricsFile(tmp_path / "metrics.jsonl", every=1)
    listener(moment(), {"loss": 1.0})
    listener.close()
    assert not listener.path.exists()


def test_an_interval_below_one_is_an_error():
    with pytest.raises(ValueError, match="every=0"):
        MetricsFile(every=0)
