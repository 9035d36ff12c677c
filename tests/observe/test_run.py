"""The directory of a run."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest
import torch

from weft.engine import Epochs, Evaluation, Steps, Update
from weft.observe import EarlyStop, LockedError, Run, Samples
from weft.optim.optimizers import adam

SPEC = {"name": "toy", "args": {"lr": 0.1, "layers": [8, 2], "note": None}}


def weights(method):
    return torch.cat([p.detach().flatten() for p in method.parameters()])


@pytest.fixture
def run(tmp_path):
    with Run.create(tmp_path / "run", SPEC) as run:
        run.show_progress = False
        yield run


def test_a_new_run_holds_its_call_and_its_environment(tmp_path):
    with Run.create(tmp_path / "runs" / "a", SPEC, data=[{"x": 1}]) as run:
        assert run.spec == SPEC and run.result is None and run.metrics() == []
        assert run.environment["packages"]["torch"] == torch.__version__ and run.environment["data"]
        assert sorted(file.name for file in run.path.iterdir()) == ["environment.json", "lock", "spec.json"]


def test_a_directory_with_anything_in_it_is_refused(tmp_path, run):
    with pytest.raises(LockedError):
        Run.create(run.path, SPEC)
    run.close()
    with pytest.raises(FileExistsError, match="weft resume"):
        Run.create(run.path, SPEC)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("")
    with pytest.raises(FileExistsError, match=r"cat\.jpg"):
        Run.create(tmp_path / "photos", SPEC)
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError, match="is a file"):
        Run.create(tmp_path / "file", SPEC)


def test_a_refused_directory_is_not_left_locked(tmp_path, run):
    run.close()
    with pytest.raises(FileExistsError):
        Run.create(run.path, SPEC)
    Run.open(run.path).close()
    assert Run.open(run.path, read_only=True).spec == SPEC


def test_opening_what_is_no_run_names_runs_nearby(tmp_path, run):
    with pytest.raises(FileNotFoundError, match=r"Runs nearby: .*run"):
        Run.open(tmp_path / "rum")


def test_two_processes_cannot_share_a_run_but_reading_is_free(run):
    code = "import sys; from weft.observe import Run; print(Run.open(sys.argv[1], read_only=True).spec['name']); Run.open(sys.argv[1])"
    other = subprocess.run([sys.executable, "-c", code, str(run.path)], capture_output=True, text=True)
    assert other.stdout == "toy\n" and other.returncode != 0 and "in use by process" in other.stderr


def test_a_run_that_is_closed_or_read_only_does_not_train(run, training, batches):
    run.close()
    for closed in (run, Run.open(run.path, read_only=True)):
        with pytest.raises(PermissionError, match="read only"):
            closed.fit("train", training()[0], batches, until=Steps(1))
        with pytest.raises(PermissionError):
            closed.finish({})


def test_fit_leaves_metrics_checkpoints_and_what_listeners_write(run, training, batches):
    method, update = training()
    state = run.fit("train", method, batches, update, until=Epochs(3), evaluate=Evaluation(batches), listeners=[Samples(lambda m: "text", every=5)])
    assert state.step == 18 and state.stage == "train"
    rows = run.metrics()
    assert [row["step"] for row in rows if "val/loss" in row] == [6, 12, 18] and {row["stage"] for row in rows} == {"train"} and rows[0]["lr"] == 0.1
    assert (run.path / "samples" / "train" / "step-000015.txt").read_text() == "text"
    assert run.finished("train")["step"] == 18 and list((run.path / "checkpoints" / "train").glob("step-*18.safetensors"))


def test_a_finished_stage_loads_its_result_and_trains_no_step(run, training, batches):
    method, update = training()
    stop = EarlyStop("val/accuracy", patience=2)
    values = iter([0.9, 0.5, 0.4])
    first = run.fit(
        "train", method, batches, update, until=Epochs(50), evaluate=Evaluation(lambda method: {"accuracy": next(values)}), listeners=[stop]
    )
    run.close()
    lines = run.metrics()
    with Run.open(run.path) as again:
        other, update = training()
        seen = []
        second = again.fit(
            "train", other, batches, update, until=Epochs(50), evaluate=Evaluation(batches), listeners=[lambda state, logs: seen.append(1)]
        )
    assert second.step == first.step == 18 and not seen and torch.equal(weights(other), weights(method))
    assert second.metrics == first.metrics and again.metrics() == lines
    assert torch.equal(weights(second.best()), weights(first.best()))


def test_a_stage_killed_before_it_was_marked_is_finished_all_the_same(run, training, batches):
    method, update = training()
    values = iter([0.9, 0.5, 0.4])
    stop = EarlyStop("val/accuracy", patience=2)
    first = run.fit(
        "train", method, batches, update, until=Epochs(50), evaluate=Evaluation(lambda method: {"accuracy": next(values)}), listeners=[stop]
    )
    (run.path / "checkpoints" / "train" / "finished.json").unlink()
    other, update = training()
    second = run.fit("train", other, batches, update, until=Epochs(50))
    assert second.step == first.step


def test_a_finished_stage_whose_checkpoint_is_lost_is_trained_again(run, training, batches):
    method, update = training()
    run.fit("train", method, batches, update, until=Steps(4))
    for file in (run.path / "checkpoints" / "train").glob("step-*"):
        file.unlink()
    other, update = training()
    with pytest.warns(UserWarning, match="gone or damaged"):
        state = run.fit("train", other, batches, update, until=Steps(4))
    assert state.step == 4 and torch.equal(weights(other), weights(method))


def test_optimizer_state_is_carried_over_to_the_next_stage(run, training, batches):
    method, _ = training()
    update = Update(adam(0.01), on="network")
    run.fit("probe", method, batches, update, until=Steps(5))
    state = run.fit("tune", method, batches, update, until=Steps(1))
    (bound,) = state.updates.values()
    assert {int(values["step"]) for values in bound.optimizer.state.values()} == {6}


KILLED = """
import os, sys, torch
from weft.engine import Epochs, Steps, Update, Evaluation
from weft.methods import Supervised
from weft.losses import cross_entropy
from weft.optim.optimizers import sgd
from weft.observe import Run
from pathlib import Path

