"""Kafka topics through a stand-in for the client: offsets are the position, nothing is lost or repeated."""

from __future__ import annotations

import json

import pytest

from weft.data import Away, KafkaTopic, Patience
from weft.data.streams.kafka_topic import Confluent, Message


class StandIn:
    """A client in memory with three partitions; stands in for a broker, and goes away when told to."""

    rows: dict[int, list[bytes]]
    fails: int = 0

    def __init__(self) -> None:
        self.at: dict[int, int] = {}

    def partitions(self):
        return sorted(self.rows)

    def assign(self, offsets):
        self.at = dict(offsets)

    def poll(self, seconds):
        if type(self).fails:
            type(self).fails -= 1
            raise ConnectionError("broker down")
        for n, offset in sorted(self.at.items(), key=lambda item: (item[1], item[0])):
            while offset < len(self.rows[n]) and not self.rows[n][offset]:  # b"" was deleted by the broker
                offset += 1
            if offset < len(self.rows[n]):
                self.at[n] = offset + 1
                return Message(n, offset, self.rows[n][offset])
        return None

    def close(self):
        self.at = {}


@pytest.fixture
def client():
    return type("Topic", (StandIn,), {"rows": {n: [json.dumps({"x": 10 * n + i}).encode() for i in range(5)] for n in range(3)}})


def values(flow):
    return [record["x"] for record in flow]


@pytest.mark.parametrize("stop", [0, 1, 7, 15])
def test_any_position_can_be_gone_on_from(client, stop):
    """KafkaTopic, property: what was given out before a restart and after it is every message once."""
    whole = values(KafkaTopic(client, idle=0))
    assert sorted(whole) == [10 * n + i for n in range(3) for i in range(5)]
    flow = KafkaTopic(client, idle=0)
    running = iter(flow)
    begun = [next(running)["x"] for _ in range(stop)]
    other = KafkaTopic(client, idle=0)
    other.load_state_dict(json.loads(json.dumps(flow.state_dict())))
    assert sorted(begun + values(other)) == sorted(whole)


def test_a_broker_that_was_away_costs_nothing(client):
    flow = KafkaTopic(client, idle=0, patience=Patience(sleep=lambda s: None))
    running = iter(flow)
    begun = [next(running)["x"] for _ in range(4)]
    client.fails = 3
    assert sorted(begun + [record["x"] for record in running]) == sorted(values(KafkaTopic(client, idle=0)))
    assert flow.patience.outages == 1 and flow.patience.attempts == 3
    client.fails = 10**6
    with pytest.raises(Away, match="The Kafka broker could not be reached"):
        values(KafkaTopic(client, idle=0, patience=Patience(1.0, sleep=lambda s: None)))


def test_partitions_can_be_shared_out(client):
    assert values(KafkaTopic(client, partitions=[1], idle=0)) == [10, 11, 12, 13, 14]


def test_what_is_gone_or_broken_is_named(client):
    flow = KafkaTopic(client, idle=0, partitions=[0])
    running = iter(flow)
    next(running), next(running)
    client.rows[0][2] = b""
    with pytest.raises(ValueError, match="Partition 0 goes on at offset 3, the position is 2"):
        next(running)
    client.rows[1][0] = b"{"
    with pytest.raises(ValueError, match="partition 1, offset 0 cannot be read"):
        values(KafkaTopic(client, idle=0, partitions=[1]))


def test_the_real_client_is_asked_in_its_own_words(monkeypatch):
    """Confluent, contract: offsets, end of topic and errors pass through ``confluent_kafka`` as its documentation has them."""
    kafka = pytest.importorskip("confluent_kafka")
    asked = []

    class Found:
        def __init__(self, error=None):
            self.failed = error

        def error(self):
            return self.failed

        def partition(self):
            return 2

        def offset(self):
            return 41

        def value(self):
            return b"{}"

    class Consumer:
        answers = [None, Found(), Found(kafka.KafkaError(kafka.KafkaError._TRANSPORT))]

        def __init__(self, settings):
            asked.append(settings)

        def assign(self, places):
            asked.append([(p.topic, p.partition, p.offset) for p in places])

        def poll(self, seconds):
            return self.answers.pop(0)

        def close(self): ...

    monkeypatch.setattr(kafka, "Consumer", Consumer)
    client = Confluent("127.0.0.1:1", "t", {"client.id": "me"})
    client.assign({2: 41})
    assert asked[0]["enable.auto.commit"] is False and asked[0]["client.id"] == "me" and asked[1] == [("t", 2, 41)]
    assert client.poll(0) is None and client.poll(0) == Message(2, 41, b"{}")
    with pytest.raises(ConnectionError):
        client.poll(0)
