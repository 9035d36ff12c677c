"""Records that are read and decoded once: kept in memory, on disk, or both."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors.torch import load, save
from torch import Tensor

from weft.data.contracts import Record, Source
from weft.data.paths import held
from weft.data.state_files import pack, unpack
from weft.data.views import key as key_of

LOCK_SECONDS = 30.0  # after which another process's claim on a record counts as abandoned


class CachedSource:
    """A source whose records come from memory or a folder once they have been made by ``make(record)``.

    ``make`` does the slow part, such as ``codec.encode`` or decoding a picture to a uint8 tensor; it must not be random, since what it made
    is kept: tensors and JSON values. ``memory`` bounds the bytes of tensors kept in this process, ``policy`` says who goes when it is full:
    "lru" (longest unused), "lfu" (least often used), "fifo" (oldest). ``folder`` keeps records in files, checksummed and put in place whole,
    and shares them between processes: each record is made by one of them. An entry belongs to the record's key, to the size and time of the
    files that the record names, and to ``version``: give another one when ``make`` has changed.
    ``disk`` bounds the bytes of the folder, whoever writes there: the records that were longest unused ("fifo": made first) make room, and one
    that is larger than all of it is not kept. ``hits``, ``found`` (on disk) and ``made`` count what this process did. Given records are copies,
    so changing one harms nobody.
    Errors: ``ValueError`` for a negative size or an unknown policy; a damaged file is made anew.
    Use when decoding costs more than reading; with worker processes give a folder and ``memory=0``, since memory is each process's own.
    Instead of it, ``workers`` when the processor has time left. Cost: the bytes of decoded records.

    >>> import torch
    >>> source = CachedSource([{"x": 1}, {"x": 2}], lambda record: {"input": torch.tensor([record["x"]])})
    >>> [source[i]["input"].item() for i in (0, 1, 0)], (source.hits, source.made)
    ([1, 2, 1], (1, 2))
    """

    def __init__(
        self, source: Source, make: Callable[[Record], Record], *,
        memory: int = 1 << 30, policy: str = "lru", folder: str | Path | None = None, disk: int | None = None, version: str = "1",
    ) -> None:  # fmt: skip
        if memory < 0 or policy not in ("lru", "lfu", "fifo"):
            raise ValueError(f"memory={memory}, policy={policy!r}; expected 0 bytes or more, and 'lru', 'lfu' or 'fifo'")
        self.source, self.make, self.memory, self.policy, self.version = source, make, memory, policy, version
        if disk is not None and (disk < 1 or folder is None or policy == "lfu"):
            raise ValueError(f"disk={disk}, folder={folder!r}, policy={policy!r}; expected at least 1 byte, a folder, and 'lru' or 'fifo'")
        self.folder, self.disk = None if folder is None else Path(folder), disk
        self.hits = self.found = self.made = self.bytes = 0
        self.kept: OrderedDict[int, Record] = OrderedDict()  # oldest use first ("fifo": oldest entry)
        self.uses: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self.source)

    def key(self, i: int) -> str:
        """The record's name in the source."""
        return key_of(self.source, i)

    def __getitem__(self, i: int) -> Record:
        if not -len(self) <= i < len(self):
            raise IndexError(f"Record {i} of {len(self)}")
        i %= len(self)
        if i in self.kept:
            self.hits += 1
            self.uses[i] += 1
            if self.policy == "lru":
                self.kept.move_to_end(i)
            return copied(self.kept[i])
        record = self._made(i) if self.folder is None else self._stored(i)
        self._keep(i, record)
        return copied(record)

    def _made(self, i: int) -> Record:
        self.made += 1
        return self.make(self.source[i])

    def _keep(self, i: int, record: Record) -> None:
        size = tensor_bytes(record)
        if size > self.memory:
            return
        while self.bytes + size > self.memory:
            # min takes the first of equals, so the one that has waited longest among the least used
            out = min(self.kept, key=self.uses.__getitem__) if self.policy == "lfu" else next(iter(self.kept))
            self.bytes -= tensor_bytes(self.kept.pop(out))
            del self.uses[out]
        self.kept[i], self.uses[i], self.bytes = record, 1, self.bytes + size

    def _stored(self, i: int) -> Record:
        """From the folder; made there by whoever comes first."""
        assert self.folder is not None
        what = f"{self.version}\0{self.key(i)}\0{files_of(self.source[i])}"
        name = hashlib.blake2b(what.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        path = self.folder / name[:2] / f"{name}.safetensors"
        record = read_record(path)
        if record is not None:
            self.found += 1
            if self.disk is not None and self.policy == "lru":
                with contextlib.suppress(FileNotFoundError):  # another process has just made room with it
                    os.utime(path)
            return record
        path.parent.mkdir(parents=True, exist_ok=True)
        claim = path.with_suffix(".making")
        mine = claimed(claim)
        record = read_record(path) if mine else awaited(path, claim)  # it may have come between the look and the claim
        if record is not None:
            self.found += 1
            if mine:
                claim.unlink(missing_ok=True)
            return record
        try:
            record = self._made(i)
            self._publish(path, record)
        finally:
            claim.unlink(missing_ok=True)
        return record

    def _publish(self, path: Path, record: Record) -> None:
        """Put a record into the folder, within its bound."""
        assert self.folder is not None
        body = record_bytes(record)
        if self.disk is None:
            write_record(path, body)
        elif len(body) <= self.disk:
            with held(self.folder / "lock", LOCK_SECONDS):  # nobody else adds between the count and the rename
                room_for(self.folder, len(body), self.disk)
                write_record(path, body)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"kept": OrderedDict(), "uses": {}, "bytes": 0, "hits": 0, "found": 0, "made": 0}  # each process has its own memory


