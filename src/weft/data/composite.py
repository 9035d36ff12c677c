"""Sources made of several sources: side by side, interleaved, opened late, nested."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from weft.data import views
from weft.data.contracts import Record, Source


class Zip:
    """Sources of equal length side by side: record ``i`` has the entries of all of them.

    A dict of sources gives the keys ``left.input``, ``right.input``, …; without names the records are merged, and then no key may stand in two.
    Raises ValueError for different lengths and for a key that two sources have.

    Use when parts of a record come from different files. Cost: one read of each.

    >>> Zip([{"text": "a"}], [{"label": 1}])[0], Zip({"de": [{"text": "ja"}], "en": [{"text": "yes"}]})[0]
    ({'text': 'a', 'label': 1}, {'de.text': 'ja', 'en.text': 'yes'})
    """

    def __init__(self, *sources: Source | Mapping[str, Source]) -> None:
        named = len(sources) == 1 and isinstance(sources[0], Mapping)
        self.sources: dict[str, Source] = dict(sources[0]) if named else {str(n): source for n, source in enumerate(sources)}  # type: ignore[arg-type]
        self.named = named
        lengths = {name: len(source) for name, source in self.sources.items()}
        if not lengths or len(set(lengths.values())) > 1:
            raise ValueError(f"Zip needs one or more sources of equal length, got {lengths}")

    def __len__(self) -> int:
        return len(next(iter(self.sources.values())))

    def __getitem__(self, i: int) -> Record:
        merged: Record = {}
        for name, source in self.sources.items():
            record = {f"{name}.{key}": value for key, value in source[i].items()} if self.named else source[i]
            twice = merged.keys() & record.keys()
            if twice:
                raise ValueError(f"Two sources have the key {min(twice)!r}; name them: Zip({{'first': …, 'second': …}})")
            merged |= record
        return merged

    def key(self, i: int) -> str:
        """The record's name in the first source."""
        return views.key(next(iter(self.sources.values())), i)


class Interleave:
    """Several sources mixed in fixed shares: after any number of records, each source has had its share of them to within one.

    Record n comes from the source that is furthest behind its share, and is that source's next one; a source that ends begins again.
    ``weights`` are the shares (default: equal); with ``temperature`` t they become w^(1/t), so that large t levels them. ``stop`` says how long
    it is: "first" until a source has been read once, "all" until every source has. ``names`` marks each record with its source under ``origin``.
    Raises ValueError for weights that are not positive or fewer than the sources, an empty source, and more than ``10_000_000`` records.

    Use when corpora are mixed in given shares and read by number; instead of it, ``Mixed`` for flows. Cost: eight bytes a record.

    >>> mixed = Interleave([[{"x": "a"}, {"x": "b"}, {"x": "c"}, {"x": "d"}], [{"x": "z"}]], weights=[3, 1])
    >>> "".join(record["x"] for record in mixed)
    'abzcd'
    """

    def __init__(
        self, sources: Sequence[Source], weights: Sequence[float] | None = None, *,
        temperature: float = 1.0, stop: str = "first", names: Sequence[str] | None = None,
    ) -> None:  # fmt: skip
        shares = [1.0] * len(sources) if weights is None else [float(w) for w in weights]
        if not sources or len(shares) != len(sources) or min(shares) <= 0 or not all(map(math.isfinite, shares)) or temperature <= 0:
            raise ValueError(f"{len(sources)} sources with weights {shares}, temperature {temperature}; expected one positive weight for each")
        if stop not in ("first", "all"):
            raise ValueError(f"stop={stop!r}; expected 'first' or 'all'")
        if not all(len(source) for source in sources) or (names is not None and len(names) != len(sources)):
            raise ValueError(f"Sources of {[len(source) for source in sources]} records and names {names}; none may be empty, names are one each")
        raised = [w ** (1 / temperature) for w in shares]
        self.sources, self.names, self.shares = list(sources), names, [w / sum(raised) for w in raised]
        self.places = torch.tensor(schedule([len(source) for source in sources], self.shares, stop), dtype=torch.int64)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, i: int) -> Record:
        if not -len(self) <= i < len(self):
            raise IndexError(f"Record {i} of {len(self)}")
        n, place = self.places[i].tolist()
        return self.sources[n][place] if self.names is None else self.sources[n][place] | {"origin": self.names[n]}

    def key(self, i: int) -> str:
        """The record's name in the source it comes from."""
        n, place = self.places[i].tolist()
        return f"{n}/{views.key(self.sources[n], place)}"


def schedule(sizes: Sequence[int], shares: Sequence[float], stop: str, limit: int = 10_000_000) -> list[tuple[int, int]]:
    """Source and place of every record: always of the source that is furthest behind its share."""
    given, places = [0] * len(sizes), []
    while True:
        n = max(range(len(sizes)), key=lambda n: (shares[n] * (len(places) + 1) - given[n], -n))
        if (stop == "first" and given[n] == sizes[n]) or (stop == "all" and all(had >= size for had, size in zip(given, sizes, strict=True))):
            return places
        if len(places) == limit:
            raise ValueError(f"Interleaving sources of {list(sizes)} records in shares of {[round(s, 4) for s in shares]} takes more than {limit:,}")
        places.append((n, given[n] % sizes[n]))
        given[n] += 1


