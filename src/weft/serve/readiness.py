"""Whether a server can answer yet: only once every verb has given one answer."""

from __future__ import annotations

import io
import logging
import threading
import wave
from collections.abc import Callable, Mapping
from typing import Any

from weft.serve.batching import Batcher
from weft.serve.bundle import Bundle
from weft.serve.intake import example
from weft.serve.limits import Refused

log = logging.getLogger("weft.serve")


class Readiness:
    """Warms each verb up by one answer in a thread of its own, and says how far that is.

    ``state`` goes from "new" over "warming up" to "ready", or to "failed" when the network cannot compute, and at the end to "stopping".
    A codec that takes no example of its schema leaves its verb cold: nobody knows its records better.
    Use behind ``GET /ready``; instead of it, ``GET /health``, which says only that the process lives. Cost: one answer a verb.
    """

    def __init__(self, bundle: Bundle, batchers: Mapping[str, Batcher], schemas: Mapping[str, Mapping[str, Any]]) -> None:
        self.bundle, self.batchers, self.schemas = bundle, dict(batchers), schemas
        self.state = "new"
        self.guard = threading.Lock()
        self.leaving: Callable[[], bool] = lambda: False  # whether the server has been told to stop

    def begin(self) -> None:
        """Start warming up, once."""
        with self.guard:
            if self.state != "new":
                return
            self.state = "warming up"
        threading.Thread(target=self._warm_up, name="weft-warm-up", daemon=True).start()

    def stop(self) -> None:
        """From now on the answer is no."""
        with self.guard:
            self.state = "stopping"

    def said(self) -> dict[str, str]:
        """``{"status": "ready"}``; raises ``Refused`` (503) while it is not."""
        self.begin()
        state = "stopping" if self.leaving() else self.state
        if state != "ready":
            reason = ": its first answer failed, see the server's log" if state == "failed" else ""
            raise Refused(503, f"The server is not ready ({state}{reason}).", {"retry-after": "1"})
        return {"status": state}

    def _warm_up(self) -> None:
        found = "ready"
        for verb, batcher in self.batchers.items():
            try:
                encoded = self.bundle.encode(sample(self.schemas[verb]), verb)
                batcher.submit([encoded])[0].result()
            except (ValueError, TypeError, KeyError) as error:  # a record that does not fit says nothing about the network
                log.info("%s is not warmed up: no example of its records is known (%s)", verb, error)
            except Exception:
                log.exception("the first answer of %s failed", verb)
                found = "failed"
        with self.guard:
            if self.state == "warming up":
                self.state = found


def sample(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A record that a codec of this schema takes: its example, with a small grey picture or a second of silence where a file is wanted."""
    files = {"image": _picture, "audio": _silence}
    made = example(schema)
    for name, says in schema.get("properties", {}).items():
        kind = str(says.get("contentMediaType", "")).partition("/")[0]
        if kind in files:
            made[name] = files[kind]()
    return made


def _picture() -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.new("L", (32, 32), 128).save(file, "PNG")
    return file.getvalue()


def _silence() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(bytes(2 * 16_000))
    return file.getvalue()
