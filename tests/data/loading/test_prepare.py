"""Preparation by several processes: equal to one process, in order, and gone on with after an interruption."""

from __future__ import annotations

import os
import time

import pytest
import torch

from weft.data import CachedSource, RecordError, prepare


class Squares:
    """What a record becomes; notes in a file who made it, and cannot make one of them."""

    def __init__(self, notes, broken=None):
        self.notes, self.broken = notes, broken

    def __call__(self, record):
        if record["x"] == self.broken:
            raise ValueError("no square")
        with open(self.notes, "a", encoding="utf-8") as file:
            file.write(f"{record['x']} {os.getpid()}\n")
        return {"input": torch.tensor([record["x"] ** 2]), "name": f"n{record['x']}"}


def noted(path):
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


class Meeting:
    """A record is made when as many processes as wanted are making one, or patience ends; it says how many met."""

    def __init__(self, folder, wanted):
        self.folder, self.wanted = folder, wanted

    def __call__(self, record):
        (self.folder / str(os.getpid())).touch()
        deadline = time.monotonic() + 60
        while len(list(self.folder.iterdir())) < self.wanted and time.monotonic() < deadline:
            time.sleep(0.01)
        return {"met": len(list(self.folder.iterdir()))}


@pytest.mark.parametrize("workers", [1, 4])
def test_workers_are_at_work_at_the_same_time(workers, tmp_path):
    """prepare, property: no process finishes its first record before as many as asked for have begun one of theirs."""
    (tmp_path / "who").mkdir()
    made = prepare([{"x": n} for n in range(80)], Meeting(tmp_path / "who", workers), tmp_path / "kept", workers=workers)
    assert [record["met"] for record in made] == [workers] * 80


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_any_number_of_workers_equals_one_process(workers, tmp_path):
    """prepare, property: records, their order and how often each is made are those of a plain loop; progress ends at the whole."""
    source, told = [{"x": n} for n in range(50)], []
    made = prepare(source, Squares(tmp_path / "notes"), tmp_path / "kept", workers=workers, progress=lambda done, total: told.append((done, total)))
    assert [(r["input"].item(), r["name"]) for r in made] == [(n * n, f"n{n}") for n in range(50)]
    assert sorted(int(x) for x, _ in noted(tmp_path / "notes")) == list(range(50)) and made.found == 50
    assert told == sorted(told) and told[-1] == (50, 50) and len(told) == 4
    processes = {process for _, process in noted(tmp_path / "notes")}
    assert (str(os.getpid()) in processes) == (workers == 0)


def test_an_interrupted_run_goes_on(tmp_path):
    """prepare, property: what was made before an error is not made again."""
    source = [{"x": n} for n in range(40)]
    with pytest.raises(RecordError, match="Record 33: no square"):
        prepare(source, Squares(tmp_path / "notes", broken=33), tmp_path / "kept", workers=2)
    before = len(noted(tmp_path / "notes"))
    assert before >= 32
    made = prepare(source, Squares(tmp_path / "notes"), tmp_path / "kept", workers=2)
    counts = [int(x) for x, _ in noted(tmp_path / "notes")]
    assert sorted(counts) == list(range(40)) and made[33]["input"].item() == 33 * 33


def test_another_version_is_made_anew(tmp_path):
    source = [{"x": n} for n in range(3)]
    prepare(source, Squares(tmp_path / "notes"), tmp_path / "kept", workers=0)
    prepare(source, Squares(tmp_path / "notes"), tmp_path / "kept", workers=0, version="2")
    assert len(noted(tmp_path / "notes")) == 6
    later = CachedSource(source, Squares(tmp_path / "notes"), folder=tmp_path / "kept", version="2")
    assert later[2]["input"].item() == 4 and later.made == 0
