"""HDF5 files as a source."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from weft._lazy import hint
from weft.data.contracts import Batch, Record
from weft.data.files.chunked import batch_of, check_lengths, record_of
from weft.data.files.compressed import extra
from weft.data.files.per_process import PerProcess
from weft.data.text_file import existing


class HDF5:
    """Records in the arrays of an HDF5 file: ``columns`` maps a name of the record to a path inside the file, ``{"input": "train/data"}``.

    Numbers become tensors (float64 as float32), text str, items of variable length one tensor each. The file is opened when it is first used in
    a process, so it is safe under fork and spawn; a batch reads each chunk once, in the order of the file. ``block`` is the number of records in
    a chunk: a plan that shuffles blocks reads fastest. ``swmr`` reads while one other process writes. Links to other files, external storage and
    virtual arrays are refused: a file may not name what else is read.
    Raises FileNotFoundError; ValueError naming file and array for one that is not there (with the nearest names), not an array, or of another length.

    Use when data comes as HDF5; instead of it, ``MemoryMap`` for the fastest random reads. Cost: unpacking a chunk a record where records are
    read at random one by one. Needs the extra ``files``.

    >>> import h5py, numpy, tempfile
    >>> path = tempfile.mkdtemp() + "/a.h5"
    >>> with h5py.File(path, "w") as file:
    ...     file["train/x"], file["train/y"] = numpy.eye(3), [0, 1, 2]
    >>> HDF5(path, {"input": "train/x", "target": "train/y"})[2]
    {'input': tensor([0., 0., 1.]), 'target': tensor(2)}
    """

    def __init__(self, path: str | Path, columns: Mapping[str, str] | None = None, *, swmr: bool = False) -> None:
        self.path = existing(path)
        self.columns = dict(columns or {"input": "data", "target": "labels"})
        self._arrays = PerProcess(opened, self.path, self.columns, swmr)
        arrays = self._arrays()
        self.size = check_lengths(str(path), {self.columns[name]: len(array) for name, array in arrays.items()})
        self.blocks = {name: array.chunks[0] if array.chunks else 1024 for name, array in arrays.items()}
        self.block = max(self.blocks.values())

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, i: int) -> Record:
        if not -len(self) <= i < len(self):
            raise IndexError(f"Record {i} of {len(self)}")
        return record_of(self._read(), i % len(self))

    def gather(self, index: Tensor) -> Batch:
        """The records of ``index`` as one batch; each chunk is read once."""
        return batch_of(self._read(), self.blocks, index)

    def _read(self) -> dict[str, Any]:
        return self._arrays()


def opened(path: Path, columns: Mapping[str, str], swmr: bool) -> dict[str, Any]:
    """The arrays of a file, checked."""
    h5py = extra("h5py")
    try:
        file = h5py.File(path, "r", swmr=swmr)
    except OSError as error:
        raise ValueError(f"{str(path)!r} is not a whole HDF5 file: {error}") from error
    return {name: array_at(h5py, file, path, place) for name, place in columns.items()}


def array_at(h5py: Any, file: Any, path: Path, place: str) -> Any:
    """The array at a path inside the file, none of whose steps leaves the file."""
    node = file
    for step in place.strip("/").split("/"):
        if not isinstance(node, h5py.Group) or step not in node:
            known: list[str] = []
            file.visititems(lambda name, item: known.append(name) if isinstance(item, h5py.Dataset) else None)
            raise ValueError(f"{str(path)!r} has no array {place!r}. {hint(place, known)}")
        if isinstance(node.get(step, getlink=True), h5py.ExternalLink):
            raise ValueError(f"{str(path)!r}: {place!r} leads to another file; copy it into this one")
        node = node[step]
        if Path(str(node.file.filename)).resolve() != path.resolve():
            raise ValueError(f"{str(path)!r}: {place!r} leads to another file; copy it into this one")
    if not isinstance(node, h5py.Dataset) or not node.shape:
        raise ValueError(f"{str(path)!r}: {place!r} is no array with a record in each row")
    if node.external or node.is_virtual:
        raise ValueError(f"{str(path)!r}: {place!r} keeps its values in other files; copy them into this one")
    return node
