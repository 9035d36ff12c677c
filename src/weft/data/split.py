"""Splits that stay: a record's side is decided by a hash of its key, not by its place."""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from weft.data import views
from weft.data.contracts import Record, Source
from weft.data.labels import name_of
from weft.data.state_files import write_bytes
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
    check_fractions(parts)
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


def split_by_count(
    source: Source, parts: Mapping[str, int | None], key: Key = None, *, stratify: str | None = None, seed: int = 0
) -> dict[str, Subset]:
    """Split a source into named parts of so many records, for instance ``{"test": 1000, "val": 500, "train": None}``; None takes the rest.

    Records are taken in the order of the hashes of their keys, as ``split_by_hash`` places them, part after part, so the parts do not depend
    on the order of the records. Records of equal key stay together; a part then may hold some more than asked, as few as possible. With
    ``stratify``, a label column, each part has the classes in the proportions of the whole, within one record (of equal keys each only once).
    Without numbers for all, records that are left over belong to no part. Added records may move others, as fractions do not.
    Raises ValueError for more records than there are, a number below 1, and two parts that take the rest.

    Use when a part must have a size (a published protocol, a budget of labels); instead of it, ``split_by_hash`` for parts that stay when data
    grows. Cost: one hash per record and a sort.

    >>> rows = [{"id": i} for i in range(10)]
    >>> {name: len(part) for name, part in split_by_count(rows, {"test": 3, "train": None}, key="id").items()}
    {'test': 3, 'train': 7}
    """
    rest = [name for name, count in parts.items() if count is None]
    asked = sum(count for count in parts.values() if count is not None)
    if not parts or len(rest) > 1 or any(count is not None and count < 1 for count in parts.values()):
        raise ValueError(f"parts={dict(parts)}; expected numbers from 1 on, and None (the rest) for one part at most")
    if asked + len(rest) > len(source):
        raise ValueError(f"{dict(parts)} asks for {asked:,} records{' and a rest' if rest else ''} of {len(source):,}; ask for fewer")
    keys = [key_of(source, i, key) for i in range(len(source))]
    places = [place(name, seed) for name in keys]
    if stratify is not None:  # dealt out evenly: record j of n of a class stands at (j + u) / n, so that any stretch looks like the whole
        labels = [name_of(source[i][stratify]) for i in range(len(source))]
        sizes, within = Counter(labels), ranked(labels, places)
        places = [rank + 0.5 / sizes[label] for label, rank in zip(labels, within, strict=True)]
        first: dict[str, float] = {}
        for name, where in zip(keys, places, strict=True):
            first[name] = min(where, first.get(name, where))
        places = [first[name] for name in keys]
    order = sorted(range(len(keys)), key=lambda i: (places[i], keys[i], i))
    ordered = [name for name in parts if parts[name] is not None]
    indices: dict[str, list[int]] = {name: [] for name in parts}
    start = 0
    for name in ordered:
        end = start + int(parts[name] or 0)
        while start < end < len(order) and keys[order[end]] == keys[order[end - 1]]:
            end += 1
        indices[name], start = order[start:end], max(start, min(end, len(order)))
        if not indices[name]:
            raise ValueError(f"Nothing is left for the part {name!r}: equal keys stay together, and the parts before took all records")
    if rest:
        indices[rest[0]] = order[start:]
        if start >= len(order):
            raise ValueError(f"Nothing is left for the part {rest[0]!r}: equal keys stay together, and the other parts took all records")
    return {name: Subset(source, sorted(group)) for name, group in indices.items()}


def check_fractions(parts: Mapping[str, float]) -> None:
    """Raise ValueError for fractions that do not sum to 1."""
    if not parts or min(parts.values()) < 0 or abs(sum(parts.values()) - 1) > 1e-6:
        raise ValueError(f"The fractions of a split must be positive and sum to 1; got {dict(parts)}")


