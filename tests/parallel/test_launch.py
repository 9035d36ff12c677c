"""Launching ranks: their environment, their end, and joining."""

from __future__ import annotations

import json
import os
import sys

import pytest
import torch.distributed as dist

from tests.engine.toys import two_ranks
from weft.parallel import join, launch


def test_alone_there_is_nothing_to_join(monkeypatch):
    """Property: no group, and none is initialised."""
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert join() is None and not dist.is_initialized()
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert join() is None and not dist.is_initialized()


ENVIRONMENT = """
import json, os, sys
keys = ["RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "OMP_NUM_THREADS", "KEPT"]
json.dump({k: os.environ.get(k) for k in keys}, open(f"{sys.argv[1]}-{os.environ['RANK']}", "w"))
"""


def test_each_rank_gets_what_torchrun_would_say(tmp_path, monkeypatch):
    """Property: its rank, the number of ranks, one meeting point for all, threads shared out; the rest of the environment stays."""
    monkeypatch.setenv("KEPT", "yes")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert launch([sys.executable, "-c", ENVIRONMENT, str(tmp_path / "e")], 3) == 0
    found = [json.loads((tmp_path / f"e-{r}").read_text()) for r in range(3)]
    assert [(f["RANK"], f["LOCAL_RANK"]) for f in found] == [(str(r), str(r)) for r in range(3)]
    assert {(f["WORLD_SIZE"], f["LOCAL_WORLD_SIZE"], f["MASTER_ADDR"], f["KEPT"]) for f in found} == {("3", "3", "127.0.0.1", "yes")}
    assert len({f["MASTER_PORT"] for f in found}) == 1
    assert {f["OMP_NUM_THREADS"] for f in found} == {str(max(1, (os.cpu_count() or 1) // 3))}


def test_a_chosen_number_of_threads_stays(tmp_path, monkeypatch):
    """Property: OMP_NUM_THREADS of the caller wins."""
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert launch([sys.executable, "-c", ENVIRONMENT, str(tmp_path / "e")], 1) == 0
    assert json.loads((tmp_path / "e-0").read_text())["OMP_NUM_THREADS"] == "5"


@pytest.mark.parametrize("ranks", [0, -1])
def test_no_ranks_are_refused(ranks):
    """Property: the error repeats the number."""
    with pytest.raises(ValueError, match=f"ranks={ranks}: give the number of processes, at least 1"):
        launch(["true"], ranks)


FAILS = """
import os, signal, sys, time
rank = int(os.environ["RANK"])
open(f"{sys.argv[1]}-{rank}", "w").write(str(os.getpid()))
if rank == 1:
    while not all(os.path.exists(f"{sys.argv[1]}-{r}") for r in range(3)): time.sleep(0.01)
    sys.exit(7)
time.sleep(600)                                # waits for ever, as for a collective that never comes
"""


def running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_failing_rank_gives_its_status_and_stops_the_others(tmp_path):
    """Property: status 7 comes back, and no process is left."""
    assert launch([sys.executable, "-c", FAILS, str(tmp_path / "p")], 3) == 7
    assert not any(running(int((tmp_path / f"p-{r}").read_text())) for r in range(3))


def test_a_killed_rank_is_a_failure(tmp_path):
    """Property: a signal's negative number is no success."""
    kill = "import os, signal, time; os.kill(os.getpid(), signal.SIGKILL) if os.environ['RANK'] == '0' else time.sleep(600)"
    assert launch([sys.executable, "-c", kill], 2) == -9


def test_one_rank_that_ends_early_does_not_stop_the_others(tmp_path):
    """Property: success is not the end; the slower rank finishes its work."""
    slow = "import os, sys, time; r = os.environ['RANK']; time.sleep(0.4 * int(r)); open(f'{sys.argv[1]}-{r}', 'w')"
    assert launch([sys.executable, "-c", slow, str(tmp_path / "s")], 2) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s-0", "s-1"]


JOINS = """
import torch, torch.distributed as dist
from weft.parallel import join
group = join()
assert join() is group is dist.group.WORLD and dist.get_backend(group) == "gloo"
x = torch.ones(()) * (dist.get_rank() + 1); dist.all_reduce(x); assert float(x) == 3.0
"""


def test_joining_twice_is_the_same_group():
    """Property: two gloo ranks meet, agree, and leave with status 0 although nobody closes the group."""
    assert two_ranks(JOINS).returncode == 0
