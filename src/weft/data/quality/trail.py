"""A record of every change of a data set that nobody can rewrite unnoticed: each entry holds the hash of the one before."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

START = "0" * 64


@dataclass(frozen=True)
class Change:
    """One entry: when, who, what was done and why, the version of the data before and after, and the hash of the entry before."""

    time: str
    who: str
    what: str
    reason: str
    before: str
    after: str
    previous: str

    @property
    def hash(self) -> str:
        """SHA-256 of the entry, which the next one carries."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


class AuditTrail:
    """An append-only file of changes (JSON lines), chained by hashes.

    ``add`` checks that the change starts from the version at which the last one ended, and is on disk when it returns. ``verify`` reads all
    and raises ValueError at the first line that was altered, removed, put in or moved; what was cut off at the end is seen by comparing
    ``head`` with a hash kept elsewhere (``verify(head=…)``).

    Use beside a ``Manifest`` for data that are cleaned over time; cost: one line for each change.

    >>> import tempfile
    >>> trail = AuditTrail(Path(tempfile.mkdtemp(), "trail.jsonl"))
    >>> _ = trail.add("anna", "removed 3 blurred pictures", "v0", "v1", reason="unreadable for people too")
    >>> trail.version, len(trail.verify())
    ('v1', 1)
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def add(self, who: str, what: str, before: str, after: str, *, reason: str = "") -> Change:
        """Append a change from one version of the data to another; raises ValueError when the last one ended at another version."""
        changes = self.verify()
        if changes and changes[-1].after != before:
            last = changes[-1].after
            raise ValueError(f"The trail ends at version {last!r}, but the change starts from {before!r}; a change in between is not recorded")
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        change = Change(now, who, what, reason, before, after, changes[-1].hash if changes else START)
        line = json.dumps(asdict(change) | {"hash": change.hash}) + "\n"
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, line.encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        return change

    def verify(self, head: str | None = None) -> list[Change]:
        """All changes, after a check of the chain; ``head`` is the hash that the last one must have."""
        changes = list(self._read())
        if head is not None and (changes[-1].hash if changes else START) != head:
            raise ValueError(f"{str(self.path)!r} does not end with the entry {head[:12]}…; entries are missing at its end, or it was written anew")
        return changes

    def _read(self) -> Iterator[Change]:
        previous, version = START, None
        if not self.path.exists():
            return
        for number, line in enumerate(self.path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                data = json.loads(line)
                told = data.pop("hash")
                change = Change(**data)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise ValueError(f"{str(self.path)!r}, line {number} is no entry: {error}") from error
            if change.hash != told or change.previous != previous or (version is not None and change.before != version):
                what = "the chain is broken here; this entry, or one before it, was altered, removed or moved"
                raise ValueError(f"{str(self.path)!r}, line {number}: {what}")
            previous, version = change.hash, change.after
            yield change

    @property
    def head(self) -> str:
        """The hash of the last entry, to be kept elsewhere."""
        changes = self.verify()
        return changes[-1].hash if changes else START

    @property
    def version(self) -> str | None:
        """The version of the data after all changes; None before the first."""
        changes = self.verify()
        return changes[-1].after if changes else None
