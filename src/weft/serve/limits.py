"""How much a request may ask for, and the refusal that says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields


@dataclass(frozen=True)
class Limits:
    """What the server takes on: sizes are checked before anything is decoded, the rest before anything is computed.

    ``body_bytes`` of a request, ``pixels`` of a picture, ``records`` and ``characters`` (of one text) in a request, ``requests`` in hand
    at once (more get 503), ``seconds`` for a request, ``batch`` records computed together, ``wait_ms`` that the first waits for others.
    Raises ``ValueError`` for a limit that nothing could pass.

    >>> Limits(body_bytes=1_000_000).records
    64
    """

    body_bytes: int = 10_000_000
    pixels: int = 50_000_000
    records: int = 64
    characters: int = 1_000_000
    requests: int = 64
    seconds: float = 30.0
    batch: int = 32
    wait_ms: float = 2.0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not isinstance(value, int | float) or isinstance(value, bool) or value < 0 or (value == 0 and item.name != "wait_ms"):
                raise ValueError(f"The limit {item.name} is {value!r}; expected a positive number.")


@dataclass(eq=False)
class Refused(Exception):
    """A request that is not answered: the status, and one sentence for whoever sent it."""

    status: int
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, request: str) -> dict[str, dict[str, object]]:
        """The one shape of all errors; ``request`` is the id under which the log has the rest."""
        return {"error": {"status": self.status, "message": self.message.encode("utf-8", "replace").decode(), "request": request}}
