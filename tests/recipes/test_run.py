from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import weft
from weft.engine import Checkpoints
from weft.observe import LockedError, Run
from weft.recipes import Result, reevaluate, resume

QUIET = {**os.environ, "OMP_NUM_THREADS": "1"}


def command(*words, cwd=None):
    return subprocess.run([sys.executable, "-m", "weft", *words], capture_output=True, text=True, env=QUIET, timeout=300, cwd=cwd)


def last_weights(run, stage):
    return Checkpoints(run / "checkpoints" / stage).latest()[0]["method"]


def test_a_run_writes_down_everything_that_it_was_asked(tmp_path, own):
    result = weft.run(f"{own}:train", hidden=4, run=tmp_path / "run", progress=False)
    spec = Run.open(result.run, read_only=True).spec
    assert spec["args"]["hidden"] == 4 and spec["args"]["epochs"] == 2 and spec["args"]["seed"] == 0 and spec["args"]["ranks"] == 1
    assert set(json.loads((result.run / "result.json").read_text())["metrics"]) == set(result.metrics)


def test_the_seed_decides_everything(tmp_path, own):
    def weights(name, seed):
        return last_weights(weft.run(f"{own}:train", seed=seed, run=tmp_path / name, progress=False).run, "second")

    first, again, other = weights("a", 0), weights("b", 0), weights("c", 1)
    assert all(torch.equal(first[k], again[k]) for k in first) and not all(torch.equal(first[k], other[k]) for k in first)


def test_two_runs_in_one_directory_are_refused(tmp_path, own):
    weft.run(f"{own}:train", run=tmp_path / "run", progress=False)
    with pytest.raises(FileExistsError, match="already holds a run"):
        weft.run(f"{own}:train", run=tmp_path / "run", progress=False)


def test_killed_in_its_second_stage_a_run_goes_on_bit_for_bit(tmp_path, own):
    """Through the command line, with a user's own network and method, which is then bundled and asked."""
    words = ["run", f"{own}:train", "epochs=30", "progress=no"]
    assert command(*words, f"run={tmp_path / 'whole'}").returncode == 0
    killed = subprocess.Popen([sys.executable, "-m", "weft", *words, f"run={tmp_path / 'killed'}"], env=QUIET, stdout=subprocess.DEVNULL)
    stage = tmp_path / "killed" / "checkpoints" / "second"
    deadline = time.monotonic() + 120
    while len(list(stage.glob("*.json"))) < 2 and time.monotonic() < deadline and killed.poll() is None:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert stage.is_dir() and not (tmp_path / "killed" / "result.json").exists(), "it was killed too late to show anything"
    resumed = command("resume", str(tmp_path / "killed"))
    assert resumed.returncode == 0, resumed.stderr
    for name in ("first", "second"):
        whole, other = last_weights(tmp_path / "whole", name), last_weights(tmp_path / "killed", name)
        assert all(torch.equal(whole[k], other[k]) for k in whole)
    assert Result.read(tmp_path / "whole").metrics == Result.read(tmp_path / "killed").metrics
    (answer,) = weft.recipes.opened(tmp_path / "killed").predict([{"input": [1.0, 0.0, 0.0, 0.0]}])
    assert len(answer["output"]) == 2


def test_an_interrupted_run_says_how_to_go_on(tmp_path, own):
    running = subprocess.Popen([sys.executable, "-m", "weft", "run", f"{own}:train", "epochs=2000", f"run={tmp_path / 'run'}"], env=QUIET, stderr=subprocess.PIPE, text=True)
    while not list((tmp_path / "run").glob("checkpoints/first/*.json")) and running.poll() is None:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130 and f"weft resume {tmp_path / 'run'}" in said and "Traceback" not in said


def test_a_finished_run_is_not_trained_again(tmp_path, own):
    result = weft.run(f"{own}:train", run=tmp_path / "run", progress=False)
    before = (result.run / "metrics.jsonl").read_bytes()
    assert resume(result.run).metrics == result.metrics
    assert reevaluate(result.run).metrics == result.metrics
    assert (result.run / "metrics.jsonl").read_bytes() == before


def unfinished(tmp_path, own, **parameters):
    """A run as a crash after its first stage leaves it."""
    run = weft.run(parameters.pop("recipe", f"{own}:train"), run=tmp_path / "run", progress=False, **parameters).run
    for file in ("result.json", "bundle.weft", "report.html"):
        (run / file).unlink()
    shutil.rmtree(sorted((run / "checkpoints").iterdir())[-1])
    return run


