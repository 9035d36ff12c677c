"""Records that cost, differ and fail as planned, and what loaders make of them."""

from __future__ import annotations

import pickle
import time
import types

import pytest
import torch

from weft.data import Costly, Loader, PadCollate, RecordError
from weft.data.loading import costly


def test_everything_is_planned_and_the_same_again():
    """Costly, property: cost, size and failure of a record are told before and kept, in any order, after pickling; shares are as asked."""
    source = Costly(2000, failures=0.05, sizes=(3, 9), seed=4)
    again = pickle.loads(pickle.dumps(source))
    for i in (7, 0, 1999, -1):
        if not source.fails(i % 2000):
            assert torch.equal(source[i]["input"], again[i]["input"]) and len(source[i]["input"]) == source.size(i % 2000)
            assert source[i]["target"] == (source[i]["input"].mean() > 0)
    failing = [i for i in range(2000) if source.fails(i)]
    assert 70 < len(failing) < 130  # 3 sigma around 100
    with pytest.raises(OSError, match=f"Record {failing[0]} fails"):
        source[failing[0]]
    sizes = [source.size(i) for i in range(2000)]
    assert set(sizes) == set(range(3, 10)) and 5.8 < sum(sizes) / 2000 < 6.2
    assert failing != [i for i in range(2000) if Costly(2000, failures=0.05, seed=5).fails(i)]
    with pytest.raises(IndexError):
        source[2000]


def test_time_passes_as_told(monkeypatch):
    """Costly, closed form, by a clock of our own: asleep or at work, each record takes cost(i), within seconds · (1 ± spread)."""
    slept: list[float] = []
    ticks = iter(range(10**9))
    clock = types.SimpleNamespace(sleep=slept.append, thread_time=lambda: next(ticks) * 0.001)
    monkeypatch.setattr(costly, "time", clock)
    source = Costly(50, 0.2, kind="sleep", spread=0.5)
    for i in range(50):
        source[i]
    assert slept == [source.cost(i) for i in range(50)] and min(slept) < 0.12 and max(slept) > 0.28 and 0.1 <= min(slept) <= max(slept) <= 0.3
    before = next(ticks)
    Costly(1, 0.2)[0]
    assert next(ticks) - before >= 200


def test_work_keeps_the_processor_busy_and_sleep_does_not():
    """Costly, property: by the processor's own count of this thread's time, which other programs do not change."""
    start = time.thread_time()
    Costly(1, 0.05)[0]
    busy = time.thread_time() - start
    start = time.thread_time()
    Costly(1, 0.05, kind="sleep")[0]
    assert busy >= 0.05 and time.thread_time() - start < busy


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_recovers_from_planned_failures(workers):
    """Costly, chaos: a tolerant loader gives every record but the failing ones, names these, and stops at its budget."""
    source = Costly(60, failures=0.1, sizes=(1, 4), seed=1)

    class Padded:
        def fit(self, source):
            return self

        def encode(self, record):
            return record

        def collate(self, encoded):
            return PadCollate()(encoded)

        def decode(self, prediction):
            return []

        def schema(self):
            return {}

        def spec(self):
            return {}

    bad = {i for i in range(60) if source.fails(i)}
    assert bad
    loader = Loader(source, Padded(), 7, shuffle=True, workers=workers).tolerant("skip", 60)
    seen = {i for batch in loader for i in batch["index"].tolist()}
    assert seen == set(range(60)) - bad and loader.failed.keys() == bad
    with pytest.raises(RecordError, match="more than the budget"):
        list(Loader(source, Padded(), 7, workers=workers).tolerant("skip", len(bad) - 1))


def test_nonsense_is_refused():
    for wrong in ({"seconds": -1}, {"kind": "dance"}, {"failures": 2}, {"sizes": ()}, {"sizes": (0, 3)}, {"size": 0}, {"spread": 1.5}):
        with pytest.raises(ValueError, match="expected"):
            Costly(**wrong)
