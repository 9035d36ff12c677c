"""A bundle over HTTP: one route a verb, on this machine only unless asked otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import ipaddress
import logging
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weft.serve.batching import Batcher
from weft.serve.bundle import Bundle
from weft.serve.guard import Door, Guard
from weft.serve.intake import example, file_fields, from_files, from_json
from weft.serve.limits import Limits, Refused
from weft.serve.page import POLICY, page
from weft.serve.readiness import Readiness

if TYPE_CHECKING:
    from fastapi import FastAPI

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
SHORTEST_TOKEN = 16
log = logging.getLogger("weft.serve")


def application(
    bundle: Bundle, *, token: str | None = None, hosts: Iterable[str] = (), addresses: bool = False, limits: Limits | None = None
) -> FastAPI:
    """The server as an ASGI application: POST to a verb, GET ``/health``, ``/ready``, ``/card``, ``/openapi.json`` and ``/`` to try it.

    A request is one record or a list of records as JSON, or uploaded files where the codec takes one; the answer is
    ``{"predictions": [...]}`` in the same order, or ``{"error": {"status", "message", "request"}}``.
    ``hosts`` are further names that the Host header may have, ``addresses`` lets it be any literal address.
    ``/ready`` is 503 until every verb has given one answer, and again while the server stops.
    Raises ``ImportError`` without the extra ``serve``.
    Use when the server is part of a larger one, or runs under another ASGI server; instead of it, ``serve``.

    >>> from fastapi.testclient import TestClient  # doctest: +SKIP
    >>> TestClient(application(bundle), base_url="http://localhost").post("/predict", json={"text": "good"}).json()  # doctest: +SKIP
    {'predictions': [{'label': 'positive'}]}
    """
    fastapi = _fastapi()
    limits = limits or Limits()
    schemas = {verb: _schema(bundle, verb) for verb in sorted(bundle.networks, key=lambda verb: (verb != "predict", verb))}
    batchers = {verb: Batcher(functools.partial(bundle.answer, verb), limits.batch, limits.wait_ms) for verb in bundle.networks}

    readiness = Readiness(bundle, batchers, schemas)

    @contextlib.asynccontextmanager
    async def life(_: Any) -> AsyncIterator[None]:
        readiness.begin()
        yield
        readiness.stop()
        for batcher in batchers.values():
            await asyncio.to_thread(batcher.close)

    app = fastapi.FastAPI(title="weft", description=bundle.card, docs_url=None, redoc_url=None, lifespan=life)
    app.add_middleware(Guard, door=Door(LOCAL | {name.lower() for name in hosts}, addresses, token), limits=limits)
    app.state.readiness = readiness
    _errors(app)
    for verb, batcher in batchers.items():
        _verb(app, verb, batcher, bundle, limits)
    facts = {"verbs": sorted(bundle.networks), "card": bundle.card, "metrics": bundle.metrics, "signer": bundle.signer, "records": schemas}
    pages = {"/health": {"status": "alive"}, "/ready": readiness.said, "/card": facts}
    for path, said in pages.items():
        app.add_api_route(path, _says(said), methods=["GET"], response_model=None)
    html = page(schemas, bundle.card, token=token is not None)
    shown = functools.partial(fastapi.responses.HTMLResponse, html, headers={"content-security-policy": POLICY})
    app.add_api_route("/", _says(shown), methods=["GET"], response_model=None, include_in_schema=False)
    return app


def serve(
    bundle: Bundle | str | Path,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    own: Mapping[str, type] | None = None,
    token: str | None = None,
    public: bool = False,
    hosts: Iterable[str] = (),
    limits: Limits | None = None,
) -> None:
    """Serve a bundle until SIGTERM or Ctrl-C; requests in hand are finished, new ones refused. ``port=0`` takes a free one.

    Other machines are let in only with ``public=True``, a token of at least 16 characters, and ``hosts`` when the server is reached
    by a name. There is no TLS: put a proxy before it.
    Raises ``OSError`` naming the port that is in use and the next free one, ``ValueError`` for a public address that was not meant,
    ``ImportError`` without the extra ``serve``.
    Use when one machine answers; instead of it, ``application`` under your own server. Cost: one process, the weights once.

    >>> serve("digits.weft", port=8000)  # doctest: +SKIP
    Serving predict at http://127.0.0.1:8000 (open it to try the model; Ctrl-C stops)
    """
    uvicorn = _uvicorn()
    outside = not _is_loopback(host)
    if public and not outside:
        raise ValueError(
            f"A public server cannot be at {host}, which only this machine reaches. Say --host 0.0.0.0 --public --token FILE (host='0.0.0.0',"
            " public=True, token=...) to let other machines in, or leave public out."
        )
    if outside and not public:
        raise ValueError(
            f"{host} can be reached from other machines. Say --public --token FILE (public=True, token=...) if that is meant, or take 127.0.0.1."
        )
    if (token is not None and len(token) < SHORTEST_TOKEN) or (outside and token is None):
        raise ValueError(f"A public server needs a token of at least {SHORTEST_TOKEN} characters, such as secrets.token_urlsafe() gives.")
    limits = limits or Limits()
    opened = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle, own=own)
    app = application(opened, token=token, hosts=[*hosts, *([] if outside else [host])], addresses=outside, limits=limits)
    with contextlib.closing(listen(host, port)) as listening:
        name = f"[{host}]" if ":" in host else host
        where = f"http://{name}:{listening.getsockname()[1]}"
        patience = max(1, round(limits.seconds))
        config = uvicorn.Config(app, log_level="warning", server_header=False, timeout_graceful_shutdown=patience, access_log=False)
        print(f"Serving {', '.join(sorted(opened.networks))} at {where} (open it to try the model; Ctrl-C stops)", flush=True)
        server = uvicorn.Server(config)
        app.state.readiness.leaving = lambda: server.should_exit
        with _stopped_by_signals(server):
            server.run(sockets=[listening])
        print("Stopped.", flush=True)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; a port in use is an ``OSError`` that names the next free one.

    >>> with listen("127.0.0.1", 0) as listening:
    ...     listening.getsockname()[0]
    '127.0.0.1'
    """
    if not 0 <= port <= 65535:
        raise ValueError(f"Port {port} does not exist; expected 0 (any free one) to 65535.")
    try:
        return _bound(host, port)
    except PermissionError as error:
        raise PermissionError(error.errno, f"Port {port} is for the system only; choose one above 1023, such as port=8000.") from error
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise OSError(error.errno, f"Cannot listen on {host}:{port}: {error.strerror}. Give an address of this machine.") from error
        free = next((other for other in range(port + 1, min(port + 200, 65536)) if _is_free(host, other)), 0)
        raise OSError(error.errno, f"Port {port} on {host} is in use. The next free one is {free}: say --port {free} (or port={free}).") from error


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would let two servers share a port
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(128)
    except BaseException:
        made.close()
        raise
    return made


