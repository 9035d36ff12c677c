"""What a connector does when its server is away: try again, wait, stop, or give up."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

Found = TypeVar("Found")


class Away(ConnectionError):
    """The server could not be reached for as long as was allowed."""


@dataclass
class Patience:
    """Repeats a call that fails with a connection error: after 0.1 s, 0.2 s, … up to ``longest`` seconds, for ``seconds`` in all (None: for ever).

    ``outages`` counts how often the server was away, ``attempts`` the calls that failed.
    Errors: ``Away`` when time is up, with the last error as its cause.

    >>> answers = iter([ConnectionError("no"), "yes"])
    >>> def call():
    ...     answer = next(answers)
    ...     if isinstance(answer, Exception):
    ...         raise answer
    ...     return answer
    >>> patience = Patience(seconds=5, sleep=lambda seconds: None)
    >>> patience(call, "the server", (ConnectionError,)), patience.outages
    ('yes', 1)
    """

    seconds: float | None = 60.0
    longest: float = 5.0
    sleep: Callable[[float], None] = time.sleep
    outages: int = field(default=0, init=False)
    attempts: int = field(default=0, init=False)

    def __call__(
        self, call: Callable[[], Found], name: str, errors: tuple[type[BaseException], ...], again: Callable[[], None] | None = None
    ) -> Found:
        """The answer of ``call``; before each repetition ``again`` is called, which drops the broken connection."""
        waited, pause = 0.0, 0.1
        while True:
            try:
                return call()
            except errors as error:
                self.attempts += 1
                self.outages += waited == 0
                if self.seconds is not None and waited + pause > self.seconds:
                    raise Away(
                        f"{name} could not be reached for {waited:.1f} s ({type(error).__name__}: {error})."
                        " Start it or correct the address; a run goes on from its last checkpoint."
                    ) from error
                self.sleep(pause)
                waited, pause = waited + pause, min(2 * pause, self.longest)
                if again is not None:
                    again()
