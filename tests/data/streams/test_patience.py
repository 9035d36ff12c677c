"""Patience: growing pauses, a limit, and a word about who was away."""

from __future__ import annotations

import pytest

from weft.data import Away, Patience


def failing(times):
    left = [times]

    def call():
        left[0] -= 1
        if left[0] >= 0:
            raise ConnectionError("refused")
        return "there"

    return call


def test_pauses_grow_up_to_the_longest():
    pauses, dropped = [], []
    patience = Patience(seconds=None, longest=0.5, sleep=pauses.append)
    assert patience(failing(6), "the server", (ConnectionError,), lambda: dropped.append(1)) == "there"
    assert pauses == [0.1, 0.2, 0.4, 0.5, 0.5, 0.5] and len(dropped) == 6
    assert (patience.outages, patience.attempts) == (1, 6)


def test_time_runs_out():
    pauses = []
    with pytest.raises(Away, match=r"the server could not be reached for 0\.7 s \(ConnectionError: refused\)"):
        Patience(seconds=1.0, sleep=pauses.append)(failing(99), "the server", (ConnectionError,))
    assert sum(pauses) == pytest.approx(0.7)


def test_other_errors_are_not_waited_for():
    with pytest.raises(ConnectionError):
        Patience(sleep=lambda s: None)(failing(1), "the server", (TimeoutError,))
