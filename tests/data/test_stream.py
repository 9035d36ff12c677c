"""Delivery: the same batches for any number of workers, from any position, on any number of ranks."""

from __future__ import annotations

import copy
import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.data import Arrays, Loader, PoissonLoader, Random, RecordError


class Records:
    """Read one by one; an optional number fails."""

    def __init__(self, size: int, broken: int | None = None):
        self.size, self.broken = size, broken

    def __len__(self):
        return self.size

    def __getitem__(self, i):
        if i == self.broken:
            raise OSError("disk on fire")
        return {"input": torch.tensor([float(i), -float(i)])}


class Jitter:
    def __call__(self, batch: dict, random: Random) -> dict:
        return batch | {"input": batch["input"] + random.normal(2), "partner": random.permutation()}


def loader(workers=0, seed=3, source=None):
    return Loader(source or Records(23), batch_size=4, shuffle=True, seed=seed, transforms=[Jitter()], workers=workers)


def poisson(workers=0):
    return PoissonLoader(Records(23), expected_batch_size=4, seed=3, transforms=[Jitter()], workers=workers)


def equal(a, b):
    return len(a) == len(b) and all(x.keys() == y.keys() and all(torch.equal(x[k], y[k]) for k in x) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("make", [loader, poisson])
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_workers_change_nothing(make, workers):
    """Property: equal batches for 0, 1, 2 and 4 workers over two epochs, although every batch is transformed at random."""
    alone, helped = make(), make(workers)
    for _ in range(2):
        assert equal(list(alone), list(helped))


def test_workers_under_spawn_change_nothing(monkeypatch):
    monkeypatch.setattr("weft.data.stream.start_method", lambda: "spawn")
    source = Arrays({"input": torch.arange(12.0)})
    assert equal(list(Loader(source, batch_size=5, workers=1)), list(Loader(source, batch_size=5)))


@pytest.mark.parametrize("make", [loader, poisson])
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("position", [0, 1, 4, 6, 7, 11])
def test_going_on_from_a_saved_position_equals_not_stopping(make, workers, position):
    """Property: through prefetch, the position is that of the last batch handed over."""
    whole = make()
    batches = list(whole) + list(whole)
    running, stream = make(workers), []
    for _ in range(position):
        stream = next_of(running, stream)
    saved = pickle.loads(pickle.dumps(running.state_dict()))
    resumed = make(2 - workers)
    resumed.load_state_dict(saved)
    rest = list(resumed)
    if saved["epoch"] == 0:
        rest += list(resumed)
    assert equal(rest, batches[position:])


@pytest.mark.parametrize(("before", "after"), [(0, 4), (1, 2), (2, 0), (4, 1)])
@pytest.mark.parametrize("make", [loader, poisson])
def test_every_batch_is_a_place_to_go_on_from_under_other_workers(make, before, after):
    """Property: stopped after any batch with 0, 1, 2 or 4 workers and gone on with another number, on one pool of processes."""
    whole, running, resumed = list(make()), make(before), make(after)
    for stop in range(len(whole) + 1):
        running.set_epoch(0)
        running.load_state_dict({"epoch": 0, "batch": 0, "plan": running.plan()})
        stopped = iter(running)
        begun = [next(stopped) for _ in range(stop)]
        resumed.load_state_dict(json.loads(json.dumps(running.state_dict())))
        stopped.close()
        assert equal(begun + list(resumed), whole)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_sizes_batches_ranks_and_positions_in_any_combination(data):
    """Property: over sizes, batch sizes, ranks and places to stop, the shares are one epoch, every record once, and a restart changes nothing."""
    size, world = data.draw(st.integers(1, 40), "records"), data.draw(st.integers(1, 5), "ranks")
    batch_size = data.draw(st.integers(1, size + 2), "batch size")
    drop_last = batch_size <= size and data.draw(st.booleans(), "drop last")

    def make():
        return Loader(Records(size), None, batch_size, shuffle=True, seed=size, transforms=[Jitter()], drop_last=drop_last)

    whole = list(make())
    stop = data.draw(st.integers(0, len(whole)), "stop")
    shares = []
    for rank in range(world):
        first, second = make().shard(rank, world), make().shard(rank, world)
        running = iter(first)
        begun = [next(running) for _ in range(stop)]
        second.load_state_dict(json.loads(json.dumps(first.state_dict())))
        shares.append(begun + list(second))
        assert equal(shares[-1], list(make().shard(rank, world)))
    for number, batch in enumerate(whole):
        for rank in range(world):
            assert torch.equal(shares[rank][number]["index"], batch["index"][rank::world])
            assert torch.equal(shares[rank][number]["input"], batch["input"][rank::world])
    seen = [i for share in shares for batch in share for i in batch["index"].tolist()]
    assert len(seen) == len(set(seen)) == (size // batch_size * batch_size if drop_last else size)
    assert {len(share) for share in shares} == {len(make())}


DYING = """
import multiprocessing, os, signal, sys, time, torch
from torch.utils.data import get_worker_info
from weft.data import Chain, FlowLoader, Loader
class Dies:
    raw = True
    def __call__(self, record, random):
        time.sleep(0.002)
        if record["input"] == 300 and get_worker_info() is not None and not os.path.exists(sys.argv[2]):
            open(sys.argv[2], "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return record
records = [{"input": torch.tensor(n)} for n in range(800)]
if sys.argv[1] == "flow":
    loader = FlowLoader(Chain([records], iter), None, 2, transforms=[Dies()], workers=2)
else:
    loader = Loader(records, None, 2, transforms=[Dies()], workers=2)
seen = 0
try:
    for batch in loader:
        assert batch["index"].tolist() == [seen, seen + 1]
        seen += 2
    print("all", seen)
except RuntimeError as error:
    print("worker" in str(error), seen <= 300)
print(len(multiprocessing.active_children()))
loader.load_state_dict(loader.state_dict())
print(sum((batch["index"].tolist() for batch in loader), []) == list(range(seen, 800)))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
@pytest.mark.parametrize("kind", ["map", "flow"])
def test_a_killed_worker_is_an_error_and_leaves_no_process(kind, tmp_path):
    """Loader, FlowLoader: neither a hang nor a process that stays; the same loader goes on with new workers, every record once."""
    done = subprocess.run([sys.executable, "-c", DYING, kind, str(tmp_path / "died")], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.splitlines() == ["True True", "0", "True"] and done.returncode == 0, done.stdout + done.stderr


LEAVING = """
import torch
from weft.data import Loader, FlowLoader, Chain, Prefetch
class Records:
    def __len__(self): return 500
    def __getitem__(self, i): return {"input": torch.zeros(1)}
def loaders(workers):
    yield Loader(Records(), None, 3, workers=workers)
    yield Prefetch(Loader(Records(), None, 3, workers=workers), 'cpu')
    yield FlowLoader(Chain([range(500)], lambda piece: [{"input": torch.tensor(n)} for n in piece]), None, 3, workers=workers)
kept = []
for workers in (0, 2):
    for loader in loaders(workers):
        for batch in loader:
            break
        kept.append((loader, iter(loader)))
        next(kept[-1][1])
print("left", flush=True)
"""


def test_leaving_early_never_hangs():
    """Loader, Prefetch, FlowLoader: a program that leaves its loops and ends, with iterators under way, does end."""
    done = subprocess.run([sys.executable, "-c", LEAVING], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and done.stdout == "left\n", done.stderr


def next_of(running, stream):
    """Hand over one more batch, over the border of epochs as a training loop would."""
    iterator = stream[0] if stream else iter(running)
    if next(iterator, None) is None:
        iterator = iter(running)
        next(iterator)
    return [iterator]


def test_a_pass_that_was_left_begins_anew_and_one_that_was_loaded_goes_on_once():
    running = loader()
    first = [b["index"].tolist() for b in running]
    running.set_epoch(0)
    for _ in running:
        break
    assert running.state_dict()["batch"] == 1
    assert [b["index"].tolist() for b in running] == first
    running.set_epoch(0)
    running.load_state_dict({"epoch": 0, "batch": 4, "plan": running.plan()})
    assert iter(running) is not running  # asking for an iterator does not use the position up
    assert [b["index"].tolist() for b in running] == first[4:]
    running.set_epoch(0)
    assert [b["index"].tolist() for b in running] == first


def test_a_position_after_the_last_batch_ends_the_epoch():
    running = loader()
    running.load_state_dict({"epoch": 5, "batch": 6, "plan": running.plan()})
    assert list(running) == []
    assert running.state_dict()["epoch"] == 6 and len(list(running)) == 6


@pytest.mark.parametrize("workers", [0, 2])
def test_a_pass_inside_a_pass_leaves_the_position_alone(workers):
    running = loader(workers)
    seen = []
    for batch in running:
        seen.append(batch)
        if len(seen) == 2:
            assert equal(list(running), list(loader()))
        assert running.state_dict()["batch"] == len(seen) and running.state_dict()["epoch"] == 0
    assert equal(seen, list(loader()))


def test_a_changed_plan_is_named():
    state = loader().state_dict()
    with pytest.raises(ValueError, match="seed was 3, now 4"):
        loader(seed=4).load_state_dict(state)
    with pytest.raises(ValueError, match="records was 23, now 22"):
        loader(source=Records(22)).load_state_dict(state)
    with pytest.raises(ValueError, match="sampling"):
        poisson().load_state_dict(state)


@pytest.mark.parametrize("make", [loader, poisson])
@pytest.mark.parametrize("world", [2, 3, 5])
def test_ranks_together_see_each_batch_once(make, world):
    """Property: the union of the shares is the batch, each rank has the same number of batches, and a position fits any world."""
    whole = [b["index"].tolist() for b in make()]
    shares = [[b["index"].tolist() for b in make().shard(rank, world)] for rank in range(world)]
    assert {len(share) for share in shares} == {len(whole)}
    for number, batch in enumerate(whole):
        assert sorted(i for share in shares for i in share[number]) == sorted(batch)
    part = make().shard(world - 1, world)
    part.load_state_dict({"epoch": 0, "batch": 3, "plan": make().plan()})
    assert [b["index"].tolist() for b in part] == shares[-1][3:]


def test_a_share_outside_the_world_is_refused():
    with pytest.raises(ValueError, match=r"0\.\.1"):
        loader().shard(2, 2)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_failing_record_is_named(workers):
    with pytest.raises(RecordError, match="Record 7: OSError: disk on fire") as caught:
        list(Loader(Records(10, broken=7), batch_size=2, workers=workers))
    assert caught.value.index == 7


def test_the_global_random_state_is_not_touched():
    """Property: else dropout would change with the number of workers, and after a resume."""
    before = torch.get_rng_state()
    for workers in (0, 2):
        running = loader(workers)
        list(running), list(running)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_program_keeps_its_own_way_of_starting_processes():
    before = multiprocessing.get_start_method(allow_none=True)
    assert equal(list(loader(1)), list(loader()))
    assert multiprocessing.get_start_method(allow_none=True) == before


def test_workers_live_on_between_epochs_and_end_with_the_loader():
    others = children()
    running = loader(2)
    list(running)
    first = children() - others
    list(running)
    assert len(first) == 2 and children() - others == first
    for _ in running:
        break
    del running
    assert not children() & first


def children():
    return {process.pid for process in multiprocessing.active_children()}


def test_a_loader_can_be_copied_and_pickled_while_it_runs():
    running = loader(2)
    iterator = iter(running)
    next(iterator)
    for twin in (copy.copy(running), pickle.loads(pickle.dumps(running))):
        twin.set_epoch(0)
        assert equal(list(twin), list(loader()))
    assert len(list(iterator)) == 5


PARENT = """
import sys, time, torch
from weft.data import Loader, stream
case = sys.argv[1]
class Slow:
    def __len__(self): return 1000
    def __getitem__(self, i): return {"input": torch.zeros(1), "text": "x" * (100_000 if case == "full" else 1)}
ready = stream.prepare
def late(worker):
    if case == "late" and worker:
        time.sleep(3)
    ready(worker)
stream.prepare = late
iterator = iter(Loader(Slow(), workers=2))
next(iterator)
import multiprocessing
print(*(p.pid for p in multiprocessing.active_children()), flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
@pytest.mark.parametrize("case", ["waiting", "late", "full"])
def test_workers_do_not_outlive_a_killed_parent(case):
    """Contract: they end whether they wait for work, had not begun when the parent died, or have more to hand over than a pipe holds."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT, case], stdout=subprocess.PIPE, text=True)
    workers = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(workers) == 2
    if case == "full":
        time.sleep(2)  # the workers fill their pipe
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 60  # they look every two seconds
    while any(alive(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.2)
    left = [pid for pid in workers if alive(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as file:  # a dead child that nobody has waited for still has a number
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


class Holes:
    """Records of which some cannot be read."""

    def __init__(self, size: int, holes: set[int]) -> None:
        self.size, self.holes = size, holes

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, i: int) -> dict:
        if i in self.holes:
            raise ValueError(f"photo{i}.png is cut short")
        return {"input": torch.tensor(float(i))}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("how", ["skip", "substitute"])
def test_unreadable_records_are_left_out_or_replaced_and_counted(how, workers):
    """Stream.tolerant, property: as many batches as promised, values belong to their numbers, every bad record is named, the same for any workers."""
    holes = {0, 1, 2, 9}
    loader = Loader(Holes(14, holes), None, 3, workers=workers).tolerant(how, budget=4)
    batches = list(loader)
    assert len(batches) == len(loader) == 5
    assert all(torch.equal(batch["input"], batch["index"].float()) and "failed" not in batch for batch in batches)
    seen = [i for batch in batches for i in batch["index"].tolist()]
    assert not holes & set(seen) and loader.failed.keys() == holes and "photo9.png is cut short" in loader.failed[9]
    if how == "skip":
        assert seen == [i for i in range(14) if i not in holes] and len(batches[0]["input"]) == 0
    else:
        assert len(seen) == 14 and set(range(14)) - holes <= set(seen)
        assert seen == [i for batch in Loader(Holes(14, holes), None, 3).tolerant(how, budget=4) for i in batch["index"].tolist()]


def test_more_failures_than_the_budget_stop_after_all():
    loader = Loader(Holes(40, {3, 8, 30}), None, 5).tolerant("skip", budget=0.05)
    with pytest.raises(RecordError, match="3 records could not be read, more than the budget of 2"):
        list(loader)
    with pytest.raises(RecordError, match=r"None of 4 records can be read; the first: Record 0: photo0\.png"):
        list(Loader(Holes(4, {0, 1, 2, 3}), None, 2).tolerant("skip", budget=10))
    with pytest.raises(RecordError, match=r"photo3\.png"):
        list(Loader(Holes(40, {3}), None, 5))
    with pytest.raises(ValueError, match="'skip' or 'substitute'"):
        Loader(Holes(4, set())).tolerant("ignore")


def test_ranks_stay_in_step_over_unreadable_records():
    """Every rank has as many batches, whoever holds the bad records."""
    shares = [list(Loader(Holes(10, {0, 2, 4}), None, 2).tolerant("skip", budget=9).shard(rank, 2)) for rank in range(2)]
    assert [len(share) for share in shares] == [5, 5]
    assert sorted(i for share in shares for batch in share for i in batch["index"].tolist()) == [1, 3, 5, 6, 7, 8, 9]


class Hangs(Records):
    def __getitem__(self, i):
        if i == 9:
            time.sleep(600)
        return super().__getitem__(i)


def test_a_worker_that_hangs_is_ended_and_its_records_are_named():
    """Loader.patient: batches before come, then TimeoutError names the records awaited; no process stays, and a new pass begins anew."""
    waiting = Loader(Hangs(12), batch_size=4, workers=2).patient(2.0)
    running = iter(waiting)
    assert [next(running)["index"].tolist() for _ in range(2)] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    pids = waiting.processes
    assert len(pids) == 2 and all(map(alive, pids))
    with pytest.raises(TimeoutError, match=r"within 2 s; awaited are records \[8, 9, 10, 11\] of epoch 0"):
        next(running)
    end = time.monotonic() + 30
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(alive, pids)) and waiting.processes == ()
    assert next(iter(waiting))["index"].tolist() == [0, 1, 2, 3]


def test_patience_is_ignored_without_workers_and_pins_without_a_device_do_nothing():
    """Loader.patient and pinned: the batches are the same; nonsense is refused."""
    plain = list(loader())
    for changed in (loader().patient(0.001), loader().pinned(), loader(2).pinned(False), loader(2).patient(60)):
        batches = list(changed)
        assert equal(plain, batches)
        assert not any(batch["input"].is_pinned() for batch in batches) or torch.cuda.is_available()
    with pytest.raises(ValueError, match="seconds above 0"):
        loader().patient(-1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_page_locked_when_asked(workers):
    assert all(batch["input"].is_pinned() for batch in loader(workers).pinned())
    torch.zeros(1, device="cuda")
    assert all(batch["input"].is_pinned() for batch in loader(workers))
    assert not any(batch["input"].is_pinned() for batch in loader(workers).pinned(False))


@pytest.mark.parametrize("workers", [0, 2])
def test_resuming_is_that_of_torchdata(workers):
    """Parity: Loader beside torchdata's StatefulDataLoader over the same records in order: from the position after any number of batches,
    both give the same rest, and the next epoch whole."""
    stateful = pytest.importorskip("torchdata.stateful_dataloader").StatefulDataLoader
    records = Records(23)

    def theirs():
        return stateful(records, batch_size=4, num_workers=workers)

    def ours():
        return Loader(records, batch_size=4, workers=workers)

    for position in (0, 1, 4, 5):
        rests = []
        for make in (theirs, ours):
            first = make()
            running = iter(first)
            for _ in range(position):
                next(running)
            state = copy.deepcopy(first.state_dict())
            del running
            second = make()
            second.load_state_dict(state)
            rests.append([[batch["input"][:, 0].tolist() for batch in second] for _ in range(2)])
        assert rests[0] == rests[1]
