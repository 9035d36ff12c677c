"""What processes hold."""

from __future__ import annotations

import mmap
import os

import pytest
import torch

from weft.data import Arrays, Loader, Prefetch, memory_of, worker_memory
from weft.data.loading import memory as module


@pytest.mark.skipif(memory_of() is None, reason="the system does not tell")
def test_what_is_held_is_seen():
    """memory_of, property: 64 MiB more are 64 MiB more, and they go again; a process that is no more has none."""
    before = memory_of().resident
    held = mmap.mmap(-1, 64 * 2**20)  # from the system itself: an allocator may keep what it is given back
    held.write(b"1" * len(held))
    more = memory_of().resident - before
    assert 60 * 2**20 < more < 80 * 2**20
    held.close()
    assert memory_of().resident - before < 30 * 2**20
    assert memory_of(2**22 + 12345) is None


def test_the_figures_are_those_of_the_system(tmp_path, monkeypatch):
    """Closed form: kilobytes of the file, as bytes; no file, no figure."""
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "smaps_rollup").write_text("00-ff [rollup]\nRss:   12 kB\nPss:   5 kB\nPss_Dirty: 1 kB\n")
    monkeypatch.setattr(module, "PROCESSES", tmp_path)
    found = memory_of(7)
    assert (found.process, found.resident, found.proportional) == (7, 12 * 1024, 5 * 1024) and memory_of(8) is None


@pytest.mark.skipif(memory_of() is None, reason="the system does not tell")
def test_workers_are_found_inside_of_a_prefetch():
    loader = Loader(Arrays({"input": torch.zeros(8, 2)}), None, 2, workers=2)
    ahead = Prefetch(loader)
    running = iter(ahead)
    next(running)
    found = worker_memory(ahead)
    running.close()
    assert [memory.process for memory in found] == [os.getpid(), *loader.processes] and len(found) == 3
    assert len(worker_memory([1])) == 1
