"""Sources made of other sources."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from weft.data.contracts import Batch, Record, Source


class Subset:
    """Some records of a source, in the given order; a ``slice`` means those that it would take of a list.

    Raises ValueError naming the first number that the source does not have.

    >>> Subset([{"text": "a"}, {"text": "b"}], [1, 0])[0]
    {'text': 'b'}
    """

    def __init__(self, source: Source, indices: Iterable[int] | Tensor | slice) -> None:
        self.source = source
        if isinstance(indices, slice):
            indices = range(*indices.indices(len(source)))
        self.indices = torch.as_tensor(indices if isinstance(indices, Tensor) else list(indices), dtype=torch.int64)
        outside = self.indices[(self.indices < 0) | (self.indices >= len(source))]
        if len(outside):
            raise ValueError(f"Subset asks for record {outside[0].item()} of a source of {len(source)}")
        if hasattr(source, "gather"):  # a loader asks whether batches can be read at once
            self.gather = self._gather

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, i: int) -> Record:
        return self.source[int(self.indices[i])]

    def key(self, i: int) -> str:
        """The record's name in the underlying source."""
        return key(self.source, int(self.indices[i]))

    def _gather(self, index: Tensor) -> Batch:
        gather: Any = self.source
        return gather.gather(self.indices[index])


class Concat:
    """Several sources, one after the other.

    >>> Concat([{"text": "a"}], [{"text": "b"}, {"text": "c"}])[2]
    {'text': 'c'}
    """

    def __init__(self, *sources: Source) -> None:
        if not sources:
            raise ValueError("Concat needs at least one source")
        self.sources: Sequence[Source] = sources
        self.ends = list(accumulate(len(source) for source in sources))

    def __len__(self) -> int:
        return self.ends[-1]

    def __getitem__(self, i: int) -> Record:
        source, i = self._find(i)
        return source[i]

    def key(self, i: int) -> str:
        """The record's name in the source it comes from."""
        return key(*self._find(i))

    def _find(self, i: int) -> tuple[Source, int]:
        if not -len(self) <= i < len(self):
            raise IndexError(f"Record {i} of {len(self)}")
        i %= len(self)
        number = bisect_right(self.ends, i)
        return self.sources[number], i - (self.ends[number - 1] if number else 0)


def key(source: Source, i: int) -> str:
    """A name for a record that the source keeps when records are added, or else its number."""
    named: Any = source
    return named.key(i) if hasattr(source, "key") else str(i)
