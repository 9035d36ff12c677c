"""What the monitors share."""

from __future__ import annotations

import pytest

from weft.engine import Checkpoints, Steps, fit
from weft.observe import Run, read_metrics
from weft.observe.health import ActivationMonitor, GradientMonitor
from weft.observe.health.monitor import Monitor, chosen


class Seen(Monitor):
    """Notes when it is called."""

    name = "seen"

    def __init__(self, every):
        super().__init__(every)
        self.prepared, self.released = [], 0

    def prepare(self, state):
        self.prepared.append(state.step + 1)

    def read(self, state, logs):
        return {"step_read": float(state.step)}

    def release(self):
        self.released += 1


def test_it_looks_early_and_then_at_every_so_many_steps(moment):
    """Closed form: steps 2, 5, 10, 20, 50 and multiples of the interval, each prepared one step before."""
    monitor = Seen(30)
    for step in range(1, 91):
        monitor(moment(step), {"loss": 1.0})
    assert [report["step"] for report in monitor.history] == [2, 5, 10, 20, 30, 50, 60, 90] == monitor.prepared
    assert monitor.released == 8


def test_an_epochs_end_is_no_step(moment):
    monitor = Seen(1)
    for step in (1, 2, 2, 3):
        monitor(moment(step), {})
    assert [report["step_read"] for report in monitor.history] == [2, 3]


def test_the_history_is_bounded(moment):
    monitor = Seen(1)
    for step in range(1, 1000):
        monitor(moment(step), {})
    assert len(monitor.history) == 200 and monitor.history[-1]["step"] == 999


def test_a_failing_look_releases_what_it_took(moment):
    monitor = Seen(1)
    monitor.read = lambda state, logs: 1 / 0
    monitor(moment(1), {})
    with pytest.raises(ZeroDivisionError):
        monitor(moment(2), {})
    assert monitor.released == 1 and not monitor.ready


def test_the_thinning_keeps_both_ends():
    names = [f"layer{i}" for i in range(100)]
    assert chosen(names, None, 5) == ["layer0", "layer25", "layer50", "layer74", "layer99"]
    assert chosen(names, "layer1?", 99) == names[10:20] and chosen(names, lambda n: n == "layer7", 9) == ["layer7"]


def test_an_interval_below_one_is_refused():
    with pytest.raises(ValueError, match="every=0"):
        GradientMonitor(0)


def test_a_resumed_run_leaves_the_reports_of_an_uninterrupted_one(tmp_path, training, batches):
    def run(name, *lengths):
        for length in lengths:
            method, update = training()
            path = tmp_path / name
            with Run.open(path) if path.exists() else Run.create(path, {"name": "x", "args": {}}) as opened:
                opened.show_progress, opened.save_every = False, Steps(7)
                listeners = [GradientMonitor(3), ActivationMonitor(3)]
                opened.fit("train", method, batches, update, until=Steps(length), listeners=listeners)
                (path / "checkpoints" / "train" / "finished.json").unlink()
        return [read_metrics(path / "health" / f"{kind}.jsonl") for kind in ("gradients", "activations")]

    whole, parts = run("whole", 25), run("parts", 14, 25)
    for one, other in zip(whole, parts, strict=True):
        assert len(one) > 8
        # a look at step 15 was being prepared when the checkpoint of step 14 was written; the search for leaks begins anew
        one, other = ([{k: v for k, v in row.items() if k != "time" and "leak" not in k} for row in rows] for rows in (one, other))
        assert [row for row in one if row["step"] != 15] == other


def test_watching_changes_nothing(training, batches):
    """Property: GradientMonitor, ActivationMonitor, WeightMonitor and Health leave the weights of training bit for bit."""
    from weft.observe.health import Health, WeightMonitor

    def trained(listeners):
        method, update = training()
        fit(method, batches, update, until=Steps(20), listeners=listeners)
        return [p.tolist() for p in method.parameters()], sum(len(m._forward_hooks) for m in method.modules())

    watched = trained([GradientMonitor(1), ActivationMonitor(1, details=True), WeightMonitor(1), Health(1)])
    assert watched == trained([]) and watched[1] == 0


def test_checkpoints_without_a_run_keep_no_file(tmp_path, training, batches):
    method, update = training()
    monitor = GradientMonitor(2)
    fit(method, batches, update, until=Steps(4), listeners=[monitor], run=Checkpoints(tmp_path))
    assert len(monitor.history) == 3 and "file" not in monitor.state_dict()
