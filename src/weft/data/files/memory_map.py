"""Arrays on disk, read through the memory map, and a writer that appends to them."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from weft.data.contracts import Batch, Record
from weft.data.files.arrow import WIDER
from weft.data.files.per_process import PerProcess
from weft.data.state_files import write_bytes
from weft.data.text_file import existing

HEADER, FORMAT = "header.json", 1
KINDS = "biuf"


@dataclass(frozen=True)
class RawFile:
    """A file of bare numbers: their type and the shape of one record."""

    path: str | Path
    dtype: str
    shape: tuple[int, ...] = ()


class MemoryMap:
    """Records in memory-mapped arrays: a folder that ``MemoryMapWriter`` wrote, or ``{name: file}`` of ``.npy`` files and ``RawFile`` ones.

    Values are copied out record by record or, by ``gather``, batch by batch; the operating system keeps what is read often. Sizes are checked
    against header, type and shape when the source is made; ``verify()`` also checks what the writer's checksums say. float64 is given as
    float32, unsigned 16 to 64 bits as the next signed type. Files are mapped when first used in a process; the pickled source is their paths.
    Raises FileNotFoundError; ValueError naming the file for a size that does not fit, different lengths, or Python objects in a ``.npy``.

    Use when arrays are larger than memory and read at random; instead of it, ``Arrays`` for what fits. Cost: one page of the disk a record.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> np.save(folder + "/x.npy", np.arange(6.0).reshape(3, 2))
    >>> source = MemoryMap({"input": folder + "/x.npy"})
    >>> len(source), source.gather(torch.tensor([2, 0]))["input"].tolist()
    (3, [[4.0, 5.0], [0.0, 1.0]])
    """

    def __init__(self, files: str | Path | Mapping[str, str | Path | RawFile]) -> None:
        self.folder = None if isinstance(files, Mapping) else Path(files)
        if isinstance(files, Mapping):
            if not files:
                raise ValueError("MemoryMap got no files; expected {'input': 'x.npy', ...} or a folder")
            self.parts = {name: part_of(file) for name, file in files.items()}
        else:
            header = read_header(Path(files))
            self.parts = {
                name: Part(str(Path(files, f"{name}.bin")), column["dtype"], (header["records"], *column["shape"]), 0)
                for name, column in header["columns"].items()
            }
        for part in self.parts.values():
            part.check(exact=self.folder is None)
        lengths = {name: part.shape[0] for name, part in self.parts.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"The files have different numbers of records: {lengths}")
        self.size = next(iter(lengths.values()))
        self._maps = PerProcess(opened, self.parts)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, i: int) -> Record:
        if not -len(self) <= i < len(self):
            raise IndexError(f"Record {i} of {len(self)}")
        return {name: tensor_of(np.array(values[i])) for name, values in self._maps().items()}

    def gather(self, index: Tensor) -> Batch:
        """The records of ``index`` as one batch."""
        rows = index.numpy()
        return {name: tensor_of(values[rows]) for name, values in self._maps().items()}

    def verify(self) -> None:
        """Read everything and compare it with the writer's checksums; raises ValueError naming file and first record of a damaged chunk."""
        if self.folder is None:
            raise ValueError("Only a folder that MemoryMapWriter wrote carries checksums; these are single files")
        for name, part in self.parts.items():
            chunks = read_header(self.folder)["columns"][name]["chunks"]
            with open(part.path, "rb") as file:
                start = 0
                for count, expected in chunks:
                    if hashlib.sha256(file.read(count * part.record_bytes)).hexdigest() != expected:
                        raise ValueError(f"{part.path!r}: records {start} to {start + count - 1} are not what was written: the checksum differs")
                    start += count


@dataclass(frozen=True)
class Part:
    """Where one array lies: file, type, shape, offset of its first byte."""

    path: str
    dtype: str
    shape: tuple[int, ...]
    offset: int

    @property
    def record_bytes(self) -> int:
        return math.prod(self.shape[1:]) * np.dtype(self.dtype).itemsize

    def check(self, exact: bool) -> None:
        """Raise ValueError unless the file has the bytes that its shape announces."""
        found, expected = existing(self.path).stat().st_size, self.offset + self.shape[0] * self.record_bytes
        if found < expected or (exact and found != expected):
            raise ValueError(f"{self.path!r} has {found:,} bytes; {self.shape} of {self.dtype} takes {expected:,}")