def files_of(record: Record) -> list[tuple[str, int, int]]:
    """Name, size and time of each file that a record names."""
    found = [(name, value.stat()) for name, value in sorted(record.items()) if isinstance(value, Path)]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in found]


def claimed(claim: Path) -> bool:
    """Whether this process may make the record; a claim that was abandoned is taken over."""
    with contextlib.suppress(FileNotFoundError):
        if time.time() - claim.stat().st_mtime > LOCK_SECONDS:
            claim.unlink()
    try:
        os.close(os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    return True


def awaited(path: Path, claim: Path) -> Record | None:
    """What another process makes; None when it gives up or takes too long."""
    end = time.monotonic() + LOCK_SECONDS
    while claim.exists() and time.monotonic() < end:
        time.sleep(0.005)
    return read_record(path)


def room_for(folder: Path, size: int, most: int) -> None:
    """Remove records, the oldest first, until so many bytes more stay within the bound; a twentieth more, so that not every record looks again."""
    total = folder / "bytes"  # counted high before anything is added: after a crash it is too much, never too little
    try:
        used = int(total.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        used = most
    if used + size > most:
        files = sorted((stat.st_mtime_ns, path.name, stat.st_size, path) for path in folder.glob("??/*.safetensors") if (stat := path.stat()))
        used = sum(length for _, _, length, _ in files)
        wanted = min(most - size, most - most // 20)
        for _, _, length, path in files:
            if used + size <= most and used <= wanted:
                break
            path.unlink(missing_ok=True)
            used -= length
    total.write_text(str(used + size), encoding="ascii")


def record_bytes(record: Record) -> bytes:
    """A record as bytes: tensors, the other values as JSON, and a checksum, so that nothing need be forced to disk."""
    tensors, tree = pack(record)
    body = save(tensors, {"tree": json.dumps(tree)})
    return body + hashlib.blake2b(body, digest_size=16).digest()


def write_record(path: Path, body: bytes) -> None:
    """A record's bytes as one file, put in place whole."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with open(aside, "xb") as file:  # a name that nobody can have put there before
            file.write(body)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def read_record(path: Path) -> Record | None:
    """A record from its file; None when there is none or it is damaged."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    body, seal = data[:-16], data[-16:]
    if hashlib.blake2b(body, digest_size=16).digest() != seal:
        return None
    header = json.loads(body[8 : 8 + int.from_bytes(body[:8], "little")])
    return unpack(load(body), json.loads(header["__metadata__"]["tree"]))


def tensor_bytes(record: Record) -> int:
    """The bytes of a record's tensors, and a little for each other value."""
    return sum(v.numel() * v.element_size() if isinstance(v, Tensor) else 64 for v in record.values())


def copied(record: Record) -> Record:
    """The record with tensors of its own."""
    return {name: value.clone() if isinstance(value, Tensor) else value for name, value in record.items()}
