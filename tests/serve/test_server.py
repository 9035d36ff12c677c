"""Contract and hostile input: the server answers as the bundle does, and refuses the rest in one clear shape."""

from __future__ import annotations

import base64
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from torch import nn

pytest.importorskip("fastapi")
pytest.importorskip("httpx")

import httpx

from tests.serve.conftest import OWN, RECORDS, client, error, png
from weft.data import TableCodec
from weft.serve import Bundle, Limits, application, serve
from weft.serve.server import listen
from weft.serve.values import Values

pytestmark = pytest.mark.filterwarnings("ignore:Using `httpx`")
ROOT = Path(__file__).parents[2]


def same(answers, expected):
    """Equal but for the last bits, which the size of a batch may change."""
    assert len(answers) == len(expected)
    for answer, wanted in zip(answers, expected, strict=True):
        for name, value in wanted.items():
            assert answer[name] == (pytest.approx(value, abs=1e-6) if isinstance(value, float | dict) else value)


def until_ready(asking):
    """What ``/ready`` says when it no longer says 503."""
    for _ in range(1000):
        reply = asking.get("/ready")
        if reply.status_code != 503:
            return reply.json()
        time.sleep(0.01)
    raise AssertionError(reply.text)


def test_the_server_answers_as_the_bundle(bundle):
    """Contract: one record, a list and an envelope over HTTP equal predict in process, in order."""
    with client(application(bundle)) as asking:
        same(asking.post("/predict", json=RECORDS[0]).json()["predictions"], bundle.predict(RECORDS[:1]))
        same(asking.post("/predict", json=RECORDS).json()["predictions"], bundle.predict(RECORDS))
        same(asking.post("/predict", json={"records": RECORDS}).json()["predictions"], bundle.predict(RECORDS))


def test_a_picture_by_four_routes_is_one_answer(pictures):
    """Contract: upload, base64, data URL and raw bytes of one picture give equal answers."""
    expected, text = pictures.predict([{"image": png()}]), base64.b64encode(png()).decode()
    with client(application(pictures)) as asking:
        replies = [
            asking.post("/predict", files={"image": ("a.png", png(), "image/png")}),
            asking.post("/predict", json={"image": text}),
            asking.post("/predict", json=[{"image": "data:image/png;base64," + text}]),
            asking.post("/predict", content=png(), headers={"content-type": "image/png"}),
        ]
        for reply in replies:
            assert reply.status_code == 200, reply.text
            assert reply.json()["predictions"][0]["label"] == expected[0]["label"]
            assert reply.json() == replies[0].json()
        two = asking.post("/predict", files=[("image", ("a", png(), "")), ("image", ("b", png(9, 9, 3), ""))])
        assert len(two.json()["predictions"]) == 2


def test_concurrent_requests_get_the_own_answer(bundle):
    """Contract: 100 requests at once equal 100 single answers, in fewer calls of the network."""
    calls = []
    counting = bundle.networks["predict"].register_forward_pre_hook(lambda _, inputs: calls.append(len(inputs[0])))
    records = [{"height": float(number), "weight": -number / 3} for number in range(100)]
    expected = bundle.predict(records, batch_size=1)
    with client(application(bundle, limits=Limits(wait_ms=50, requests=200))) as asking, ThreadPoolExecutor(20) as pool:
        until_ready(asking)
        calls.clear()
        replies = list(pool.map(lambda record: asking.post("/predict", json=record).json(), records))
    same([reply["predictions"][0] for reply in replies], expected)
    counting.remove()
    assert sum(calls) == 100 and len(calls) < 50


def test_one_bad_record_does_not_spoil_its_neighbours(bundle):
    class Fragile(nn.Module):
        def forward(self, x):
            if (x > 99).any():
                raise RuntimeError("secret detail of /home/me")
            return x

    fragile = Bundle({"predict": Fragile()}, Values())
    with client(application(fragile, limits=Limits(wait_ms=100))) as asking, ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda value: asking.post("/predict", json={"input": [value]}), [1.0, 100.0, 2.0, 3.0]))
        assert [reply.status_code for reply in replies] == [200, 422, 200, 200]
        assert replies[2].json() == {"predictions": [{"output": [2.0]}]}


