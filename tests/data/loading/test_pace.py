"""The pace of a loader, by a clock that only moves when something is planted to take time."""

from __future__ import annotations

import json
import math
import types

import pytest
import torch

from weft.data import Arrays, Loader, Pace, measure, memory_of
from weft.data.loading import pace as pace_module


class Clock:
    def __init__(self):
        self.now = 100.0

    def read(self):
        return self.now

    def takes(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(pace_module, "time", types.SimpleNamespace(perf_counter=clock.read))
    return clock


class Slow:
    """A loader: starting takes ``start``, the first batch ``first``, each other ``each``."""

    def __init__(self, clock, start=0.0, first=0.0, each=0.05, batches=20, form=dict):
        self.clock, self.start, self.first, self.each, self.batches, self.form = clock, start, first, each, batches, form

    def __iter__(self):
        self.clock.takes(self.start)
        return self.run()

    def run(self):
        for n in range(self.batches):
            self.clock.takes(self.each if n else self.first)
            x = torch.zeros(4, 2)
            yield {"input": x} if self.form is dict else self.form((x, x))


def test_start_first_batch_and_waits_are_told_apart(clock):
    """measure, closed form: 50 ms a batch of 4 are 80 records a second, whatever the start took."""
    pace = measure(Slow(clock, start=2.0, first=3.0))
    assert (pace.start, pace.first) == pytest.approx((2.0, 3.0)) and pace.waits == pytest.approx((0.05,) * 19)
    assert pace.batches == 20 and pace.records == 80 and pace.rate == pytest.approx(80)
    assert pace.percentile(0.5) == pytest.approx(0.05) == pace.to_json()["wait_p99"]
    assert json.loads(json.dumps(pace.to_json()))["rate"] == pytest.approx(80) and "first batch after 5000.0 ms" in str(pace)


def test_a_second_run_starts_anew(clock):
    loader = Slow(clock, each=0.02)
    first, second = measure(loader), measure(loader)
    assert second.rate == pytest.approx(first.rate) == pytest.approx(200) and second.batches == first.batches == 20
    assert measure(loader, batches=3).batches == 3


def test_use_slows_the_rate_and_not_the_waits(clock):
    pace = measure(Slow(clock, each=0.01), use=lambda batch: clock.takes(0.03))
    assert pace.waits == pytest.approx((0.01,) * 19) and pace.rate == pytest.approx(4 / 0.04)


def test_percentiles_rank_the_waits():
    pace = Pace(0.0, 1.0, tuple(n / 100 for n in range(100, 0, -1)), 101, 101, 1.0, 100)
    assert [pace.percentile(share) for share in (0, 0.5, 0.9, 0.99, 1)] == [0.01, 0.5, 0.9, 0.99, 1.0]


@pytest.mark.parametrize("form", [dict, tuple, list])
def test_batches_of_other_loaders_are_counted_too(clock, form):
    assert measure(Slow(clock, form=form)).records == 80


def test_no_data_is_said(clock):
    pace = measure([])
    assert str(pace) == "no data: the loader gave no batch" and math.isnan(pace.rate) and "rate" not in pace.to_json()
    one = measure(Slow(clock, first=0.5, batches=1))
    assert one.rate == pytest.approx(8) and one.percentile(0.9) == 0.5
    with pytest.raises(ValueError, match="batches=0"):
        measure([], batches=0)


def test_a_loader_that_is_left_early_is_closed():
    loader = Loader(Arrays({"input": torch.arange(12)}), None, 2)
    assert measure(loader, batches=2).records == 4
    assert measure(loader).records == 12


class Moved(dict):
    """A batch object whose copy takes a quarter of a second of the clock."""

    def __init__(self, clock):
        self.clock = clock

    def __len__(self):
        return 4

    def split(self, parts):
        return [self]

    def to(self, device):
        self.clock.takes(0.25)
        return self


def test_copies_are_timed_apart_from_waits(clock, monkeypatch):
    """measure, closed form: with a device each batch's copy is timed, and no wait has it; lists and tuples are copied too."""
    monkeypatch.setattr(pace_module, "as_batch", lambda batch: Moved(clock) if isinstance(batch, dict) else batch)
    monkeypatch.setattr(pace_module, "move", lambda batch, device: batch.to(device))
    pace = measure(Slow(clock, first=1.0, batches=4), device="cpu")
    assert pace.copies == pytest.approx((0.25,) * 4) and pace.waits == pytest.approx((0.05,) * 3) and pace.first == pytest.approx(1.0)
    assert pace.waiting == pytest.approx(0.15 / 0.9) and pace.to_json()["copy_p50"] == pytest.approx(0.25) and "250.00 ms" in str(pace)
    monkeypatch.undo()
    seen = []
    for form in (tuple, list, dict):
        measure(Slow(clock, batches=2, form=form), use=seen.append, device="cpu")
    assert len(seen) == 6 and all(set(batch) <= {"input", "target"} for batch in seen)
    assert measure(Slow(clock)).copies == ()


def test_memory_of_workers_is_reported_and_all_figures_can_be_written():
    """measure, property: this process and two workers are seen; a writer of scalars gets one number a figure."""
    pace = measure(Loader(Arrays({"input": torch.zeros(16, 2)}), None, 4, workers=2))
    if memory_of() is not None:
        assert len(pace.memory) == 3 == len({memory.process for memory in pace.memory})
        assert all(memory.resident >= memory.proportional > 2**20 for memory in pace.memory) and "3 processes" in str(pace)
    written = {}
    pace.write(types.SimpleNamespace(add_scalar=lambda name, value, step: written.update({name: (value, step)})), step=7)
    assert written["loading/batches"] == (4, 7) and written["loading/rate"][0] == pace.rate and json.dumps(written)
    assert ("loading/memory" in written) == bool(pace.memory)
