"""The cache: a record is made once, goes by the policy, survives on disk, and nobody can poison it."""

from __future__ import annotations

import multiprocessing
import os
import random
from collections import OrderedDict

import pytest
import torch

from weft.data import CachedSource, Loader, Subset, held

SIZE = 4  # bytes of a record's tensor below


def source(n=20):
    return [{"x": i} for i in range(n)]


def made(record):
    return {"input": torch.tensor([float(record["x"])]), "name": f"n{record['x']}", "tags": ["a", None]}


def small(record):
    return {"input": torch.tensor([float(record["x"])])}


def simulated(policy, accesses, room):
    """Hits of a cache written by hand."""
    kept, uses, hits = OrderedDict(), {}, 0
    for i in accesses:
        if i in kept:
            hits += 1
            uses[i] += 1
            if policy == "lru":
                kept.move_to_end(i)
            continue
        if len(kept) == room:
            out = next(iter(kept)) if policy != "lfu" else min(kept, key=lambda k: (uses[k], list(kept).index(k)))
            del kept[out]
        kept[i], uses[i] = True, 1
    return hits


@pytest.mark.parametrize("policy", ["lru", "lfu", "fifo"])
def test_hits_are_those_of_a_reference(policy):
    """CachedSource, brute force: 2,000 uneven accesses hit as often as in a simulation of the policy, and memory stays within its bound."""
    chance = random.Random(0)
    accesses = [min(int(chance.expovariate(0.2)), 19) for _ in range(2000)]
    cache = CachedSource(source(), small, memory=5 * SIZE, policy=policy)
    for i in accesses:
        assert cache[i]["input"].item() == i and cache.bytes <= 5 * SIZE
    assert cache.hits == simulated(policy, accesses, 5) and cache.hits + cache.made == 2000


def test_a_changed_record_harms_nobody(tmp_path):
    for cache in (CachedSource(source(), made), CachedSource(source(), made, folder=tmp_path)):
        cache[3]["input"].add_(100)
        cache[3]["new"] = 1
        assert cache[3]["input"].item() == 3 and "new" not in cache[3]
        assert cache[3]["tags"] == ["a", None] and cache[-17]["name"] == "n3"
    with pytest.raises(IndexError):
        cache[20]


def test_another_process_finds_what_was_made(tmp_path):
    first = CachedSource(source(), made, folder=tmp_path)
    whole = [first[i] for i in range(20)]
    second = CachedSource(source(), made, folder=tmp_path, memory=0)
    assert all(torch.equal(a["input"], b["input"]) and list(a) == list(b) for a, b in zip(whole, [second[i] for i in range(20)], strict=True))
    assert (second.found, second.made, second.hits) == (20, 0, 0)
    assert CachedSource(source(), made, folder=tmp_path, version="2")[0]["name"] == "n0"
    assert not list(tmp_path.rglob("*.making")) and not list(tmp_path.rglob("*.part"))