def test_a_row_may_have_more_columns_than_the_model_uses(tmp_path):
    """Contract: over HTTP as on the command line, further columns of a table's row change nothing, the target's neither; a lacking one is named."""
    rows = [{"age": 20 + i, "city": ("Rome", "Oslo")[i % 2], "buys": ("no", "yes")[i // 3]} for i in range(6)]
    codec = TableCodec("buys").fit(rows)
    rowwise = Bundle({"predict": nn.Linear(codec.num_features, 2)}, codec)
    with client(application(rowwise)) as asking:
        plain = asking.post("/predict", json={"age": 30, "city": "Rome"}).json()
        further = {"age": 30, "city": "Rome", "name": "Ada", "tags": [1, {"deep": None}], "buys": "perhaps"}
        assert asking.post("/predict", json=further).json() == plain and "predictions" in plain
        described = asking.get("/openapi.json").json()["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert described["oneOf"][0]["additionalProperties"] is True
        assert error(asking.post("/predict", json={"age": 30, "citty": "Rome"}), 422) == "Record 0 lacks 'city'. Did you mean 'citty'?"


def test_malformed_requests_are_refused_in_one_shape(bundle, pictures):
    """Hostile input: wrong bodies, types, fields and paths; each a 4xx that says what was wrong."""
    as_json = {"content-type": "application/json"}
    with client(application(bundle)) as asking:
        assert "not JSON" in error(asking.post("/predict", content=b'{"height": 1,', headers=as_json), 400)
        assert "nested too deep" in error(asking.post("/predict", content=b"[" * 100_000, headers=as_json), 400)
        assert "Did you mean 'height'" in error(asking.post("/predict", json=[RECORDS[0], {"heigth": 1, "weight": 2}]), 422)
        assert "Record 0: height is of type string; expected number." in error(asking.post("/predict", json={"height": "1", "weight": 2}), 422)
        for kind in ("text/plain", "application/x-www-form-urlencoded", "image/png", "multipart/form-data; boundary=x", ""):
            assert "is not taken" in error(asking.post("/predict", content=b"{}", headers={"content-type": kind}), 415)
        assert "There is: /" in error(asking.get("/../../etc/passwd"), 404)
        error(asking.post("/embed", json=RECORDS), 404)
        error(asking.get("/predict"), 405)
        error(asking.post("/health"), 405)
    with client(application(pictures)) as asking:
        error(asking.post("/predict", content=b"junk", headers={"content-type": "multipart/form-data; boundary=x"}), 400)
        error(asking.post("/predict", content=b"--x\r\njunk", headers={"content-type": "multipart/form-data; boundary=x"}), 422)
        error(asking.post("/predict", content=b"--x", headers={"content-type": "multipart/form-data"}), 400)
        assert "no file" in error(asking.post("/predict", files={"image": (None, "text")}), 422)
        assert "'photo'; expected 'image'" in error(asking.post("/predict", files={"photo": ("a.png", png())}), 422)
        assert "not a readable picture" in error(asking.post("/predict", files={"image": ("a.png", b"junk")}), 422)
        assert "damaged" in error(asking.post("/predict", files={"image": ("a.png", png(64, 64)[:-30])}), 422)
        assert "never read" in error(asking.post("/predict", json={"image": "/etc/passwd!"}), 422)
        assert "Too many files" in error(asking.post("/predict", files=[("image", ("a", png()))] * 65), 400)


def test_20_mb_and_a_bomb_are_413(bundle, pictures):
    """Hostile input: a large body, declared or streamed, and a picture of 56 million pixels in 60 kB."""

    def stream():
        for _ in range(20):
            yield b" " * 1_000_000

    as_json = {"content-type": "application/json"}
    with client(application(bundle)) as asking:
        assert "10,000,000" in error(asking.post("/predict", content=b" " * 20_000_000, headers=as_json), 413)
        assert "10,000,000" in error(asking.post("/predict", content=stream(), headers=as_json), 413)
        error(asking.post("/predict", json=[RECORDS[0]] * 65), 413)
    with client(application(pictures)) as asking:
        assert "pixels" in error(asking.post("/predict", files={"image": ("bomb.png", png(8_000, 7_000, 0))}), 413)


def test_other_hosts_and_origins_are_refused(bundle):
    with client(application(bundle, hosts=["Model.Example"])) as asking:
        error(asking.get("/card", headers={"host": "evil.example"}), 403)
        error(asking.post("/predict", json=RECORDS, headers={"origin": "https://evil.example"}), 403)
        assert asking.post("/predict", json=RECORDS, headers={"host": "model.example", "origin": "https://model.example"}).status_code == 200


def test_a_token_is_wanted_where_one_is_set(bundle):
    with client(application(bundle, token="a-long-enough-token")) as asking:
        error(asking.post("/predict", json=RECORDS), 401)
        assert asking.post("/predict", json=RECORDS, headers={"authorization": "Bearer a-long-enough-token"}).status_code == 200
        assert asking.get("/health").json() == {"status": "alive"}


def test_ready_comes_after_the_first_answer_and_goes_with_the_signal(bundle):
    """Contract: 503 while the network computes its first answer, 200 then, 503 once the server is told to stop and after it has."""
    go, begun = threading.Event(), threading.Event()

    def wait(*_):
        begun.set()
        go.wait(20)

    slow = bundle.networks["predict"].register_forward_pre_hook(wait)
    app = application(bundle)
    try:
        with client(app) as asking:
            assert begun.wait(10)
            reply = asking.get("/ready")
            assert "not ready (warming up)" in error(reply, 503) and reply.headers["retry-after"] == "1"
            assert asking.get("/health").status_code == 200
            go.set()
            assert until_ready(asking) == {"status": "ready"}
            app.state.readiness.leaving = lambda: True
            assert "stopping" in error(asking.get("/ready"), 503)
            app.state.readiness.leaving = lambda: False
            assert asking.get("/ready").status_code == 200
    finally:
        go.set()
        slow.remove()
    assert "stopping" in error(client(app).get("/ready"), 503)


def test_health_card_page_and_description(bundle):
    with client(application(bundle)) as asking:
        assert until_ready(asking) == {"status": "ready"}
        card = asking.get("/card").json()
        assert card["verbs"] == ["predict"] and card["metrics"] == {"val/accuracy": 0.9}
        shown = asking.get("/")
        assert "script-src 'sha256-" in shown.headers["content-security-policy"] and "Try this model" in shown.text
        described = asking.get("/openapi.json").json()["paths"]["/predict"]["post"]
        content = described["requestBody"]["content"]["application/json"]
        assert content["schema"]["oneOf"][0]["properties"]["height"]["type"] == "number"
        assert {"200", "413", "422", "503"} <= set(described["responses"])
        assert asking.post("/predict", json=content["example"]).status_code == 200
        assert asking.get("/docs").status_code == 404  # its page would load a script from elsewhere


def test_what_fails_within_is_500_without_a_trace(caplog):
    class Broken(nn.Module):
        def forward(self, x):
            raise OSError("secret detail of /home/me")

    class Blank(nn.Module):
        def forward(self, x):
            return {"output": x, "note": [float("nan")] * len(x)}

    with client(application(Bundle({"predict": Broken(), "embed": Blank()}, Values()))) as asking:
        said = error(asking.post("/predict", json={"input": [1.0]}), 500)
        assert "secret" not in said
        reply = asking.post("/embed", json={"input": [1.0]})
        error(reply, 500)
        assert reply.json()["error"]["request"] in caplog.text and "secret detail" in caplog.text


def test_slow_is_504_and_a_full_queue_503():
    go, arrived = threading.Event(), threading.Event()

    class Slow(nn.Module):
        def forward(self, x):
            if x.shape[1] == 1:  # not the record by which the server warms up
                arrived.set()
                go.wait(20)
            return x

    with client(application(Bundle({"predict": Slow()}, Values()), limits=Limits(seconds=0.3, requests=1))) as asking, ThreadPoolExecutor(1) as pool:
        first = pool.submit(asking.post, "/predict", json={"input": [1.0]})
        assert arrived.wait(10)
        full = asking.post("/predict", json={"input": [1.0]})
        assert "try again" in error(full, 503) and full.headers["retry-after"] == "1"
        assert "longer than 0.3 s" in error(first.result(10), 504)
        go.set()


def test_a_public_server_is_meant_and_has_a_token(bundle):
    for host in ("0.0.0.0", "10.1.2.3", "::", "my.machine"):
        with pytest.raises(ValueError, match="public=True"):
            serve(bundle, host=host, port=0)
    for token in (None, "short"):
        with pytest.raises(ValueError, match="at least 16 characters"):
            serve(bundle, host="0.0.0.0", port=0, public=True, token=token)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
@pytest.mark.parametrize("token", [None, "a-token-that-is-long-enough"])
def test_public_at_an_address_of_this_machine_alone_is_refused(bundle, host, token):
    with pytest.raises(ValueError, match=r"only this machine reaches\. Say --host 0\.0\.0\.0 --public --token FILE"):
        serve(bundle, host=host, port=0, public=True, token=token)


def test_a_port_in_use_is_named_with_the_next_free_one(bundle):
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"Port {port} on 127\.0\.0\.1 is in use\. The next free one is (\d+): say --port") as caught:
            serve(bundle, port=port)
        assert int(str(caught.value).split("--port ")[1].split()[0]) > port
    for port in (-1, 65536):
        with pytest.raises(ValueError, match="does not exist"):
            listen("127.0.0.1", port)
    with pytest.raises(OSError, match="address of this machine"):
        listen("203.0.113.1", 0)


PROGRAM = """
import sys, time
import torch
from tests.serve.conftest import OWN
from weft.serve import Bundle, Limits, serve

bundle = Bundle.open(sys.argv[1], own=OWN)
def slowly(_, inputs):
    if float(inputs[0][0, 0]) == 77:
        print("computing", flush=True)
        time.sleep(1)
bundle.networks["predict"].register_forward_pre_hook(slowly)
serve(bundle, port=0, limits=Limits(wait_ms=0))
print("left in order", flush=True)
"""


@contextlib.contextmanager
def running(path):
    """The server as its own process; where it says that it is."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(path)], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        said = process.stdout.readline()
        assert "Serving predict at http://127.0.0.1:" in said, said + process.stderr.read()
        yield process, said.split(" at ")[1].split()[0]
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_after_the_requests_in_hand(saved, bundle, number):
    """Contract: a real server process answers, gets the signal in mid-request, finishes it, refuses new ones and leaves with 0."""
    with running(saved) as (process, where), ThreadPoolExecutor(1) as pool:
        same(httpx.post(where + "/predict", json=RECORDS).json()["predictions"], bundle.predict(RECORDS))
        large = httpx.post(where + "/predict", content=b" " * 20_000_000, headers={"content-type": "application/json"}, timeout=30)
        assert "10,000,000" in error(large, 413)
        slow = pool.submit(httpx.post, where + "/predict", json={"height": 77.0, "weight": 1.0}, timeout=30)
        assert process.stdout.readline() == "computing\n"
        process.send_signal(number)
        assert slow.result(30).status_code == 200
        out, err = process.communicate(timeout=30)
        assert process.returncode == 0 and "left in order" in out and "Traceback" not in err, err
        with pytest.raises(httpx.ConnectError):
            httpx.get(where + "/health")


def test_a_client_that_leaves_and_one_that_never_speaks_do_no_harm(saved):
    with running(saved) as (_, where):
        host, port = where.removeprefix("http://").split(":")
        for sent in (
            b"",
            b"POST /predict HTTP/1.1\r\n",
            b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
            b"\x16\x03\x01\x00",
            b"\r\n" * 1000,
        ):
            with socket.create_connection((host, int(port)), timeout=5) as connection:
                connection.sendall(sent)
        assert httpx.get(where + "/health").json() == {"status": "alive"}
        reply = httpx.post(where + "/predict", json=RECORDS, headers={"host": "rebound.example"})
        assert error(reply, 403)


def test_without_the_extra_the_remedy_is_said(bundle, monkeypatch):
    monkeypatch.setitem(sys.modules, "fastapi", None)
    with pytest.raises(ImportError, match=r"pip install 'weft\[serve\]'"):
        application(bundle)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ImportError, match=r"pip install 'weft\[serve\]'"):
        serve(bundle)


def test_serve_opens_a_path(saved, capsys):
    """In a thread no signal reaches it, so it is stopped from within: the path is opened with the classes that were given."""
    with pytest.raises(ValueError, match="by a name read from a file"):
        serve(saved, port=0)
    with pytest.raises(FileNotFoundError, match="no bundle"):
        serve(saved.parent / "none.weft", port=0, own=OWN)
    assert capsys.readouterr().out == ""
