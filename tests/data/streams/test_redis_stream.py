"""Redis streams: each entry changes the weights exactly once, whatever dies."""

from __future__ import annotations

import pytest

from tests.data.streams.consumer import consume, expected_weights, final_weights
from tests.data.streams.servers import redis_server
from weft.data import Away, Patience, RedisStream


@pytest.fixture
def server(tmp_path):
    pytest.importorskip("redis")
    server = redis_server(tmp_path).start()
    yield server
    server.kill()


def client(server):
    import redis

    return redis.Redis(port=server.port, decode_responses=True)


def fill(server, first, last):
    with client(server) as r:
        for n in range(first, last):
            r.xadd("numbers", {"x": str(n)})


def stream(server, **arguments):
    return RedisStream(f"redis://127.0.0.1:{server.port}", "numbers", idle=0.3, count=16, **arguments)


def test_entries_come_in_order_and_a_position_goes_on(server):
    """RedisStream, property: any position gives the rest, also when the server was killed and started again in between."""
    fill(server, 0, 50)
    flow = stream(server)
    running = iter(flow)
    begun = [next(running)["x"] for _ in range(20)]
    server.kill()
    server.start()
    other = stream(server)
    other.load_state_dict(flow.state_dict())
    rest = [record["x"] for record in other]
    assert begun + rest == [str(n) for n in range(50)]
    assert begun + [record["x"] for record in running] == [str(n) for n in range(50)]  # the first one reconnects


def test_killed_consumer_and_killed_server_lose_and_repeat_nothing(server, tmp_path):
    """RedisStream, acid: the consumer is killed twice, the server once; each of 200 records moved its own weight exactly once."""
    fill(server, 0, 120)
    url = f"redis://127.0.0.1:{server.port}"
    consume("redis", url, tmp_path / "run", kill_after=5)
    server.kill()
    server.start()
    consume("redis", url, tmp_path / "run", kill_after=4)
    fill(server, 120, 200)
    consume("redis", url, tmp_path / "run")
    assert final_weights(tmp_path / "run") == expected_weights(200)


def test_trimmed_entries_are_noticed(server):
    fill(server, 0, 30)
    flow = stream(server)
    running = iter(flow)
    for _ in range(10):
        next(running)
    with client(server) as r:
        r.xtrim("numbers", maxlen=5, approximate=False)
    other = stream(server)
    other.load_state_dict(flow.state_dict())
    with pytest.raises(ValueError, match="25 entries are gone and only 10 had been read"):
        list(other)


def test_a_server_that_stays_away_is_said(tmp_path):
    pytest.importorskip("redis")
    flow = RedisStream("redis://127.0.0.1:1", "numbers", idle=0.1, patience=Patience(seconds=0.2))
    with pytest.raises(Away, match=r"127\.0\.0\.1:1 could not be reached .* goes on from its last checkpoint"):
        list(flow)
    with pytest.raises(ValueError, match="at least 1 entry"):
        RedisStream("redis://127.0.0.1:1", "numbers", count=0)
