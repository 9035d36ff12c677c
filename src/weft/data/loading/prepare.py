"""The slow part of reading done once, before training, by several processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from weft.data.contracts import Record, Source
from weft.data.loader import Loader
from weft.data.loading.cached import CachedSource

CHUNK = 16  # records a worker makes before it reports


def prepare(
    source: Source, make: Callable[[Record], Record], folder: str | Path, *,
    workers: int = 4, version: str = "1", progress: Callable[[int, int], None] | None = None,
) -> CachedSource:  # fmt: skip
    """Make every record by ``make`` in ``workers`` processes and keep it in ``folder``; gives the ``CachedSource`` that reads them, in order.

    ``make`` is not random, and picklable where processes are not forked. What is in the folder is not made again, so an interrupted run goes on
    where it was; entries belong to ``version``, to the record's key and to the files that it names, as in ``CachedSource``. ``progress(done,
    total)`` is told about every few records. With ``workers=0`` this process does all the work.
    Raises ``RecordError`` naming the first record that could not be made; what was made before stays.
    Use when tokenising or decoding is slow and fits on the disk; instead of it, ``CachedSource`` alone, which makes records when they are first
    read. Cost: the bytes of the made records on disk.

    >>> import tempfile, torch
    >>> made = prepare([{"x": 2}, {"x": 3}], lambda record: {"input": torch.tensor(record["x"]) ** 2}, tempfile.mkdtemp(), workers=0)
    >>> [record["input"].item() for record in made], made.made
    ([4, 9], 0)
    """
    cache = CachedSource(source, make, memory=0, folder=folder, version=version)
    done = 0
    for batch in Loader(Making(cache), None, CHUNK, workers=workers):
        done += len(batch["index"])
        if progress is not None:
            progress(done, len(source))
    return CachedSource(source, make, memory=0, folder=folder, version=version)


class Making:
    """A cache whose records are made but not handed over: only their number crosses from the worker."""

    def __init__(self, cache: CachedSource) -> None:
        self.cache = cache

    def __len__(self) -> int:
        return len(self.cache)

    def __getitem__(self, i: int) -> Record:
        self.cache[i]
        return {"made": i}