def test_resume_says_what_changed_in_the_code_and_stops(tmp_path, own):
    run = unfinished(tmp_path, own)
    own.write_text(own.read_text() + "\n# another line\n")
    with pytest.raises(ValueError, match=r"mine\.py.*anyway"):
        resume(run, progress=False)
    with pytest.warns(UserWarning, match=r"mine\.py"):
        assert resume(run, anyway=True, progress=False).bundle.is_file()


def test_resume_says_what_changed_in_the_data_and_stops(tmp_path, own, customers):
    data = tmp_path / "rows.csv"
    data.write_bytes(customers.read_bytes())
    run = unfinished(tmp_path, own, recipe="table", data=data, target="buys", epochs=1)
    data.write_text(data.read_text().replace("Rome", "Oslo", 1))
    with pytest.raises(ValueError, match=r"data.*->"):
        resume(run, progress=False)


def test_a_run_in_use_is_not_resumed(tmp_path, own):
    run = unfinished(tmp_path, own)
    with Run.open(run), pytest.raises(LockedError, match="in use"):
        resume(run, progress=False)


def test_two_ranks_equal_one_process_and_write_once(tmp_path, own):
    own.write_text(own.read_text().replace("nn.Dropout(0.2)", "nn.Identity()"))  # ranks draw their own noise
    alone = weft.run(f"{own}:train", device="cpu", precision="float32", run=tmp_path / "one", progress=False)
    done = command("run", f"{own}:train", "ranks=2", "device=cpu", "precision=float32", "progress=no", f"run={tmp_path / 'two'}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("loss") == 1
    one, two = last_weights(tmp_path / "one", "second"), last_weights(tmp_path / "two", "second")
    assert all(torch.allclose(one[k], two[k], rtol=1e-4, atol=1e-5) for k in one)
    assert Result.read(tmp_path / "two").metrics["loss"] == pytest.approx(alone.metrics["loss"], rel=1e-4)
    assert reevaluate(tmp_path / "two").metrics == Result.read(tmp_path / "two").metrics


def test_torchrun_runs_a_recipe_unchanged(tmp_path, own):
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "weft", "run", f"{own}:train", "progress=no"]
    done = subprocess.run(words, capture_output=True, text=True, env=QUIET, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["train-1"]
    assert Run.open(tmp_path / "runs" / "train-1", read_only=True).spec["args"]["ranks"] == 2


def test_a_device_that_is_not_there_is_refused(own):
    missing = next(name for name, there in (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available()), ("xpu", torch.xpu.is_available())) if not there)
    with pytest.raises(ValueError, match=f"device={missing}: this machine has"):
        weft.run(f"{own}:train", device=missing)


def test_a_recipe_without_an_end_is_told_how_to_end(tmp_path):
    file = tmp_path / "endless.py"
    file.write_text("def train(session):\n    return 3\n")
    with pytest.raises(TypeError, match=r"session\.finish"):
        weft.run(f"{file}:train")


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("body", ["raise ValueError('too early')", "return 3"])
def test_a_recipe_that_ends_before_training_leaves_nothing(tmp_path, body, ranks):
    """Property: neither the directory that the call made nor an empty runs/ stays; the message is that of the recipe, not of tidying up."""
    (tmp_path / "mine.py").write_text(f"def train(session):\n    session.run\n    {body}\n")
    done = command("run", "mine.py:train", f"ranks={ranks}", cwd=tmp_path)
    assert done.returncode == 1 and ("too early" in done.stderr or "session.finish" in done.stderr), done.stderr
    assert "No such file" not in done.stderr and not (tmp_path / "runs").exists()


def test_the_example_of_a_method_of_ones_own_runs_is_packed_and_answers(tmp_path, photos):
    """Contract: examples/own_method.py goes from a folder of pictures to a bundle that opens with its class and not without."""
    file = Path(__file__).parents[2] / "examples" / "own_method.py"
    result = weft.run(f"{file}:train", data=photos, epochs=4, run=tmp_path / "run", progress=False)
    assert result.metrics["accuracy"] > 0.4
    picture = {"image": sorted((photos / "two").iterdir())[0]}
    assert weft.recipes.opened(result.bundle, own=file).predict([picture]) == weft.recipes.opened(result.run).predict([picture])
    with pytest.raises(ValueError, match="own_method:PatchNet"):
        weft.recipes.opened(result.bundle)
