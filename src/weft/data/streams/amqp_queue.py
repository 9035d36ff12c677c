"""Messages of an AMQP queue (RabbitMQ), acknowledged when what they taught is safe."""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from weft.data.contracts import Record
from weft.data.streams.patience import Patience


class AMQPQueue:
    """The messages of a durable queue; each is acknowledged only when a checkpoint that holds its effect is on disk.

    A queue delivers again what was not acknowledged: after a crash, or when the connection was lost. What the checkpoint already holds is
    dropped by its message id, remembered for ``window`` messages, acknowledged, and counted in ``dropped``; so each message counts once.
    Producers must set ``message_id`` and send persistent messages. ``read(body)`` turns a message's bytes into a record (default: JSON
    object). At most ``prefetch`` messages are unacknowledged at a time, which bounds memory and must exceed what is learned between two
    checkpoints.
    ``idle``: ends when nothing came for that many seconds (None: never).
    Errors: ``ValueError`` for a message without an id or that cannot be read (its id named); ``Away`` when patience ends.
    Use when messages come through a queue; instead of it, ``RedisStream`` or ``KafkaTopic``, which can be read from a position.
    Cost: ids of ``window`` messages in every checkpoint. Needs ``pip install 'weft[streams]'``.

    >>> AMQPQueue("amqp://127.0.0.1:5672", "pictures").state_dict()
    {'given': 0, 'seen': []}
    """

    def __init__(
        self, url: str, queue: str, *, read: Callable[[bytes], Record] = json.loads, prefetch: int = 10_000, window: int = 20_000,
        idle: float | None = None, patience: Patience | None = None,
    ) -> None:  # fmt: skip
        if not 1 <= prefetch <= 65_535 or window < prefetch:
            raise ValueError(f"prefetch={prefetch}, window={window}; expected prefetch from 1 to 65,535 and a window of at least as many")
        self.url, self.queue, self.read, self.prefetch, self.window, self.idle = url, queue, read, prefetch, window, idle
        self.patience = patience or Patience()
        self.seen: OrderedDict[str, None] = OrderedDict()  # ids whose effect is, or will be, in the next checkpoint
        self.given = self.dropped = 0
        self.waiting: list[tuple[int, int]] = []  # (number given out, delivery tag) not yet acknowledged
        self._connection: Any = None
        self._messages: Any = None

    def __iter__(self) -> Iterator[Record]:
        began = time.monotonic()
        while True:
            place = f"{self.url.rpartition('@')[2]}, queue {self.queue!r}"  # without the password
            method, properties, body = self.patience(self._next, place, amqp_errors(), self._drop)
            if method is None:
                if self.idle is not None and time.monotonic() - began >= self.idle:
                    return
                continue
            began = time.monotonic()
            name = properties.message_id
            if not name:
                raise ValueError(f"A message in {self.queue!r} has no message_id, so a second delivery could not be told from the first. Set one")
            if name in self.seen:
                self.dropped += 1
                self.waiting.append((self.given, method.delivery_tag))
                continue
            try:
                record = self.read(body)
            except ValueError as error:
                raise ValueError(f"Message {name!r} in {self.queue!r} cannot be read: {error}") from error
            self.seen[name] = None
            while len(self.seen) > self.window:
                self.seen.popitem(last=False)
            self.given += 1
            self.waiting.append((self.given, method.delivery_tag))
            yield record

    def _next(self) -> tuple[Any, Any, Any]:
        if self._connection is None:
            pika = pika_module()
            self._connection = pika.BlockingConnection(pika.URLParameters(self.url))
            channel = self._connection.channel()
            channel.basic_qos(prefetch_count=self.prefetch)
            self._messages = channel.consume(self.queue, inactivity_timeout=0.2 if self.idle is None else max(0.01, min(0.2, self.idle)))
            self._channel, self._thread = channel, threading.get_ident()
            self.waiting.clear()  # tags of an earlier connection mean nothing now; the queue delivers those messages again
        return next(self._messages)

    def _drop(self) -> None:
        """The connection is broken: what was not acknowledged will come again."""
        self._connection = self._messages = None

    def committed(self, state: dict[str, Any]) -> None:
        """Acknowledge what was given out up to a position that is safely on disk."""
        safe = [tag for number, tag in self.waiting if number <= state["given"]]
        self.waiting = [(number, tag) for number, tag in self.waiting if number > state["given"]]
        if safe and self._connection is not None:
            channel, last = self._channel, max(safe)
            try:
                if self._thread == threading.get_ident():
                    channel.basic_ack(last, multiple=True)
                else:  # read ahead by another thread, which alone may use the connection
                    self._connection.add_callback_threadsafe(lambda: channel.basic_ack(last, multiple=True))
            except amqp_errors():
                self._drop()  # they come again, and are dropped by their ids

    def state_dict(self) -> dict[str, Any]:
        return {"given": self.given, "seen": list(self.seen)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state["given"] == self.given and list(self.seen) == state["seen"]:
            return
        self.given, self.seen = state["given"], OrderedDict.fromkeys(state["seen"])
        self.close()

    def close(self) -> None:
        """Leave; what was not acknowledged goes back to the queue."""
        if self._connection is not None:
            connection, self._connection, self._messages = self._connection, None, None
            if connection.is_open:
                connection.close()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_connection": None, "_messages": None, "_channel": None, "waiting": []}


def amqp_errors() -> tuple[type[BaseException], ...]:
    """What a lost or refused connection raises."""
    errors = pika_module().exceptions
    return (errors.AMQPConnectionError, errors.AMQPChannelError, errors.StreamLostError, errors.ConnectionClosed, ConnectionError, OSError)


def pika_module() -> Any:
    """The AMQP client, or what to install."""
    try:
        import pika
    except ImportError:
        raise ValueError("AMQPQueue needs the AMQP client: pip install 'weft[streams]'") from None
    return pika
