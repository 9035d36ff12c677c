"""Zarr stores as a source."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from weft._lazy import hint
from weft.data.contracts import Batch, Record
from weft.data.files.chunked import batch_of, check_lengths, record_of
from weft.data.files.compressed import extra
from weft.data.files.per_process import PerProcess

UNSAFE = ("pickle",)  # codecs that run code while they read


class Zarr:
    """Records in the arrays of a Zarr store, a folder of format 2 or 3: ``columns`` maps a name of the record to an array's path.

    Numbers become tensors (float64 as float32). Opened when first used in a process; a batch reads each chunk once. ``block`` is the number of
    records in a chunk. Arrays whose values are Python objects are refused: reading them could run code.
    Raises FileNotFoundError; ValueError naming store and array for one that is not there (with the nearest names) or of another length.

    Use when data comes as Zarr; instead of it, ``HDF5`` for one file. Cost: unpacking a chunk where records are read one by one. Needs the extra
    ``files``.

    >>> import numpy, tempfile, zarr
    >>> folder = tempfile.mkdtemp() + "/a.zarr"
    >>> _ = zarr.open_group(folder, mode="w").create_array("x", data=numpy.eye(3), chunks=(2, 3))
    >>> Zarr(folder, {"input": "x"})[2]
    {'input': tensor([0., 0., 1.])}
    """

    def __init__(self, path: str | Path, columns: Mapping[str, str] | None = None) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise FileNotFoundError(f"There is no Zarr store (a folder) {str(path)!r}")
        self.columns = dict(columns or {"input": "data", "target": "labels"})
        for place in self.columns.values():
            check_safe(self.path, place)
        self._arrays = PerProcess(opened, self.path, self.columns)
        arrays = self._arrays()
        self.size = check_lengths(str(path), {self.columns[name]: array.shape[0] if array.shape else 0 for name, array in arrays.items()})
        self.blocks = {name: array.chunks[0] for name, array in arrays.items()}
        self.block = max(self.blocks.values())

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, i: int) -> Record:
        if not -len(self) <= i < len(self):
            raise IndexError(f"Record {i} of {len(self)}")
        return record_of(self._arrays(), i % len(self))

    def gather(self, index: Tensor) -> Batch:
        """The records of ``index`` as one batch; each chunk is read once."""
        return batch_of(self._arrays(), self.blocks, index)


def check_safe(path: Path, place: str) -> None:
    """Raise ValueError for an array that is not inside the store or whose codec could run code."""
    folder = path / place
    if path.resolve() not in [folder.resolve(), *folder.resolve().parents]:
        raise ValueError(f"{str(path)!r}: {place!r} leads out of the store")
    for name in (".zarray", "zarr.json"):
        file = folder / name
        if file.is_file():
            try:
                described = json.dumps(json.loads(file.read_text(encoding="utf-8")))
            except ValueError as error:
                raise ValueError(f"{str(file)!r} is not JSON: {error}") from error
            if any(f'"{codec}"' in described for codec in UNSAFE):
                raise ValueError(f"{str(path)!r}: {place!r} holds pickled Python objects, which could run code; write it as numbers or text")


def opened(path: Path, columns: Mapping[str, str]) -> dict[str, Any]:
    """The arrays of a store."""
    zarr = extra("zarr")
    try:
        group = zarr.open(str(path), mode="r")
    except (ValueError, FileNotFoundError, KeyError) as error:
        raise ValueError(f"{str(path)!r} is no Zarr store: {error}") from error
    arrays = {}
    for name, place in columns.items():
        try:
            array = group[place] if isinstance(group, zarr.Group) else None
        except KeyError:
            array = None
        if not isinstance(array, zarr.Array):
            known = [key for key, _ in group.arrays()] if isinstance(group, zarr.Group) else []
            raise ValueError(f"{str(path)!r} has no array {place!r}. {hint(place, known)}")
        arrays[name] = array
    return arrays
