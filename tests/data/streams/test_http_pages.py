"""Pages over HTTP from a server on loopback: outages, restarts, and answers that are no pages."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from weft.data import Away, HTTPPages, Patience


@pytest.fixture
def server():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            place = urlsplit(self.path)
            cursor = int(parse_qs(place.query).get("cursor", ["0"])[0])
            self.server.asked.append((cursor, self.headers.get("X-Key")))
            if self.server.fails:
                self.server.fails -= 1
                self.send_error(503)
                return
            if place.path == "/gone":
                self.send_error(404)
                return
            page = {"records": [{"x": 3 * cursor + i} for i in range(3)], "next": cursor + 1 if cursor < 3 else None}
            body = b"<html>" if place.path == "/html" else json.dumps(page).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_): ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.fails = [], 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def pages(server, path="/?size=3", **arguments):
    return HTTPPages(f"http://127.0.0.1:{server.server_port}{path}", patience=Patience(1.0, sleep=lambda s: None), **arguments)


@pytest.mark.parametrize("stop", [0, 1, 3, 7, 12])
def test_any_position_can_be_gone_on_from(server, stop):
    """HTTPPages, property: every record once over a restart, through an outage, and again in the next pass."""
    flow = pages(server, headers={"X-Key": "k"})
    running = iter(flow)
    begun = [next(running)["x"] for _ in range(stop)]
    server.fails = 2
    other = pages(server)
    other.load_state_dict(flow.state_dict())
    assert begun + [record["x"] for record in other] == list(range(12))
    assert [record["x"] for record in other] == list(range(12))
    assert not stop or server.asked[0] == (0, "k")


def test_answers_that_are_no_pages_are_named(server):
    with pytest.raises(ValueError, match="answered 404 Not Found; check the address"):
        list(pages(server, "/gone"))
    with pytest.raises(ValueError, match="gave a page that cannot be read"):
        list(pages(server, "/html"))
    server.fails = 10**6
    with pytest.raises(Away, match="503"):
        list(pages(server))
    with pytest.raises(ValueError, match="no http or https address"):
        HTTPPages("file:///etc/passwd")
