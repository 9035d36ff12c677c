"""The bounded buffer: memory has a bound, counts are exact, positions are those of what was fetched."""

from __future__ import annotations

import threading

import pytest

from weft.data import Buffered, Chain


def numbers(count):
    return Chain([range(count)], lambda piece: [{"x": n} for n in piece])


class Gate:
    """A flow that has given everything before the reader begins to fetch."""

    def __init__(self, count):
        self.count, self.done = count, threading.Event()

    def __iter__(self):
        for n in range(self.count):
            if n == self.count - 1:
                self.done.set()
            yield {"x": n}

    def state_dict(self):
        return {}

    def load_state_dict(self, state): ...


def slowly(flow, gate):
    """Fetch the first record, let the flow run to its end, fetch the rest."""
    running = iter(flow)
    first = next(running)["x"]
    gate.done.wait(10)
    return [first] + [record["x"] for record in running]


@pytest.mark.parametrize(("policy", "kept"), [("drop_oldest", range(95, 100)), ("drop_newest", range(1, 6))])
def test_what_is_dropped_is_counted(policy, kept):
    """Buffered, property: received = given + dropped, the buffer never exceeds its size, and the policy says who stays."""
    gate = Gate(100)
    flow = Buffered(gate, 5, policy)
    found = slowly(flow, gate)
    assert flow.received == 100 == flow.given + flow.dropped and len(found) == flow.given and flow.longest <= 5
    assert found == sorted(found)
    if policy == "drop_oldest":
        assert found[-4:] == list(kept)[1:]
    else:
        assert len(found) <= 7 and found[:3] == [0, 1, 2]


def test_a_sample_is_fair():
    """Buffered, property: with "sample" early and late records stay equally often."""
    stayed = [0] * 4
    for seed in range(60):
        gate = Gate(200)
        for x in slowly(Buffered(gate, 10, "sample", seed=seed), gate)[1:]:
            stayed[x // 50] += 1
    assert min(stayed) > 0.6 * sum(stayed) / 4


@pytest.mark.parametrize("stop", [0, 1, 7, 20])
def test_waiting_loses_nothing_and_a_position_goes_on(stop):
    flow = Buffered(numbers(20), 3)
    running = iter(flow)
    begun = [next(running)["x"] for _ in range(stop)]
    state = flow.state_dict()
    running.close()
    other = Buffered(numbers(20), 3)
    other.load_state_dict(state)
    rest = [record["x"] for record in other]
    assert begun + rest == list(range(20)) and other.dropped == 0 and other.longest <= 3
    assert [record["x"] for record in other] == list(range(20))


def test_an_error_comes_out_in_its_place_and_no_thread_stays():
    def opened(piece):
        yield {"x": 0}
        raise OSError("the sensor is gone")

    seen = []
    with pytest.raises(OSError, match="the sensor is gone"):
        seen.extend(Buffered(Chain([0], opened), 5))
    assert seen == [{"x": 0}]
    for record in Buffered(numbers(1000), 2):
        assert record["x"] == 0
        break
    assert not [t for t in threading.enumerate() if t.name == "weft-buffer" and t.is_alive()]
    with pytest.raises(ValueError, match="block, drop_oldest, drop_newest, sample"):
        Buffered(numbers(3), 0)
