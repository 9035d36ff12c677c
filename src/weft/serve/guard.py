"""The door of the server: who may come in, and with how much."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from weft.serve.limits import Limits, Refused

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

OPEN = ("/", "/health", "/ready")  # paths that want no token: they say nothing of the model
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


@dataclass(frozen=True)
class Door:
    """Whom the server answers: by names in the Host header, and by a token where one is set."""

    hosts: frozenset[str] = frozenset()
    addresses: bool = False  # any literal address as Host: a page of another site cannot have one, its name is what the browser sends
    token: str | None = None


@dataclass
class Guard:
    """ASGI middleware that refuses before the application sees a request.

    Host must be a name of this server, so that no foreign page reaches it by pointing its own name here (DNS rebinding); Origin,
    where a browser sends it, must be the same host. Bodies are counted while they stream in.
    Use around every application that weft serves; cost: a few comparisons a request.
    """

    app: Callable[[Message, Receive, Send], Awaitable[None]]
    door: Door
    limits: Limits
    in_hand: int = field(default=0, init=False)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        request = secrets.token_hex(8)
        scope.setdefault("state", {})["request"] = request
        answer = _with_headers(send, request)
        changes = scope["method"] not in ("GET", "HEAD")
        try:
            self._check(scope, changes)
        except Refused as refused:
            await _refuse(refused, request, scope, receive, answer, self.limits)
            return
        self.in_hand += changes
        try:
            await self.app(scope, _counted(receive, self.limits), answer)
        finally:
            self.in_hand -= changes

    def _check(self, scope: Message, changes: bool) -> None:
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        host = _only(headers, "host")
        if host is None or not self._knows(host):
            raise Refused(403, f"The Host header {(host or '')[:100]!r} is no name of this server. Say hosts=[...] when it has other names.")
        origin = _only(headers, "origin")
        if origin is not None and (urlsplit(origin).scheme not in ("http", "https") or urlsplit(origin).netloc.lower() != host.lower()):
            raise Refused(403, f"A page of {origin[:100]!r} may not ask this server.")
        if changes and headers.get("sec-fetch-site", ["none"])[0] in ("cross-site", "same-site"):
            raise Refused(403, "A page of another site may not ask this server.")
        if self.door.token is not None and scope["path"] not in OPEN:
            came = _only(headers, "authorization") or ""
            if not hmac.compare_digest(came.encode(), f"Bearer {self.door.token}".encode()):
                raise Refused(401, "This server wants a token: send the header 'Authorization: Bearer TOKEN'.", {"www-authenticate": "Bearer"})
        if changes and self.in_hand >= self.limits.requests:
            raise Refused(503, f"{self.in_hand} requests are in hand already; try again soon.", {"retry-after": "1"})
        length = _only(headers, "content-length")
        if length is not None and (not length.isascii() or not length.isdigit() or int(length[:20]) > self.limits.body_bytes):
            raise _too_large(self.limits)

    def _knows(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self.door.hosts:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return self.door.addresses or address.is_loopback


def _only(headers: dict[str, list[str]], name: str) -> str | None:
    """A header that may stand once; two that differ are an attempt at something."""
    values = headers.get(name, [])
    if len(values) > 1:
        raise Refused(400, f"The header {name} stands {len(values)} times.")
    return values[0] if values else None


def _too_large(limits: Limits) -> Refused:
    return Refused(413, f"The body is larger than the {limits.body_bytes:,} bytes that are taken.", {"connection": "close"})


def _counted(receive: Receive, limits: Limits) -> Receive:
    """The same stream, refused past its limit of bytes and of seconds."""
    size, until = 0, time.monotonic() + limits.seconds

    async def counted() -> Message:
        nonlocal size
        try:
            message = await asyncio.wait_for(receive(), max(0.0, until - time.monotonic()) if size >= 0 else None)
        except TimeoutError as error:
            raise Refused(408, f"The body did not arrive within {limits.seconds:g} s.", {"connection": "close"}) from error
        if message["type"] == "http.request" and size >= 0:
            size += len(message.get("body", b""))
            if size > limits.body_bytes:
                if message.get("more_body"):
                    await _drain(receive, limits)
                raise _too_large(limits)
            if not message.get("more_body"):
                size = -1  # the body is in: what is received from now on is only the client's leaving, which may take any time
        return message

    return counted


async def _drain(receive: Receive, limits: Limits) -> None:
    """Let a client finish a body that is not wanted, within reason: one that is still sending would not read the answer."""
    left = 8 * limits.body_bytes
    with suppress(TimeoutError):
        async with asyncio.timeout(limits.seconds):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b"")) + 1
                if message["type"] != "http.request" or not message.get("more_body"):
                    return


async def _refuse(refused: Refused, request: str, scope: Message, receive: Receive, send: Send, limits: Limits) -> None:
    names = {name.lower(): value for name, value in scope["headers"]}
    if scope["method"] not in ("GET", "HEAD") and b"expect" not in names:
        await _drain(receive, limits)
    body = json.dumps(refused.body(request)).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), **refused.headers}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refused.status, "headers": raw})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _with_headers(send: Send, request: str) -> Send:
    """Every answer says that it is not to be guessed at, framed, kept, or run."""

    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            raw: Iterable[tuple[bytes, bytes]] = message.get("headers", [])
            present = {name.lower() for name, _ in raw}
            added = [(k.encode(), v.encode()) for k, v in {**HEADERS, "x-request-id": request}.items() if k.encode() not in present]
            message = {**message, "headers": [*raw, *added]}
        await send(message)

    return answer
