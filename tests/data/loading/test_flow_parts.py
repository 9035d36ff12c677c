"""Parts of flows and flows side by side: every record where it should be, after any restart, over ranks and workers."""

from __future__ import annotations

import copy

import pytest
import torch

from weft.data import Chain, Changed, FlowLoader, Joined, Skipped, Taken


def numbers(key="input", sizes=(5, 0, 8), shuffle=False):
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    pieces = list(zip(starts, sizes, strict=True))
    return Chain(pieces, lambda piece: [{key: torch.tensor(piece[0] + n)} for n in range(piece[1])], shuffle=shuffle)


def made(kind, shuffle=False):
    if kind == "taken":
        return Taken(numbers(shuffle=shuffle), 7)
    if kind == "skipped":
        return Skipped(numbers(shuffle=shuffle), 4)
    return Joined([numbers(), Changed(numbers("target", (9, 6)), dict)], strict=False)


EXPECTED = {"taken": list(range(7)), "skipped": list(range(4, 13)), "joined": list(range(13))}


@pytest.mark.parametrize("kind", EXPECTED)
def test_passes_hold_their_part_and_begin_anew(kind):
    """Taken, Skipped and Joined, closed form: the same part in each of three passes; a shorter flow beside a longer one stays in step."""
    flow = made(kind)
    for _ in range(3):
        records = list(flow)
        assert [int(record["input"]) for record in records] == EXPECTED[kind]
        assert kind != "joined" or all(record["input"] == record["target"] for record in records)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("kind", EXPECTED)
def test_every_position_goes_on_and_ranks_and_workers_change_nothing(kind, shuffle):
    """Taken, Skipped and Joined, property: from the position after any record on, two epochs are those of an unbroken run, alone and in a
    loader with 2 workers; two ranks share every batch."""

    def listed(records):
        return [int(record["input"]) for record in records]

    straight = made(kind, shuffle)
    first, second = listed(straight), listed(straight)
    assert sorted(first) == EXPECTED[kind] or shuffle
    assert not shuffle or kind == "joined" or first != second
    for stop in range(len(first) + 1):
        flow = made(kind, shuffle)
        running = iter(flow)
        begun = listed(next(running) for _ in range(stop))
        state = copy.deepcopy(flow.state_dict())
        again = made(kind, shuffle)
        again.load_state_dict(state)
        assert begun + listed(again) == first and listed(again) == second
    for workers in (0, 2):
        loader = FlowLoader(made(kind, shuffle), None, 4, workers=workers)
        for expected in (first, second):
            assert torch.cat([batch["input"] for batch in loader]).tolist() == expected
    shares = [FlowLoader(made(kind, shuffle), None, 4).shard(rank, 2) for rank in (0, 1)]
    for one, two in zip(*shares, strict=True):
        assert not set(one["index"].tolist()) & set(two["index"].tolist())


def test_an_epoch_can_be_chosen():
    """Taken, property: set_epoch gives the part that a run that came there has."""
    run, chosen = made("taken", True), made("taken", True)
    passes = [[int(r["input"]) for r in run] for _ in range(4)]
    chosen.set_epoch(3)
    assert [int(r["input"]) for r in chosen] == passes[3]
    chosen.set_epoch(1)
    assert [int(r["input"]) for r in chosen] == passes[1]


def test_commits_reach_the_flows():
    class Told(Chain):
        def committed(self, state):
            told.append(state)

    told: list[dict] = []
    inner = Told([range(3)], lambda piece: [{"x": n} for n in piece])
    for flow in (Taken(inner, 2), Skipped(inner, 1), Joined([inner])):
        flow.committed(flow.state_dict())
    assert told == [inner.state_dict()] * 3


def test_mistakes_are_told():
    with pytest.raises(ValueError, match="at least 1 record"):
        Taken(numbers(), 0)
    with pytest.raises(ValueError, match="0 or more"):
        Skipped(numbers(), -1)
    with pytest.raises(ValueError, match="ended after 13 records, of which 14"):
        list(Skipped(numbers(), 14))
    with pytest.raises(ValueError, match="no flows"):
        Joined([])
    with pytest.raises(ValueError, match="key 'input'"):
        list(Joined([numbers(), numbers()]))
    with pytest.raises(ValueError, match="number 1 ended 3 records on"):
        list(Joined([numbers(), numbers("target", (3,))]))
