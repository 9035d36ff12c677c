"""One call for any data: the source that fits a path or an address, and its records in chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from weft._lazy import load
from weft.data.arrays import stack
from weft.data.contracts import Batch, Record, Source
from weft.data.files.remote import cached
from weft.data.folder import hidden

# what a file is by its ending; the first that fits
ENDINGS = {
    (".csv", ".tsv", ".csv.gz", ".tsv.gz"): "weft.data.table:Table",
    (".parquet",): "weft.data.files.parquet:Parquet",
    (".arrow", ".feather"): "weft.data.files.columns:Columns",
    (".jsonl", ".ndjson"): "weft.data.files.json_lines:JsonLines",
    (".tar",): "weft.data.files.shards:TarShards",
    (".zip",): "weft.data.files.zip_pictures:ZipPictures",
    (".h5", ".hdf5"): "weft.data.files.hdf5:HDF5",
    (".txt", ".txt.gz"): "weft.data.lines:Lines",
}


def open_source(path: str | Path) -> Source:
    """The source that fits a file, a folder or an address: by its ending, or by what the folder holds.

    Files: ``.csv .tsv .parquet .arrow .feather .jsonl .tar .zip .h5 .txt``, and ``.npy`` as ``input``. Folders: what ``MemoryMapWriter`` or Hugging
    Face's ``save_to_disk`` wrote, a Zarr store, Parquet files, tar shards, else pictures or texts in sub-folders. An address (``s3://…``) is
    copied into the cache first. Options are those of the source's own constructor; call that when they matter.
    Raises FileNotFoundError; ValueError naming the endings that are known.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp(), "a.jsonl")
    >>> _ = file.write_text('{"x": 1}\\n')
    >>> open_source(file)[0]
    {'x': 1}
    """
    if isinstance(path, str) and "://" in path:
        path = cached(path)
    path = Path(path)
    if path.is_dir():
        return of_folder(path)
    name = path.name.lower()
    if name.endswith(".npy"):
        return load("weft.data.files.memory_map:MemoryMap")({"input": path})
    for endings, source in ENDINGS.items():
        if name.endswith(endings):
            return load(source)(path)
    known = ", ".join(ending for endings in ENDINGS for ending in endings)
    raise ValueError(f"{str(path)!r} ends in {path.suffix!r}; known are {known} and .npy")


def of_folder(path: Path) -> Source:
    """The source that fits what a folder holds."""
    names = sorted(entry.name for entry in path.iterdir() if not hidden(entry.name) or entry.name == ".zgroup")
    for marker, source in (
        ("header.json", "weft.data.files.memory_map:MemoryMap"), ("dataset_info.json", "weft.data.files.hugging_face:HuggingFace"),
        ("zarr.json", "weft.data.files.zarr_array:Zarr"), (".zgroup", "weft.data.files.zarr_array:Zarr"),
    ):  # fmt: skip
        if marker in names:
            return load(source)(path)
    if any(name.endswith(".parquet") for name in names):
        return load("weft.data.files.parquet:Parquet")(path)
    shards = [path / name for name in names if name.endswith(".tar")]
    if shards:
        return load("weft.data.files.shards:TarShards")(shards)
    texts = any(file.suffix.lower() == ".txt" for file in path.rglob("*"))
    return load("weft.data.files.text_folder:TextFolder" if texts else "weft.data.folder:ImageFolder")(path)


def chunks(source: Source | Iterable[Record], size: int = 1000) -> Iterator[Batch]:
    """The records of a source or a flow, ``size`` at a time, as batches; no more than one chunk is held.

    Numbers are stacked, anything else becomes lists; a source with ``gather`` is read by the batch. Raises ValueError for records of one chunk
    that differ in keys or shapes.

    >>> [chunk["x"].tolist() for chunk in chunks([{"x": i} for i in range(5)], size=2)]
    [[0, 1], [2, 3], [4]]
    """
    if size < 1:
        raise ValueError(f"size={size}; expected at least 1 record")
    reading: Any = source
    if not hasattr(reading, "gather"):
        records = iter(reading)
        while some := list(islice(records, size)):
            yield stack(some)
        return
    for start in range(0, len(reading), size):
        yield reading.gather(torch.arange(start, min(start + size, len(reading))))