def _is_free(host: str, port: int) -> bool:
    try:
        _bound(host, port).close()
    except OSError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextlib.contextmanager
def _stopped_by_signals(server: Any) -> Iterator[None]:
    """Let SIGTERM and SIGINT mean 'stop in order': before uvicorn listens to them, and when it raises them again after it has stopped."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: setattr(server, "should_exit", True)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _fastapi() -> Any:
    try:
        import fastapi
        import fastapi.responses
        import python_multipart  # noqa: F401 - uploads need it
    except ImportError as error:
        raise ImportError("Serving needs the extra 'serve': pip install 'weft[serve]'") from error
    return fastapi


def _uvicorn() -> Any:
    try:
        import uvicorn
    except ImportError as error:
        raise ImportError("Serving needs the extra 'serve': pip install 'weft[serve]'") from error
    return uvicorn


def _schema(bundle: Bundle, verb: str) -> dict[str, Any]:
    codec = bundle.codec_of(verb)
    schema = codec.schema() if callable(getattr(codec, "schema", None)) else {}
    return {"additionalProperties": not schema.get("properties"), **schema}


def _says(answer: Any) -> Any:
    async def say() -> Any:
        return answer() if callable(answer) else answer

    return say


def _errors(app: FastAPI) -> None:
    """One shape for every refusal, those of the framework too."""
    from fastapi.responses import JSONResponse
    from starlette.exceptions import HTTPException

    async def refused(request: Any, error: Refused) -> JSONResponse:
        return JSONResponse(error.body(request.state.request), error.status, headers=dict(error.headers))

    async def framework(request: Any, error: HTTPException) -> JSONResponse:
        paths = ", ".join(sorted(getattr(route, "path", "") for route in app.routes if hasattr(route, "path")))
        said = {404: f"There is nothing at this path. There is: {paths}.", 405: "This path is not asked in this way (GET or POST)."}
        message = said.get(error.status_code, str(error.detail))
        return await refused(request, Refused(error.status_code, message, error.headers or {}))

    app.add_exception_handler(Refused, refused)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, framework)  # type: ignore[arg-type]


def _verb(app: FastAPI, verb: str, batcher: Batcher, bundle: Bundle, limits: Limits) -> None:
    from fastapi import Request

    schema = _schema(bundle, verb)

    async def ask(request):  # type: ignore[no-untyped-def]
        records = await _records(request, schema, limits)
        try:
            async with asyncio.timeout(limits.seconds):
                encoded = await asyncio.to_thread(_encoded, bundle, verb, records)
                answers = await asyncio.gather(*map(asyncio.wrap_future, batcher.submit(encoded)))
        except TimeoutError as error:
            raise Refused(504, f"The answer took longer than {limits.seconds:g} s.") from error
        except ValueError as error:
            raise Refused(422, str(error)) from error
        except Exception as error:
            log.exception("request %s failed", request.state.request)
            raise Refused(500, "The model failed on this request. The server's log has the reason under the request's id.") from error
        return _json({"predictions": answers}, request.state.request)

    # FastAPI reads the parameter's type; as text it would be looked up among this module's names, where fastapi is not imported
    ask.__annotations__ = {"request": Request}
    said = _described(verb, schema, limits)
    app.add_api_route(f"/{verb}", ask, methods=["POST"], response_model=None, summary=f"{verb} records", name=verb, **said)


def _json(value: Any, request: str) -> Any:
    """JSON or a refusal: a number that JSON cannot hold is the model's failure, not the client's."""
    from fastapi.responses import JSONResponse

    try:
        return JSONResponse(value)
    except (ValueError, TypeError) as error:
        log.exception("request %s: the answer is not JSON", request)
        raise Refused(500, "The model's answer holds NaN, infinity or something that is not JSON.") from error


def _encoded(bundle: Bundle, verb: str, records: list[dict[str, Any]]) -> list[Any]:
    encoded = []
    for index, record in enumerate(records):
        try:
            encoded.append(bundle.encode(record, verb))
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise ValueError(f"Record {index}: {lines[0]}") from error
    return encoded


async def _records(request: Any, schema: Mapping[str, Any], limits: Limits) -> list[dict[str, Any]]:
    """The records of a request, by its content type."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    files = file_fields(schema)
    if kind == "application/json":
        body = await request.body()
        return await asyncio.to_thread(from_json, body, schema, limits)
    if kind == "multipart/form-data" and files:
        async with request.form(max_files=limits.records, max_fields=limits.records) as form:
            text = next((name for name, part in form.multi_items() if isinstance(part, str)), None)
            parts = [(name, await part.read()) for name, part in form.multi_items() if not isinstance(part, str)]
        if text is not None:
            raise Refused(422, f"The part {text[:80]!r} is no file. Upload files as {files[0]!r}, or send JSON for records with more fields.")
        return await asyncio.to_thread(from_files, parts, schema, limits)
    if kind.startswith("image/") and files:
        return await asyncio.to_thread(from_files, [(files[0], await request.body())], schema, limits)
    takes = "application/json" + (", multipart/form-data or an image type" if files else "")
    raise Refused(415, f"The content type {kind[:80]!r} is not taken; send {takes}.")


