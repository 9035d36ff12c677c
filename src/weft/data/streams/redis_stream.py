"""Entries of a Redis stream, each once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from weft.data.contracts import Record
from weft.data.streams.patience import Patience


class RedisStream:
    """The entries of a Redis stream; the position, the id of the last one given out, lies in the checkpoint: every entry counts exactly once.

    ``read(fields)`` turns an entry's fields (str to str) into a record. ``idle``: ends when nothing came for that many seconds (None:
    never). ``count`` entries are asked for at a time, which is all that is held in memory. When the server is away it is waited for as
    ``patience`` says.
    Errors: ``Away`` when patience ends; ``ValueError`` when entries were trimmed away before they were read (Redis 7, read from the start).
    Use when producers append to a stream; instead of it, ``AMQPQueue`` where messages must be acknowledged. Cost: one request for
    ``count`` entries. Needs ``pip install 'weft[streams]'``.

    >>> RedisStream("redis://127.0.0.1:6379", "pictures").state_dict()
    {'last': '0-0', 'given': 0}
    """

    def __init__(
        self, url: str, stream: str, *, read: Callable[[dict[str, str]], Record] = dict, start: str = "0-0", idle: float | None = None,
        count: int = 256, patience: Patience | None = None,
    ) -> None:  # fmt: skip
        if count < 1:
            raise ValueError(f"count={count}; expected at least 1 entry at a time")
        self.url, self.stream, self.read, self.idle, self.count = url, stream, read, idle, count
        self.patience = patience or Patience()
        self.start = self.last = start
        self.given = 0
        self._client: Any = None

    def __iter__(self) -> Iterator[Record]:
        began = time.monotonic()
        while True:
            entries = self._next()
            for name, fields in entries:
                record = self.read(fields)
                self.last, self.given = name, self.given + 1
                yield record
            if entries:
                began = time.monotonic()
            elif self.idle is not None and time.monotonic() - began >= self.idle:
                return

    def _next(self) -> list[tuple[str, dict[str, str]]]:
        errors = redis_module().exceptions
        wait = 1000 if self.idle is None else max(1, min(1000, int(self.idle * 1000)))

        def ask() -> Any:
            if self._client is None:
                self._client = redis_module().Redis.from_url(self.url, decode_responses=True, socket_timeout=30)
                self._check()
            return self._client.xread({self.stream: self.last}, count=self.count, block=wait)

        # BusyLoading: the server is up and still reads its data back
        found = self.patience(ask, self.url, (errors.ConnectionError, errors.TimeoutError, errors.BusyLoadingError), self._drop)
        # a list of [name, entries] in the older protocol, a dict in the newer one
        pages = list(found.values()) if isinstance(found, dict) else [entries for _, entries in found or []]
        return [(name, dict(fields)) for entries in pages for name, fields in flat(entries)]

    def _check(self) -> None:
        """Whether what follows the position is still there."""
        if self.start != "0-0":
            return  # how many entries came before is not known
        info = self._client.xinfo_stream(self.stream) if self._client.exists(self.stream) else {}
        removed = info.get("entries-added", 0) - info.get("length", 0)
        if removed > self.given:
            raise ValueError(
                f"The stream {self.stream!r} was trimmed: {removed} entries are gone and only {self.given} had been read, so some were lost before"
                " they were read. Keep more of the stream (MAXLEN), or begin anew"
            )

    def _drop(self) -> None:
        self._client = None

    def state_dict(self) -> dict[str, Any]:
        return {"last": self.last, "given": self.given}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.last, self.given = state["last"], state["given"]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_client": None}


def flat(entries: Any) -> list[Any]:
    """The entries of one stream; the newer protocol wraps them in one more list."""
    return entries[0] if entries and isinstance(entries[0], list) and entries[0] and isinstance(entries[0][0], (list, tuple)) else entries


def redis_module() -> Any:
    """The Redis client, or what to install."""
    try:
        import redis
    except ImportError:
        raise ValueError("RedisStream needs the Redis client: pip install 'weft[streams]'") from None
    return redis
