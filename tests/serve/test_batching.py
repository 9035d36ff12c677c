"""Contract: what comes together is computed together, and every caller gets the own answer."""

from __future__ import annotations

import threading

import pytest

from weft.serve.batching import Batcher


def held():
    """An answer function that stops in its first call until released, and what it was called with."""
    started, release, calls = threading.Event(), threading.Event(), []

    def answer(items):
        calls.append(list(items))
        started.set()
        assert release.wait(10)
        if "bad" in items:
            raise ValueError("a bad record")
        return [item * 2 for item in items]

    return answer, started, release, calls


def test_records_that_wait_are_computed_in_few_calls():
    answer, started, release, calls = held()
    batcher = Batcher(answer, batch=8, wait_ms=0)
    first = batcher.submit([0])
    assert started.wait(10)
    futures = [batcher.submit([number])[0] for number in range(1, 17)]  # these wait while the first is computed
    release.set()
    assert [future.result(10) for future in first + futures] == [number * 2 for number in range(17)]
    assert [len(call) for call in calls] == [1, 8, 8]
    batcher.close()


def test_one_bad_record_fails_alone():
    answer, _, release, _ = held()
    release.set()
    batcher = Batcher(answer, batch=8, wait_ms=200)
    futures = batcher.submit([1, "bad", 3])
    assert futures[0].result(10) == 2 and futures[2].result(10) == 6
    with pytest.raises(ValueError, match="a bad record"):
        futures[1].result(10)
    assert batcher.submit([4])[0].result(10) == 8  # the thread lives on
    batcher.close()


def test_a_cancelled_record_is_not_computed():
    answer, started, release, calls = held()
    batcher = Batcher(answer, batch=8, wait_ms=0)
    batcher.submit([0])
    assert started.wait(10)
    cancelled, kept = batcher.submit(["gone", 5])
    assert cancelled.cancel()
    release.set()
    assert kept.result(10) == 10
    assert all("gone" not in call for call in calls)
    batcher.close()


def test_closing_answers_what_is_queued_and_takes_no_more():
    answer, started, release, _ = held()
    batcher = Batcher(answer, batch=2, wait_ms=0)
    futures = batcher.submit(range(7))
    assert started.wait(10)
    closing = threading.Thread(target=batcher.close)
    closing.start()
    release.set()
    closing.join(10)
    assert [future.result(0) for future in futures] == [0, 2, 4, 6, 8, 10, 12]
    with pytest.raises(RuntimeError, match="stopping"):
        batcher.submit([1])
    Batcher(answer, batch=2, wait_ms=0).close()  # one that never ran