def _described(verb: str, schema: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """What OpenAPI says of a verb's route."""
    record = dict(schema)
    content: dict[str, Any] = {
        "application/json": {
            "schema": {"oneOf": [record, {"type": "array", "items": record, "minItems": 1, "maxItems": limits.records}]},
            "example": example(schema),
        }
    }
    for name in file_fields(schema)[:1]:
        upload = {"type": "array", "items": {"type": "string", "format": "binary"}, "maxItems": limits.records}
        content["multipart/form-data"] = {"schema": {"type": "object", "properties": {name: upload}, "required": [name]}}
    error = {"type": "object", "properties": {"status": {"type": "integer"}, "message": {"type": "string"}, "request": {"type": "string"}}}
    failed = {"application/json": {"schema": {"type": "object", "properties": {"error": error}, "required": ["error"]}}}
    answers = {"type": "object", "properties": {"predictions": {"type": "array", "items": {"type": "object"}}}, "required": ["predictions"]}
    said = {400: "no JSON", 401: "no token", 403: "not from here", 408: "too slow", 413: "too large", 415: "not this type", 422: "a record is wrong"}
    said |= {500: "the model failed", 503: "busy; see Retry-After", 504: "took too long"}
    responses: dict[int | str, dict[str, Any]] = {status: {"description": text, "content": failed} for status, text in said.items()}
    responses[200] = {"description": f"What {verb} gives for each record, in order", "content": {"application/json": {"schema": answers}}}
    return {"openapi_extra": {"requestBody": {"required": True, "content": content}}, "responses": responses}