class Lazy:
    """A source that is opened when it is first used: ``Lazy(Parquet, "rows.parquet")``.

    What opens it and the arguments are kept and pickled, the source itself is not, so every process opens its own. ``length`` spares opening it
    only to count; it is compared when the source is opened. Raises ValueError when they differ.

    Use when many sources are listed and few are read. Cost: none until then.

    >>> source = Lazy(list, [{"x": 1}, {"x": 2}], length=2)
    >>> len(source), source.opened, source[1], source.opened
    (2, False, {'x': 2}, True)
    """

    def __init__(self, open: Callable[..., Source], *given: Any, length: int | None = None) -> None:
        self.open, self.given, self.length = open, given, length
        self._source: Source | None = None

    @property
    def opened(self) -> bool:
        """Whether this process has opened it."""
        return self._source is not None

    @property
    def source(self) -> Source:
        """The source, opened."""
        if self._source is None:
            source = self.open(*self.given)
            if self.length is not None and len(source) != self.length:
                raise ValueError(f"The source has {len(source)} records, not {self.length} as was said when it was listed")
            self._source = source
        return self._source

    def __len__(self) -> int:
        return len(self.source) if self.length is None else self.length

    def __getitem__(self, i: int) -> Record:
        return self.source[i]

    def key(self, i: int) -> str:
        """The record's name in the source."""
        return views.key(self.source, i)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_source": None}


class Nested:
    """The parts of records that hold several: the slices of scans of patients, the sentences of documents.

    ``path`` names the lists from the outside in: with ``("scans", "slices")`` record i is one slice, with what its scan and patient say besides;
    where a level is a list of plain values, the value stands under the level's own name. ``where(i)`` gives the numbers of patient, scan
    and slice, so that a split can keep a patient together: ``key(i)`` is the outermost record's. The index is made once by reading everything.
    Raises ValueError naming the record that has no such list, or a key that two levels have.

    Use when a record is a part of a larger one. Cost: one pass, and the outer record is read for each part.

    >>> patients = [{"name": "A", "scans": [{"day": 1, "slices": ["p", "q"]}, {"day": 2, "slices": ["r"]}]}, {"name": "B", "scans": []}]
    >>> nested = Nested(patients, ("scans", "slices"))
    >>> len(nested), nested[2], nested.where(2)
    (3, {'name': 'A', 'day': 2, 'slices': 'r'}, (0, 1, 0))
    """

    def __init__(self, source: Source, path: Sequence[str]) -> None:
        if not path or isinstance(path, str):
            raise ValueError(f"path={path!r}; expected the names of the lists, from the outside in, such as ('scans', 'slices')")
        self.source, self.path = source, tuple(path)
        places = [place for i in range(len(source)) for place in places_of(source[i], self.path, (i,))]
        self.places = torch.tensor(places, dtype=torch.int64).reshape(-1, len(self.path) + 1)
        counts = torch.bincount(self.places[:, 0], minlength=len(source)).tolist()
        self.ends = list(accumulate(counts))

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, i: int) -> Record:
        if not -len(self) <= i < len(self):
            raise IndexError(f"Record {i} of {len(self)}")
        first, *rest = self.places[i].tolist()
        node: Any = self.source[first]
        found: Record = {}
        for name, number in zip(self.path, rest, strict=True):
            found = joined(found, {key: value for key, value in node.items() if key != name}, first)
            node = node[name][number]
        return joined(found, node if isinstance(node, Mapping) else {self.path[-1]: node}, first)

    def where(self, i: int) -> tuple[int, ...]:
        """The numbers from the outside in."""
        return tuple(self.places[i].tolist())

    def parts(self, outer: int) -> Tensor:
        """The numbers of all parts of one outermost record."""
        return torch.arange(self.ends[outer - 1] if outer else 0, self.ends[outer])

    def outer(self, i: int) -> int:
        """The outermost record that part ``i`` belongs to."""
        return bisect_right(self.ends, i % len(self))

    def key(self, i: int) -> str:
        """The outermost record's name, so that its parts stay on one side of a split."""
        return views.key(self.source, self.where(i)[0])


def places_of(node: Any, path: tuple[str, ...], here: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The places of all parts below a record."""
    if not path:
        return [here]
    if not isinstance(node, Mapping) or not isinstance(node.get(path[0]), Sequence) or isinstance(node[path[0]], str | bytes):
        has = sorted(node) if isinstance(node, Mapping) else repr(node)[:60]
        raise ValueError(f"Record {here[0]}, place {here}: there is no list {path[0]!r}; it has {has}")
    return [place for n, part in enumerate(node[path[0]]) for place in places_of(part, path[1:], (*here, n))]


def joined(left: Record, right: Mapping[str, Any], record: int) -> Record:
    """Two levels in one record."""
    twice = left.keys() & right.keys()
    if twice:
        raise ValueError(f"Record {record}: two levels have the key {min(twice)!r}; rename one")
    return left | dict(right)
