"""Splits that stay: a record's side is decided by a hash of its key, not by its place."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from weft.data import views
from weft.data.contracts import Record, Source
from weft.data.labels import name_of
from weft.data.views import Subset

Key = str | Callable[[Record], Any] | None


def split_by_hash(source: Source, parts: Mapping[str, float], key: Key = None, *, stratify: str | None = None, seed: int = 0) -> dict[str, Subset]:
    """Split a source into named parts, for instance ``{"train": 0.8, "test": 0.2}``; fractions sum to 1.

    A record goes where the hash of its key falls, so it stays there when records are added, removed or reordered, and records of equal key
    (one patient, one page) stay together. ``key`` is a column, a function of the record, or None: the source's own key (a picture's path, a
    row's or a line's content), else its number. Sizes are only near the fractions. ``stratify`` names a label column: then each class is cut at
    the exact fractions in the order of the hashes; equal keys still stay together, but added records may move others.
    Raises ValueError for fractions that do not sum to 1 and for a part that would be empty.

    Use when a test set must stay a test set; cost: one hash per record.

    >>> rows = [{"id": i} for i in range(100)]
    >>> parts = split_by_hash(rows, {"train": 0.8, "test": 0.2}, key="id")
    >>> again = split_by_hash(rows[::-1], {"train": 0.8, "test": 0.2}, key="id")
    >>> sorted(r["id"] for r in parts["test"]) == sorted(r["id"] for r in again["test"])
    True
    """
    if not parts or min(parts.values()) < 0 or abs(sum(parts.values()) - 1) > 1e-6:
        raise ValueError(f"The fractions of a split must be positive and sum to 1; got {dict(parts)}")
    places = [place(key_of(source, i, key), seed) for i in range(len(source))]
    names, ends = list(parts), [sum(list(parts.values())[: i + 1]) for i in range(len(parts))]
    ends[-1] = math.inf  # sums of fractions round
    indices: dict[str, list[int]] = {name: [] for name in names}
    ranks = places if stratify is None else ranked([name_of(source[i][stratify]) for i in range(len(source))], places)
    for i, rank in enumerate(ranks):
        indices[next(name for name, end in zip(names, ends, strict=True) if rank < end)].append(i)
    for name in names:
        if not indices[name] and parts[name] > 0:
            raise ValueError(f"The part {name!r} ({parts[name]:.0%}) of {len(source)} records came out empty; use more records or a larger share")
    return {name: Subset(source, indices[name]) for name in names}


def key_of(source: Source, i: int, key: Key) -> str:
    """The name by which record ``i`` is placed."""
    if key is None:
        return views.key(source, i)
    return str(source[i][key] if isinstance(key, str) else key(source[i]))


def place(key: str, seed: int) -> float:
    """A number in [0, 1) that only depends on the key and the seed, on any machine (Python's own hash is salted)."""
    digest = hashlib.blake2b(f"{seed}\0{key}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def ranked(labels: list[str], places: list[float]) -> list[float]:
    """Each record's place within its class, as a fraction of the class; equal places share the rank of the first."""
    groups: dict[str, list[float]] = defaultdict(list)
    for label, where in zip(labels, places, strict=True):
        groups[label].append(where)
    rank = {label: {where: n / len(group) for n, where in reversed(list(enumerate(sorted(group))))} for label, group in groups.items()}
    return [rank[label][where] for label, where in zip(labels, places, strict=True)]


def overlap(first: Source, second: Source, key: Key = None) -> list[tuple[int, int]]:
    """Pairs of records with equal keys in two sources, such as training and test: a leak unless it is empty.

    >>> overlap([{"id": 1}, {"id": 2}], [{"id": 2}], key="id")
    [(1, 0)]
    """
    known = {key_of(first, i, key): i for i in range(len(first))}
    return [(known[name], j) for j in range(len(second)) if (name := key_of(second, j, key)) in known]