folder, kill = Path(sys.argv[1]), int(sys.argv[2])
run = Run.open(folder) if (folder / "spec.json").exists() else Run.create(folder, {"name": "toy"})
run.show_progress, run.save_every = False, Steps(4)
torch.manual_seed(3)
network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.2), torch.nn.Linear(8, 2))
method = Supervised(network, cross_entropy)
x = torch.randn(6, 8, 4, generator=torch.Generator().manual_seed(1))
data = [(rows, (rows[:, 0] > 0).long()) for rows in x]
steps = []
def watch(state, logs):
    steps.append(1)
    if len(steps) == kill:
        os.kill(os.getpid(), 9)
for stage in ("probe", "tune"):
    run.fit(stage, method, data, Update(sgd(0.1, momentum=0.9), on="network"), until=Epochs(3), evaluate=Evaluation(data), listeners=[watch])
run.finish({"weights": [p.tolist() for p in method.parameters()]})
"""


def test_two_stages_killed_again_and_again_end_as_one_that_was_not(tmp_path):
    def program(folder, kill):
        return subprocess.run([sys.executable, "-W", "ignore", "-c", KILLED, str(tmp_path / folder), str(kill)], capture_output=True, text=True)

    assert program("whole", 0).returncode == 0
    for kill in (9, 8, 12, 11):  # in the first stage; twice later; in the second
        assert program("killed", kill).returncode == -signal.SIGKILL
    end = program("killed", 0)
    assert end.returncode == 0, end.stderr
    whole, killed = (Run.open(tmp_path / name, read_only=True) for name in ("whole", "killed"))
    assert whole.result == killed.result

    def without_time(run):
        return [{key: value for key, value in row.items() if key != "time"} for row in run.metrics()]

    assert without_time(whole) == without_time(killed)


def test_differences_say_what_changed(tmp_path):
    mine, data = tmp_path / "mine.py", [{"x": 1}]
    mine.write_text("a = 1\n")
    with Run.create(tmp_path / "run", SPEC, code=[mine], data=data) as run:
        assert run.differences(spec=SPEC, code=[mine], data=data) == []
        mine.write_text("a = 2\n")
        around = run.environment
        around["packages"]["torch"] = "1.0"
        (run.path / "environment.json").write_text(json.dumps(around))
        lines = run.differences(spec={**SPEC, "args": {**SPEC["args"], "lr": 0.2}}, code=[mine], data=[{"x": 2}])
    assert len(lines) == 4
    for start in (f"packages.torch: 1.0 -> {torch.__version__}", f"code.{mine}: ", "data: ", "spec.args.lr: 0.1 -> 0.2"):
        assert any(line.startswith(start) for line in lines), (start, lines)


def test_a_result_is_written_whole_or_not_at_all(run):
    run.finish({"accuracy": 0.5})
    (run.path / ".result.json.1.part").write_text("{")  # what a process killed while writing leaves
    assert run.result == {"accuracy": 0.5}
    run.finish({"loss": float("nan")})
    assert json.loads((run.path / "result.json").read_text(), parse_constant=pytest.fail) == {"loss": "NaN"}


@pytest.mark.parametrize("name", ["../x", "", "a/b", ".hidden", "x" * 65])
def test_a_stage_s_name_cannot_leave_the_directory(run, name):
    with pytest.raises(ValueError, match="stage's name"):
        run.checkpoints(name)


def test_a_broken_file_is_named(run):
    (run.path / "spec.json").write_text("{")
    with pytest.raises(ValueError, match=r"spec\.json is not valid JSON"):
        _ = run.spec
    (run.path / "environment.json").unlink()
    with pytest.raises(FileNotFoundError, match="environment"):
        _ = run.environment