def test_a_damaged_or_half_written_entry_is_made_anew(tmp_path):
    CachedSource(source(2), made, folder=tmp_path)[0]
    (path,) = tmp_path.rglob("*.safetensors")
    data = path.read_bytes()
    for broken in (data[:-1], data[: len(data) // 2], b"", bytes([data[0] ^ 1]) + data[1:]):
        path.write_bytes(broken)
        cache = CachedSource(source(2), made, folder=tmp_path)
        assert cache[0]["name"] == "n0" and cache.made == 1
    path.write_bytes(data)
    path.with_suffix(".making").touch()  # left by a process that was killed long ago
    path.unlink()
    os.utime(path.with_suffix(".making"), (0, 0))
    assert CachedSource(source(2), made, folder=tmp_path)[0]["name"] == "n0"


def test_a_changed_file_is_read_again(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("1")
    records = [{"text": file}]

    def read(record):
        return {"value": record["text"].read_text()}

    assert CachedSource(records, read, folder=tmp_path / "cache")[0] == {"value": "1"}
    file.write_text("22")
    assert CachedSource(records, read, folder=tmp_path / "cache")[0] == {"value": "22"}


def visit(folder, seed, answers):
    cache = CachedSource(source(60), made, folder=folder, memory=0)
    order = list(range(60))
    random.Random(seed).shuffle(order)
    for i in order:
        assert cache[i]["input"].item() == i
    answers.put(cache.made)


def test_two_processes_make_each_record_once(tmp_path):
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    processes = [context.Process(target=visit, args=(tmp_path, seed, answers)) for seed in range(2)]
    for process in processes:
        process.start()
    assert sum(answers.get(timeout=60) for _ in processes) == 60
    for process in processes:
        process.join()


def test_workers_share_the_folder_and_loaders_read_it(tmp_path):
    cache = CachedSource(source(), small, folder=tmp_path, memory=0)
    loader = Loader(Subset(cache, range(12)), None, 4, workers=2)
    assert [batch["input"].flatten().tolist() for batch in loader] == [batch["input"].flatten().tolist() for batch in loader]
    assert len(list(tmp_path.rglob("*.safetensors"))) == 12


def test_what_is_put_aside_has_an_unforeseeable_name_and_goes(tmp_path, monkeypatch):
    """Two writes of one record never share a name, and one that cannot be put in place leaves nothing."""
    names = []

    def refused(aside, path):
        names.append(str(aside))
        raise OSError("no room")

    monkeypatch.setattr("weft.data.loading.cached.os.replace", refused)
    for _ in range(2):
        with pytest.raises(OSError, match="no room"):
            CachedSource(source(), made, folder=tmp_path)[0]
    assert len(set(names)) == 2 and not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_impossible_caches_are_refused(tmp_path):
    with pytest.raises(ValueError, match="'lru', 'lfu' or 'fifo'"):
        CachedSource(source(), made, policy="random")
    with pytest.raises(TypeError, match="set"):
        CachedSource(source(), lambda r: {"x": {1, 2}}, folder=tmp_path)[0]


def stored(folder):
    return sum(path.stat().st_size for path in folder.rglob("*.safetensors"))


@pytest.mark.parametrize("policy", ["lru", "fifo"])
def test_the_folder_never_exceeds_its_bound_and_the_oldest_go(policy, tmp_path, monkeypatch):
    """CachedSource, property: after each of 300 uneven reads the folder is within its bound; what stays are the last used (made) records, and
    the number made anew is that of a simulation with as much room."""
    CachedSource(source(), small, folder=tmp_path / "one", memory=0)[0]
    each = stored(tmp_path / "one")
    clock = iter(range(1, 10**6))

    def stamp(path, *given, **more):  # files' times are too coarse to order what happens at once
        os_utime(path, (n := next(clock), n))

    def renamed(aside, path):
        os_replace(aside, path)
        stamp(path)

    os_utime, os_replace = os.utime, os.replace
    monkeypatch.setattr("weft.data.loading.cached.os.utime", stamp)
    monkeypatch.setattr("weft.data.loading.cached.os.replace", renamed)
    folder, room = tmp_path / "cache", 8
    cache = CachedSource(source(), small, folder=folder, memory=0, policy=policy, disk=each * room)
    chance, order = random.Random(1), []
    for _ in range(300):
        order.append(int(20 * chance.random() ** 2))
        assert cache[order[-1]]["input"].item() == order[-1]
        assert stored(folder) <= each * room
    kept, hits = OrderedDict(), 0
    for i in order:  # one record more goes than must, so that not every record looks again
        if i in kept:
            hits += 1
            if policy == "lru":
                kept.move_to_end(i)
            continue
        if len(kept) == room:
            kept.popitem(last=False)
        kept[i] = True
    assert hits * 0.8 <= cache.found <= hits and cache.made == 300 - cache.found


def bounded_visit(folder, seed, most, answers):
    cache = CachedSource(source(60), made, folder=folder, memory=0, disk=most)
    chance = random.Random(seed)
    highest = 0
    for _ in range(80):
        i = chance.randrange(60)
        assert cache[i]["input"].item() == i
        with held(folder / "lock", 60):  # else a record that went while they were counted, and its successor, would count twice
            highest = max(highest, stored(folder))
    answers.put(highest)


def test_two_processes_stay_within_one_bound(tmp_path):
    """CachedSource, property: while two processes fill and empty one folder, neither ever sees more than the bound."""
    CachedSource(source(60), made, folder=tmp_path / "one", memory=0)[0]
    most = 10 * stored(tmp_path / "one")
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    processes = [context.Process(target=bounded_visit, args=(tmp_path / "cache", seed, most, answers)) for seed in range(2)]
    for process in processes:
        process.start()
    highest = [answers.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert most / 2 < max(highest) <= most


def test_bounds_on_disk_that_make_no_sense_and_records_that_are_too_large(tmp_path):
    for wrong in ({"disk": 0, "folder": tmp_path}, {"disk": 10}, {"disk": 10, "folder": tmp_path, "policy": "lfu"}):
        with pytest.raises(ValueError, match="at least 1 byte"):
            CachedSource(source(), small, **wrong)
    cache = CachedSource(source(), small, folder=tmp_path, memory=0, disk=10)
    assert cache[0]["input"].item() == 0 == cache[0]["input"].item() and cache.made == 2 and not stored(tmp_path)
