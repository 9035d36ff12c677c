"""Messages of a Kafka topic, each once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from weft.data.contracts import Record
from weft.data.streams.patience import Patience


class Message(NamedTuple):
    """One message of a partition."""

    partition: int
    offset: int
    value: bytes


class KafkaClient(Protocol):
    """What ``KafkaTopic`` needs of a client; ``confluent`` makes one."""

    def partitions(self) -> Sequence[int]:
        """The numbers of the topic's partitions."""
        ...

    def assign(self, offsets: dict[int, int]) -> None:
        """Read each partition from its offset on."""
        ...

    def poll(self, seconds: float) -> Message | None:
        """The next message; None when none came in time. Raises ConnectionError while no broker can be reached."""
        ...

    def close(self) -> None: ...


class KafkaTopic:
    """The messages of a Kafka topic; the position, the next offset of each partition, lies in the checkpoint: every message counts exactly once.

    No consumer group is used and nothing is committed to the broker. ``client()`` makes a client, see ``confluent``. ``read(value)`` turns
    bytes into a record (default: JSON object). ``partitions``: those to read (default: all; give each of several trainings its own).
    ``idle``: ends when nothing came for that many seconds (None: never).
    Errors: ``ValueError`` naming partition and offset for a message that cannot be read, or when the broker goes on behind the position
    (messages were deleted before they were read); ``Away`` when patience ends.
    Use when producers write to Kafka; instead of it, ``RedisStream`` for a smaller installation. Cost: the client's own buffer.

    >>> class Client:
    ...     def __init__(self): self.rows = [Message(0, 0, b'{"x": 1}'), Message(0, 1, b'{"x": 2}')]
    ...     def partitions(self): return [0]
    ...     def assign(self, offsets): self.rows = self.rows[offsets[0] :]
    ...     def poll(self, seconds): return self.rows.pop(0) if self.rows else None
    ...     def close(self): ...
    >>> [record["x"] for record in KafkaTopic(Client, idle=0)]
    [1, 2]
    """

    def __init__(
        self, client: Callable[[], KafkaClient], *, read: Callable[[bytes], Record] = json.loads, partitions: Sequence[int] | None = None,
        idle: float | None = None, patience: Patience | None = None,
    ) -> None:  # fmt: skip
        self.make, self.read, self.chosen, self.idle = client, read, partitions, idle
        self.patience = patience or Patience()
        self.offsets: dict[int, int] = {}
        self._client: KafkaClient | None = None

    def __iter__(self) -> Iterator[Record]:
        began = time.monotonic()
        while True:
            message = self.patience(self._next, "The Kafka broker", (ConnectionError, TimeoutError), self._drop)
            if message is None:
                if self.idle is not None and time.monotonic() - began >= self.idle:
                    return
                continue
            expected = self.offsets.get(message.partition, 0)
            if message.offset < expected:
                continue  # sent again after a new connection
            if message.offset > expected and expected:
                raise ValueError(
                    f"Partition {message.partition} goes on at offset {message.offset}, the position is {expected}: messages were deleted before"
                    " they were read. Keep them longer (retention), or begin anew"
                )
            began = time.monotonic()
            try:
                record = self.read(message.value)
            except ValueError as error:
                raise ValueError(f"The message at partition {message.partition}, offset {message.offset} cannot be read: {error}") from error
            self.offsets[message.partition] = message.offset + 1
            yield record

    def _next(self) -> Message | None:
        if self._client is None:
            client = self.make()
            numbers = client.partitions() if self.chosen is None else self.chosen
            client.assign({n: self.offsets.get(n, 0) for n in numbers})
            self._client = client
        return self._client.poll(0.2 if self.idle is None else max(0.001, min(0.2, self.idle)))

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None

    def state_dict(self) -> dict[str, Any]:
        return {"offsets": dict(self.offsets)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state["offsets"] != self.offsets:
            self.offsets = {int(n): offset for n, offset in state["offsets"].items()}
            self._drop()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_client": None}


def confluent(servers: str, topic: str, settings: Mapping[str, Any] | None = None) -> Callable[[], KafkaClient]:
    """Makes clients of ``confluent-kafka`` for ``KafkaTopic``; ``settings`` are librdkafka's own, such as those of TLS.

    >>> make = confluent("127.0.0.1:9092", "pictures")
    """
    return lambda: Confluent(servers, topic, dict(settings or {}))


class Confluent:
    """A ``KafkaClient`` over ``confluent_kafka.Consumer``."""

    def __init__(self, servers: str, topic: str, settings: dict[str, Any]) -> None:
        try:
            import confluent_kafka
        except ImportError:
            raise ValueError("Kafka needs its client: pip install 'weft[kafka]'") from None
        self.kafka, self.topic = confluent_kafka, topic
        # a group id is demanded by the client; offsets are never committed to it
        given = {"bootstrap.servers": servers, "group.id": "weft", "enable.auto.commit": False, "auto.offset.reset": "earliest"}
        self.consumer = confluent_kafka.Consumer(given | settings)

    def partitions(self) -> Sequence[int]:
        try:
            found = self.consumer.list_topics(self.topic, timeout=10).topics[self.topic]
        except self.kafka.KafkaException as error:
            raise ConnectionError(str(error)) from error
        if found.error is not None:
            raise ValueError(f"The topic {self.topic!r} cannot be read: {found.error}")
        return sorted(found.partitions)

    def assign(self, offsets: dict[int, int]) -> None:
        self.consumer.assign([self.kafka.TopicPartition(self.topic, n, offset) for n, offset in offsets.items()])

    def poll(self, seconds: float) -> Message | None:
        found: Any = self.consumer.poll(seconds)
        if found is None:
            return None
        if found.error() is not None:
            raise ConnectionError(str(found.error()))
        return Message(found.partition(), found.offset(), found.value() or b"")

    def close(self) -> None:
        self.consumer.close()
