"""Records of a web service that gives them page by page."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from weft.data.contracts import Record
from weft.data.streams.patience import Patience

MOST = 64 << 20  # bytes of one page
Page = tuple[list[Record], Any]


class HTTPPages:
    """Records from JSON pages; the position is the cursor of the page under way and how many of its records were given out.

    ``read(page)`` returns the records of a parsed page and the next page's cursor, None at the end (default: the keys "records" and "next").
    The first page is asked for without a cursor, the others with ``{cursor}=…`` added to the address. A page is asked for again, with growing
    pauses, when the server is away or answers 429 or 5xx.
    Errors: ``ValueError`` for another answer (with its status) or a page that is no JSON of the expected form; ``Away`` when patience ends.
    Use when a service offers its data in pages; instead of it, ``Remote`` for whole files. Cost: one request a page.

    >>> flow = HTTPPages("https://example.org/records?size=2")
    >>> flow.state_dict()
    {'at': None, 'given': 0, 'over': False}
    """

    def __init__(
        self, url: str, *, cursor: str = "cursor", read: Callable[[Any], Page] | None = None, headers: Mapping[str, str] | None = None,
        timeout: float = 30.0, patience: Patience | None = None,
    ) -> None:  # fmt: skip
        if urlsplit(url).scheme not in ("http", "https"):
            raise ValueError(f"{url!r} is no http or https address")
        self.url, self.cursor, self.read, self.headers, self.timeout = url, cursor, read or records_and_next, dict(headers or {}), timeout
        self.patience = patience or Patience()
        self.at: Any = None
        self.given = 0
        self.over = False

    def __iter__(self) -> Iterator[Record]:
        while not self.over:
            records, following = self._page()
            for record in records[self.given :]:
                self.given += 1
                yield record
            self.at, self.given, self.over = following, 0, following is None
        self.at, self.given, self.over = None, 0, False

    def _page(self) -> Page:
        url = self.url
        if self.at is not None:
            url += ("&" if urlsplit(url).query else "?") + urlencode({self.cursor: self.at})
        body = self.patience(lambda: self._asked(url), self.url, (urllib.error.URLError, ConnectionError, TimeoutError))
        try:
            return self.read(json.loads(body))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{url} gave a page that cannot be read ({type(error).__name__}: {error}): {body[:80]!r}") from error

    def _asked(self, url: str) -> bytes:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=self.headers), timeout=self.timeout) as answer:  # noqa: S310 - checked
                body = answer.read(MOST + 1)
        except urllib.error.HTTPError as error:
            if error.code == 429 or error.code >= 500:
                raise
            raise ValueError(f"{url} answered {error.code} {error.reason}; check the address and the credentials") from error
        if len(body) > MOST:
            raise ValueError(f"{url} gave a page of more than {MOST:,} bytes; ask for smaller ones")
        return body

    def state_dict(self) -> dict[str, Any]:
        return {"at": self.at, "given": self.given, "over": self.over}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.at, self.given, self.over = state["at"], state["given"], state["over"]


def records_and_next(page: Any) -> Page:
    """The keys "records" and "next" of a page.

    >>> records_and_next({"records": [{"x": 1}], "next": None})
    ([{'x': 1}], None)
    """
    return list(page["records"]), page.get("next")
