"""Flows: every record once, any position can be gone on from, mixtures keep their shares."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.data import Chain, Changed, Mixed
from weft.data.loading.flow import Flow

PIECES = st.lists(st.integers(0, 5), min_size=1, max_size=5)


def letters(sizes, name="", **arguments):
    def opened(piece, start=0):
        return [{"x": f"{name}{piece}.{n}"} for n in range(start, sizes[piece])]

    return Chain(range(len(sizes)), opened, **arguments)


def made(kind, sizes):
    if kind == "chain":
        return letters(sizes, shuffle=True, seed=2)
    if kind == "seekable":
        return letters(sizes, seekable=True)
    if kind == "changed":
        return Changed(letters(sizes), lambda r: r if not r["x"].endswith("1") else None)
    return Mixed([letters(sizes, "a"), letters(sizes, "b", shuffle=True)], [2, 1], seed=3)


def names(flow):
    return [record["x"] for record in flow]


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(["chain", "seekable", "changed", "mixed"]), PIECES, st.integers(0, 60), st.integers(0, 2))
def test_any_position_can_be_gone_on_from(kind, sizes, stop, epoch):
    """Chain, Changed and Mixed, property: what was given out and what a fresh flow at that position gives make the whole pass."""
    flow = made(kind, sizes)
    assert isinstance(flow, Flow)
    flow.set_epoch(epoch)
    whole = names(flow)
    assert len(set(whole)) == len(whole) == sum(1 for _ in made(kind, sizes))
    first, begun = made(kind, sizes), []
    first.set_epoch(epoch)
    running = iter(first)
    for _ in range(min(stop, len(whole))):
        begun.append(next(running)["x"])
    second = made(kind, sizes)
    second.load_state_dict(first.state_dict())
    assert begun + names(second) == whole


def test_pieces_change_places_from_epoch_to_epoch():
    flow = letters([2] * 6, shuffle=True)
    first, second = names(flow), names(flow)
    assert sorted(first) == sorted(second) and first != second
    flow.set_epoch(0)
    assert names(flow) == first


def test_a_mixture_has_its_shares_and_stops_as_told():
    """Mixed, statistics: two flows at 3 to 1, within three deviations; "first" ends early, "repeat" goes on."""
    flows = [letters([5000], "a"), letters([5000], "b")]
    head = [name for name, _ in zip(names(Mixed(flows, [3, 1], stop="first")), range(2000), strict=False)]
    assert abs(sum(x[0] == "a" for x in head) / 2000 - 0.75) < 3 * math.sqrt(0.75 * 0.25 / 2000)
    short = names(Mixed([letters([3], "a"), letters([50], "b")], [1, 1], stop="first"))
    assert len(short) < 53 and sum(x[0] == "a" for x in short) <= 3
    endless = iter(Mixed([letters([3], "a"), letters([5], "b")], stop="repeat"))
    assert len([next(endless) for _ in range(100)]) == 100


def test_data_that_has_changed_is_said():
    flow = letters([2])
    flow.load_state_dict({"epoch": 0, "piece": 0, "given": 3})
    with pytest.raises(ValueError, match="ended before record 3"):
        names(flow)


def test_what_cannot_flow_is_refused():
    with pytest.raises(ValueError, match="no pieces"):
        Chain([], list)
    with pytest.raises(ValueError, match="positive weight"):
        Mixed([letters([1])], [0.0])
    with pytest.raises(ValueError, match="'first', 'all' or 'repeat'"):
        Mixed([letters([1])], stop="never")
    with pytest.raises(ValueError, match="holds no records"):
        names(Mixed([letters([0])], stop="repeat"))


def test_commits_reach_the_flows_below():
    seen = []
    below = letters([2])
    below.committed = seen.append
    mixed = Mixed([Changed(below, dict)])
    next(iter(mixed))
    mixed.committed(mixed.state_dict())
    assert seen == [{"epoch": 0, "piece": 0, "given": 1}]
