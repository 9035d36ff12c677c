"""Hostile input: who comes in, and with how much."""

from __future__ import annotations

import asyncio
import json

import pytest

from weft.serve.guard import Door, Guard
from weft.serve.limits import Limits, Refused


def ask(guard, *, method="POST", path="/predict", headers=(), body=(b"{}",)):
    """One request as the server would pass it on: what was sent back, and how many messages of the body were taken."""
    sent, taken = [], []
    chunks = [{"type": "http.request", "body": chunk, "more_body": number + 1 < len(body)} for number, chunk in enumerate(body)]

    async def receive():
        taken.append(1)
        if not chunks:
            await asyncio.sleep(60)
        return chunks.pop(0)

    async def send(message):
        sent.append(message)

    named = dict(headers) if not isinstance(headers, list) else None
    raw = headers if named is None else [*({"host": "localhost"} | named).items()]
    scope = {"type": "http", "method": method, "path": path, "headers": [(k.encode(), v.encode("latin-1")) for k, v in raw]}
    asyncio.run(guard(scope, receive, send))
    text = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], dict(sent[0]["headers"]), text, len(taken)


async def swallow(scope, receive, send):
    """An application that reads the whole body and says how long it is."""
    size, more, status = 0, True, 200
    try:
        while more:
            message = await receive()
            size, more = size + len(message["body"]), message["more_body"]
    except Refused as refused:
        status = refused.status
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


LOCAL = Door(frozenset({"localhost", "model.example"}))


def guard(door=LOCAL, **limits):
    return Guard(swallow, door, Limits(**limits))


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:8000", "127.1.2.3", "[::1]:8000", "model.example", "MODEL.example:80"])
def test_names_of_this_server_are_let_in(host):
    assert ask(guard(), headers={"host": host})[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "10.0.0.1", "", "localhost@evil.example", "[::1", "127.0.0.1.nip.io", "2130706433"])
def test_other_hosts_are_refused(host):
    status, _, text, _ = ask(guard(), headers={"host": host})
    assert status == 403 and "no name of this server" in json.loads(text)["error"]["message"]


def test_no_host_and_two_hosts_are_refused():
    assert ask(guard(), headers=[])[0] == 403
    assert ask(guard(), headers=[("host", "localhost"), ("host", "evil.example")])[0] == 400


def test_any_address_is_a_host_where_the_server_is_public():
    assert ask(guard(Door(addresses=True)), headers={"host": "10.0.0.1:80"})[0] == 200
    assert ask(guard(Door(addresses=True)), headers={"host": "evil.example"})[0] == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:9000", "file://", "http://localhost.evil.example", "ftp://localhost", ""])
def test_pages_of_other_origins_are_refused(origin):
    for method in ("GET", "POST"):
        assert ask(guard(), method=method, headers={"origin": origin})[0] == 403


def test_the_own_page_is_let_in():
    assert ask(guard(), headers={"host": "localhost:8000", "origin": "http://localhost:8000", "sec-fetch-site": "same-origin"})[0] == 200
    assert ask(guard(), headers={"sec-fetch-site": "cross-site"})[0] == 403
    assert ask(guard(), method="GET", path="/", headers={"sec-fetch-site": "cross-site"})[0] == 200  # somebody clicked a link


@pytest.mark.parametrize("came", [{}, {"authorization": "Bearer wrong"}, {"authorization": "secret"}, {"authorization": "Bearer s\u00e9cret"}])
def test_without_the_token_nothing_of_the_model_is_said(came):
    private = guard(Door(frozenset({"localhost"}), token="secret"))
    status, headers, _, _ = ask(private, headers=came)
    assert status == 401 and headers[b"www-authenticate"] == b"Bearer"
    for path in ("/card", "/openapi.json", "/docs", "//health", "/health/"):
        assert ask(private, method="GET", path=path, headers=came)[0] == 401
    for path in ("/", "/health", "/ready"):
        assert ask(private, method="GET", path=path, headers=came)[0] == 200
    assert ask(private, headers={"authorization": "Bearer secret"})[0] == 200


def test_a_body_is_counted_while_it_streams():
    assert ask(guard(body_bytes=10), body=(b"12345", b"12345"))[::2][0:2] == (200, b"10")
    assert ask(guard(body_bytes=10), body=(b"12345", b"123456"))[0] == 413
    status, _, _, taken = ask(guard(body_bytes=10), body=(b"x" * 11, *[b"x"] * 5))
    assert status == 413 and taken == 6  # the rest is read and thrown away, so that the client reads the answer
    status, _, _, taken = ask(guard(body_bytes=10), body=[b"x" * 40] * 1000)
    assert status == 413 and taken < 10  # but not for ever


def test_a_declared_length_is_refused_at_once():
    for length in ("11", "9" * 30, "-1", "1e3", "\u00b2"):
        assert ask(guard(body_bytes=10), headers={"content-length": length})[0] == 413
    assert ask(guard(body_bytes=10), headers={"content-length": "11", "expect": "100-continue"})[3] == 0  # not even asked for
    assert ask(guard(body_bytes=10), headers={"content-length": "10"})[0] == 200


def test_a_body_that_does_not_come_is_given_up():
    assert ask(guard(seconds=0.05), body=())[0] == 408


def test_more_requests_than_the_queue_are_told_to_come_back():
    crowded = guard(requests=2)
    crowded.in_hand = 2
    status, headers, _, _ = ask(crowded)
    assert status == 503 and headers[b"retry-after"] == b"1"
    assert ask(crowded, method="GET", path="/health")[0] == 200
    crowded.in_hand = 1
    assert ask(crowded)[0] == 200 and crowded.in_hand == 1


def test_every_answer_carries_the_headers():
    for headers in ({}, {"host": "evil.example"}):
        got = ask(guard(), headers=headers)[1]
        assert got[b"x-content-type-options"] == b"nosniff" and b"frame-ancestors 'none'" in got[b"content-security-policy"] and got[b"x-request-id"]


def test_websockets_are_closed():
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(guard()({"type": "websocket", "path": "/", "headers": []}, None, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]