def split_by_time(source: Source, parts: Mapping[str, float], key: str | Callable[[Record], Any]) -> dict[str, Subset]:
    """Split a source into named parts that follow each other in time: ``{"train": 0.8, "test": 0.2}`` gives the last fifth to ``test``.

    ``key`` is the column, or a function of the record, that gives the time: anything that can be ordered. Records of equal time stay
    together, in the earlier part, so that nothing of a part lies before the end of the one before it. Within a part records keep the
    order of time. Raises ValueError for fractions that do not sum to 1, a time that is missing, and a part that would be empty.

    Use when the future must be predicted from the past, where a random split leaks; cost: one sort.

    >>> rows = [{"day": day} for day in (3, 1, 2, 4)]
    >>> [r["day"] for r in split_by_time(rows, {"train": 0.5, "test": 0.5}, "day")["test"]]
    [3, 4]
    """
    check_fractions(parts)
    times = [source[i][key] if isinstance(key, str) else key(source[i]) for i in range(len(source))]
    missing = [i for i, time in enumerate(times) if time is None or time != time]
    if missing:
        raise ValueError(f"Record {missing[0]} has no time ({key!r} is {times[missing[0]]!r}); drop it, or give it one")
    order = sorted(range(len(times)), key=lambda i: times[i])
    made, start, share = {}, 0, 0.0
    for name, fraction in parts.items():
        share += fraction
        end = max(start, min(len(order), math.floor(share * len(order) + 0.5)))
        while start < end < len(order) and times[order[end]] == times[order[end - 1]]:
            end += 1
        if start == end and fraction > 0:
            raise ValueError(f"The part {name!r} ({fraction:.0%}) of {len(order)} records came out empty; use more records or a larger share")
        made[name] = Subset(source, order[start:end])
        start = end
    return made


def save_split(parts: Mapping[str, Source], path: str | Path, key: Key = None) -> None:
    """Write which record is in which part, by the records' keys (as ``split_by_hash`` takes them), as a JSON file.

    Raises ValueError for a key that is in two parts.
    """
    keys = {name: sorted({key_of(part, i, key) for i in range(len(part))}) for name, part in parts.items()}
    owner: dict[str, str] = {}
    for name, group in keys.items():
        for each in group:
            if owner.setdefault(each, name) != name:
                raise ValueError(f"The key {each!r} is in {owner[each]!r} and in {name!r}; a saved split needs keys that stay on one side")
    write_bytes(Path(path), json.dumps({"format": 1, "parts": keys}, indent=0).encode())


def read_split(source: Source, path: str | Path, key: Key = None) -> dict[str, Subset]:
    """The parts of a source as ``save_split`` wrote them, or as somebody else did: ``{"parts": {"train": [keys], …}}``.

    Records that are in no part (added since) are left out with a warning. Raises FileNotFoundError; ValueError for a file of another form,
    a key in two parts, and keys that the source does not have.

    >>> import tempfile
    >>> rows, file = [{"id": i} for i in range(10)], Path(tempfile.mkdtemp(), "split.json")
    >>> save_split(split_by_hash(rows, {"a": 0.5, "b": 0.5}, key="id"), file, key="id")
    >>> sum(len(part) for part in read_split(rows[::-1], file, key="id").values())
    10
    """
    try:
        parts = json.loads(Path(path).read_text(encoding="utf-8"))["parts"]
        owner: dict[str, str] = {}
        for name, group in parts.items():
            for each in group:
                if owner.setdefault(str(each), name) != name:
                    raise ValueError(f"{each!r} is in {owner[str(each)]!r} and in {name!r}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{str(path)!r} is not a split file: {error}") from error
    indices: dict[str, list[int]] = {name: [] for name in parts}
    found, new = set(), 0
    for i in range(len(source)):
        name = key_of(source, i, key)
        found.add(name)
        if name in owner:
            indices[owner[name]].append(i)
        else:
            new += 1
    gone = sorted(owner.keys() - found)
    if gone:
        raise ValueError(f"{len(gone):,} records of the split {str(path)!r} are not in the source, such as {gone[0]!r}; is it the same data and key?")
    if new:
        warnings.warn(f"{new:,} records are in no part of the split {str(path)!r} and are left out", stacklevel=2)
    return {name: Subset(source, group) for name, group in indices.items()}


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
