"""Windows over flows beside brute force, and after any restart."""

from __future__ import annotations

import copy
import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.data import Chain, Changed, CountWindows, FlowLoader, TimeWindows


def flow_of(times, shuffle=False):
    half = len(times) // 2
    pieces = [list(enumerate(times))[:half], list(enumerate(times))[half:]]
    return Chain(pieces, lambda piece: [{"time": time, "n": n, "x": torch.tensor([float(n)])} for n, time in piece], shuffle=shuffle)


def listed(windows):
    return [(window.get("start"), window["n"].tolist(), window["x"][:, 0].tolist()) for window in windows]


def any_restart(make):
    """Two passes, and from the position after any window on the same rest and the same second pass."""
    straight = make()
    first, second = listed(straight), listed(straight)
    for stop in range(len(first) + 1):
        flow = make()
        running = iter(flow)
        begun = listed(next(running) for _ in range(stop))
        state = json.loads(json.dumps(flow.state_dict()))
        again = make()
        again.load_state_dict(copy.deepcopy(state))
        assert begun + listed(again) == first, (stop, state)
        assert listed(again) == second
        assert getattr(again, "late", 0) == getattr(straight, "late", 0)
    return first, second


TIMES = st.lists(st.integers(0, 30), max_size=14)


@settings(max_examples=80, deadline=None)
@given(TIMES, st.integers(1, 4), st.integers(1, 6), st.one_of(st.none(), st.integers(0, 6)))
def test_count_windows_are_slices_between_gaps(times, size, step, gap):
    """CountWindows, brute force: slices every ``step`` records of each stretch without a gap; exact after a restart anywhere, in two passes."""
    times = sorted(times)
    stretches: list[list[int]] = []
    for n, time in enumerate(times):
        if not stretches or (gap is not None and time - times[n - 1] > gap):
            stretches.append([])
        stretches[-1].append(n)
    first, _ = any_restart(lambda: CountWindows(flow_of(times), size, step, gap=gap))
    if gap is None or step <= size:
        expected = [s[a : a + size] for s in stretches for a in range(0, len(s) - size + 1, step)]
        assert [window for _, window, _ in first] == expected and all(x == [float(n) for n in w] for _, w, x in first)
    assert all(len(window) == size and {window[-1] - window[0]} == {size - 1} for _, window, _ in first)


@settings(max_examples=120, deadline=None)
@given(TIMES, st.integers(1, 6), st.integers(1, 6), st.integers(0, 8))
def test_time_windows_hold_what_came_in_time(times, seconds, step, lateness):
    """TimeWindows, brute force: with all lateness allowed every window [k step, k step + seconds) that has records, in order; with less, a record is
    missing only from windows that were over when it came; exact after a restart anywhere, and none is lost silently."""
    step = min(step, seconds)

    def grouped(numbers):
        starts = sorted({k * step for n in numbers for k in range(-10, 40) if k * step <= times[n] < k * step + seconds})
        return [(s, sorted((n for n in numbers if s <= times[n] < s + seconds), key=lambda n: times[n])) for s in starts]

    patient, _ = any_restart(lambda: TimeWindows(flow_of(times), seconds, step, lateness=100))
    assert [(start, window) for start, window, _ in patient] == grouped(range(len(times)))
    hasty = TimeWindows(flow_of(times), seconds, step, lateness=lateness)
    found, _ = any_restart(lambda: TimeWindows(flow_of(times), seconds, step, lateness=lateness))
    assert listed(hasty) == found and [start for start, _, _ in found] == sorted({start for start, _, _ in found})
    given_rows = {n for _, window, _ in found for n in window}
    assert len(given_rows) + hasty.late == len(times)
    for start, window, _ in found:
        assert all(start <= times[n] < start + seconds for n in window)
        for n in range(len(times)):
            if start <= times[n] < start + seconds and n not in window:
                assert max(times[:n], default=0) - lateness >= start + seconds


def test_windows_go_through_a_loader_and_epochs_are_shuffled_ones():
    """CountWindows, property: a loader with workers and another epoch give the windows of the flow in that epoch's order."""

    def make():
        return CountWindows(flow_of(range(12), shuffle=True), 3, 3)

    whole = [x for _, _, x in listed(make())]
    loader = FlowLoader(inputs_of(make()), None, 2, workers=1)
    assert [row for batch in loader for row in batch["input"].tolist()] == whole
    again = make()
    orders = {tuple(tuple(x) for _, _, x in listed(again)) for _ in range(6)}
    chosen = make()
    chosen.set_epoch(3)
    assert tuple(tuple(x) for _, _, x in listed(chosen)) in orders and len(orders) == 2


def inputs_of(flow):
    return Changed(flow, lambda window: {"input": window["x"][:, 0]})


def test_nonsense_is_refused_and_commits_reach_the_flow():
    for wrong in ({"size": 0}, {"size": 1, "step": 0}, {"size": 1, "gap": -1}):
        with pytest.raises(ValueError, match="at least 1"):
            CountWindows(flow_of([]), **wrong)
    for wrong in ({"seconds": 0}, {"seconds": 1, "step": 2}, {"seconds": 1, "lateness": -1}):
        with pytest.raises(ValueError, match="0 < step <= seconds"):
            TimeWindows(flow_of([]), **wrong)
    for make in (lambda flow: CountWindows(flow, 2), lambda flow: TimeWindows(flow, 2)):
        flow = flow_of([1, 2, 3])
        told = []
        flow.committed = told.append
        windows = make(flow)
        next(iter(windows))
        windows.committed(windows.state_dict())
        assert told == [windows.state_dict()["at"]]
