"""Interrupts: the first asks, the second ends, and the old handlers come back."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from weft.parallel import graceful


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_asks_and_the_second_ends(number, capsys):
    """Property: and what was there before is put back."""
    asked, before = [], signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), graceful(asked.append):  # noqa: PT012 - the handlers hold in here
        os.kill(os.getpid(), number)
        assert asked == [number]
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before
    assert f"{signal.Signals(number).name}: saving a checkpoint" in capsys.readouterr().err


def test_another_thread_changes_nothing():
    """Property: Python allows handlers in the main thread only."""
    seen = []

    def run():
        with graceful(seen.append):
            seen.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]