def part_of(file: str | Path | RawFile) -> Part:
    """A ``.npy`` file by its own header, or a raw file by its size."""
    if isinstance(file, RawFile):
        kind, size = np.dtype(file.dtype), existing(file.path).stat().st_size
        if kind.kind not in KINDS:
            raise ValueError(f"{str(file.path)!r}: type {file.dtype!r} is not one of numbers")
        bytes_each = math.prod(file.shape) * kind.itemsize
        if not bytes_each or size % bytes_each or not size:
            raise ValueError(f"{str(file.path)!r} has {size:,} bytes, no whole number of records of {file.shape} {kind}, {bytes_each:,} each")
        return Part(str(file.path), kind.str, (size // bytes_each, *file.shape), 0)
    path = existing(file)
    try:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f"{str(path)!r} is not a whole .npy file of numbers: {error}") from error
    if not isinstance(mapped, np.memmap) or mapped.ndim == 0 or mapped.dtype.kind not in KINDS or not mapped.flags.c_contiguous:
        raise ValueError(f"{str(path)!r} must hold one C-ordered array of numbers with a record in each row; it holds {mapped.dtype} {mapped.shape}")
    return Part(str(path), mapped.dtype.str, mapped.shape, mapped.offset)


def opened(parts: Mapping[str, Part]) -> dict[str, np.memmap]:
    """The maps of all parts; what was there when the source was made must still be."""
    for part in parts.values():
        part.check(exact=False)
    return {name: np.memmap(part.path, np.dtype(part.dtype), "r", part.offset, part.shape) for name, part in parts.items()}


def tensor_of(values: np.ndarray) -> Tensor:
    """A copied array as a tensor of a type that torch computes with."""
    kind = np.float32 if values.dtype.kind == "f" and values.dtype.itemsize > 4 else values.dtype.newbyteorder("=")
    values = values.astype(WIDER.get(np.dtype(kind).name, kind), copy=False)
    return torch.from_numpy(np.ascontiguousarray(values).reshape(values.shape))


def read_header(folder: Path) -> dict[str, Any]:
    """The header of a folder that ``MemoryMapWriter`` wrote; raises ValueError when it is not one."""
    path = existing(folder / HEADER)
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
        columns = {str(name): (np.dtype(str(c["dtype"])), tuple(c["shape"])) for name, c in header["columns"].items()}
        good = header["format"] == FORMAT and type(header["records"]) is int and header["records"] > 0 and columns
        good = good and all(kind.kind in KINDS and all(type(n) is int and n > 0 for n in shape) for kind, shape in columns.values())
        good = good and all(name.isidentifier() for name in columns)  # a name is also a file name
        good = good and all(sum(count for count, _ in c["chunks"]) == header["records"] for c in header["columns"].values())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{str(path)!r} is not a header of memory-mapped arrays ({type(error).__name__}: {error})") from error
    if not good:
        raise ValueError(f"{str(path)!r} is not a header of memory-mapped arrays of format {FORMAT}")
    return header


class MemoryMapWriter:
    """Writes records in chunks into a folder that ``MemoryMap`` reads: one file of bare numbers a column, and a header.

    The header holds type, shape and a SHA-256 of each chunk, and is replaced in one step after the data has reached the disk: whatever stops the
    writing, the folder holds whole chunks up to the last ``flush``. With ``append`` it goes on where an earlier writer ended.
    Columns, types and shapes are those of the first record (Python floats become float32). Raises ValueError naming the column for a record that
    differs, and FileExistsError for a folder that holds data already.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp(), "numbers")
    >>> with MemoryMapWriter(folder) as writer:
    ...     for i in range(5):
    ...         writer.add({"input": np.full(2, i, np.float32), "target": i})
    >>> MemoryMap(folder)[-1]
    {'input': tensor([4., 4.]), 'target': tensor(4)}
    """

    def __init__(self, folder: str | Path, *, chunk: int = 1000, append: bool = False) -> None:
        if chunk < 1:
            raise ValueError(f"chunk={chunk}; expected at least 1 record")
        self.folder, self.chunk = Path(folder), chunk
        self.header: dict[str, Any] = {"format": FORMAT, "records": 0, "columns": {}}
        if (self.folder / HEADER).exists():
            if not append:
                raise FileExistsError(f"{str(folder)!r} holds records already; pass append=True to add to them")
            self.header = read_header(self.folder)
            for name, column in self.header["columns"].items():  # what an interrupted writer left behind the last header
                size = self.header["records"] * math.prod(column["shape"]) * np.dtype(column["dtype"]).itemsize
                os.truncate(self.folder / f"{name}.bin", size)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.waiting: dict[str, list[np.ndarray]] = {name: [] for name in self.header["columns"]}

    def add(self, record: Mapping[str, Any]) -> None:
        """Add one record of numbers, arrays or tensors."""
        self.extend({name: np.asarray(value)[None] for name, value in record.items()})

    def extend(self, columns: Mapping[str, Any]) -> None:
        """Add many records at once: arrays of equal first size."""
        arrays = {name: as_stored(values) for name, values in columns.items()}
        if not self.header["columns"]:
            self._begin(arrays)
        known = self.header["columns"]
        if arrays.keys() != known.keys() or len({len(values) for values in arrays.values()}) != 1:
            sizes = {name: len(values) for name, values in arrays.items()}
            raise ValueError(f"Records have the columns {sizes}; expected {sorted(known)}, all of one length")
        for name, values in arrays.items():
            if list(values.shape[1:]) != list(known[name]["shape"]) or values.dtype.str != known[name]["dtype"]:
                wanted = f"{tuple(known[name]['shape'])} {known[name]['dtype']}"
                raise ValueError(f"Column {name!r} of a record is {values.shape[1:]} {values.dtype.str}; expected {wanted}, as in the first")
        for name, values in arrays.items():
            self.waiting[name].append(values)
        while sum(map(len, next(iter(self.waiting.values())))) >= self.chunk:
            self._write(self.chunk)

    def _begin(self, arrays: Mapping[str, np.ndarray]) -> None:
        for name, values in arrays.items():
            if not name.isidentifier() or values.dtype.kind not in KINDS or 0 in values.shape[1:]:
                raise ValueError(f"Column {name!r} holds {values.dtype} {values.shape[1:]}; expected numbers, and a name of letters and digits")
            self.header["columns"][name] = {"dtype": values.dtype.str, "shape": list(values.shape[1:]), "chunks": []}
            (self.folder / f"{name}.bin").write_bytes(b"")
        self.waiting = {name: [] for name in arrays}

    def _write(self, count: int) -> None:
        for name, parts in self.waiting.items():
            values = np.concatenate(parts)
            data = np.ascontiguousarray(values[:count]).tobytes()
            with open(self.folder / f"{name}.bin", "ab") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            self.header["columns"][name]["chunks"].append([count, hashlib.sha256(data).hexdigest()])
            self.waiting[name] = [values[count:]] if len(values) > count else []
        self.header["records"] += count

    def flush(self) -> None:
        """Write what waits and make it part of the folder."""
        waiting = sum(map(len, next(iter(self.waiting.values()), [])))
        if waiting:
            self._write(waiting)
        if self.header["records"]:
            write_bytes(self.folder / HEADER, json.dumps(self.header).encode())

    def write(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Add all records of an iterable and flush."""
        for record in records:
            self.add(record)
        self.flush()

    def __enter__(self) -> MemoryMapWriter:
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None:  # after an error the folder keeps what was flushed
            self.flush()


def as_stored(values: Any) -> np.ndarray:
    """Little-endian numbers; float64 as float32, the type of networks."""
    array = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    return array.astype(np.float32 if array.dtype == np.float64 else array.dtype.newbyteorder("<"), copy=False)
