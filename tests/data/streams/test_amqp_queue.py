"""AMQP queues: acknowledged after the checkpoint, redeliveries dropped by id, each message counts once."""

from __future__ import annotations

import json

import pytest

from tests.data.streams.consumer import consume, expected_weights, final_weights
from tests.data.streams.servers import rabbit_server
from weft.data import AMQPQueue, Patience


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    pytest.importorskip("pika")
    server = rabbit_server(tmp_path_factory.mktemp("rabbit")).start()
    yield server
    server.kill()


def url(server):
    return f"amqp://guest:guest@127.0.0.1:{server.port}"


def fill(server, queue, first, last, **properties):
    import pika

    connection = pika.BlockingConnection(pika.URLParameters(url(server)))
    channel = connection.channel()
    channel.queue_declare(queue, durable=True)
    channel.confirm_delivery()
    for n in range(first, last):
        named = {"message_id": f"m{n}", "delivery_mode": 2} | properties
        channel.basic_publish("", queue, json.dumps({"x": n}).encode(), pika.BasicProperties(**named))
    connection.close()


def left(server, queue):
    import pika

    connection = pika.BlockingConnection(pika.URLParameters(url(server)))
    count = connection.channel().queue_declare(queue, durable=True, passive=True).method.message_count
    connection.close()
    return count


def test_only_what_is_safe_is_acknowledged(server):
    """AMQPQueue, property: after a commit the rest comes again to another consumer, what was in the position is dropped and counted."""
    fill(server, "safe", 0, 40)
    flow = AMQPQueue(url(server), "safe", idle=1.0, prefetch=40)
    running = iter(flow)
    begun = [next(running)["x"] for _ in range(20)]
    early, late = {"given": 10}, flow.state_dict()
    flow.committed(early)
    flow.close()
    assert left(server, "safe") == 30
    other = AMQPQueue(url(server), "safe", idle=1.0, prefetch=40)
    other.load_state_dict(late)  # the weights hold 20, the broker knows of 10
    rest = [record["x"] for record in other]
    assert begun + rest == list(range(40)) and other.dropped == 10
    other.committed(other.state_dict())
    other.close()
    assert left(server, "safe") == 0


def test_killed_consumer_and_killed_server_lose_and_repeat_nothing(server, tmp_path):
    """AMQPQueue, acid: the consumer is killed twice, the server once; each of 150 messages moved its own weight exactly once."""
    fill(server, "numbers", 0, 100)
    consume("amqp", url(server), tmp_path / "run", kill_after=5)
    server.kill()
    server.start()
    consume("amqp", url(server), tmp_path / "run", kill_after=4)
    fill(server, "numbers", 100, 150)
    consume("amqp", url(server), tmp_path / "run")
    assert final_weights(tmp_path / "run") == expected_weights(150)
    assert left(server, "numbers") == 0


def test_a_lost_connection_is_made_again(server):
    fill(server, "again", 0, 30)
    flow = AMQPQueue(url(server), "again", idle=1.0, prefetch=30, patience=Patience(seconds=60))
    running = iter(flow)
    begun = [next(running)["x"] for _ in range(10)]
    server.kill()
    server.start()
    assert begun + [record["x"] for record in running] == list(range(30))
    assert 10 <= flow.dropped <= 30 and flow.patience.outages == 1  # at least those given out; the client may have held the others
    flow.close()


def test_messages_that_cannot_be_used_are_named(server):
    fill(server, "nameless", 0, 1, message_id=None)
    with pytest.raises(ValueError, match="has no message_id"):
        list(AMQPQueue(url(server), "nameless", idle=0.5))
    fill(server, "strange", 0, 1)
    with pytest.raises(ValueError, match="Message 'm0' in 'strange' cannot be read"):
        list(AMQPQueue(url(server), "strange", idle=0.5, read=lambda body: {"x": int(body)}))
    with pytest.raises(ValueError, match="a window of at least as many"):
        AMQPQueue(url(server), "strange", prefetch=10, window=5)
