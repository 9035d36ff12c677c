"""Citation graphs in Planetoid's files, which are Python pickles: read by an unpickler that knows five names and runs none of theirs."""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from weft.data.sets.published import fetch
from weft.data.text_file import existing

MAX_BYTES = 100_000_000
PARTS = ("x", "y", "tx", "ty", "allx", "ally", "graph", "test.index")
NUMBERS = {"f4", "f8", "i4", "i8", "u1", "u4", "i1", "i2"}


class Type:
    """Stands in for NumPy's type of numbers: takes its name, refuses objects."""

    def __init__(self, name: Any = "", *_: Any) -> None:
        if name not in NUMBERS:
            raise pickle.UnpicklingError(f"an array of type {name!r}; expected numbers")
        self.name, self.order = name, "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = ">" if state[1] == ">" else "<"


class Array:
    """Stands in for NumPy's array: its state becomes a real one after shape, type and size agree."""

    values: np.ndarray

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, fortran, data = state
        if not isinstance(kind, Type) or not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
            raise pickle.UnpicklingError("an array without a type or shape")
        raw = data.encode("latin1") if isinstance(data, str) else bytes(data)
        dtype = np.dtype(kind.order + kind.name)
        if math.prod(shape) * dtype.itemsize != len(raw):
            raise pickle.UnpicklingError(f"an array {shape} of {dtype} with {len(raw)} bytes")
        self.values = np.frombuffer(raw, dtype).reshape(shape, order="F" if fortran else "C").astype(dtype.newbyteorder("="))


class Sparse:
    """Stands in for SciPy's compressed rows; ``dense`` makes the array of them."""

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.state = dict(state)

    def dense(self) -> np.ndarray:
        """The array (rows, columns) as float32; raises ValueError for places outside it."""
        rows, columns = (int(n) for n in self.state["_shape"])
        data, places, starts = (self.state[name].values for name in ("data", "indices", "indptr"))
        if rows * columns > 1_000_000_000 or len(starts) != rows + 1 or len(data) != len(places) or starts[0] != 0 or starts[-1] != len(data):
            raise ValueError(f"a sparse array {rows} x {columns} whose parts do not fit")
        if (np.diff(starts) < 0).any() or (len(places) and not 0 <= places.min() <= places.max() < columns):
            raise ValueError(f"a sparse array {rows} x {columns} with values outside it")
        out = np.zeros((rows, columns), np.float32)
        out[np.repeat(np.arange(rows), np.diff(starts)), places] = data
        return out


def empty_array(*_: Any) -> Array:
    """What NumPy's ``_reconstruct`` is called for: an array that gets its state next."""
    return Array()


def empty_dict(*_: Any) -> dict[Any, Any]:
    """What ``defaultdict(list)`` is called for."""
    return {}


BROKEN = (  # what an unpickler raises for a file that is none, or that lies
    pickle.UnpicklingError, ValueError, TypeError, AttributeError, KeyError, IndexError, EOFError, OverflowError, ImportError, MemoryError,
)  # fmt: skip
KNOWN = {
    ("scipy.sparse.csr", "csr_matrix"): Sparse,
    ("scipy.sparse._csr", "csr_matrix"): Sparse,
    ("numpy", "ndarray"): Array,
    ("numpy", "dtype"): Type,
    ("numpy.core.multiarray", "_reconstruct"): empty_array,
    ("numpy._core.multiarray", "_reconstruct"): empty_array,
    ("collections", "defaultdict"): empty_dict,
    ("__builtin__", "list"): list,
    ("builtins", "list"): list,
}


class Unpickler(pickle.Unpickler):
    """Finds nothing but the stand-ins of this file."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in KNOWN:
            raise pickle.UnpicklingError(f"the name {module}.{name}, which no Planetoid file needs")
        return KNOWN[module, name]

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("a reference to something outside the file")


def unpickled(path: str | Path) -> Any:
    """What a Planetoid file holds: an array, a ``Sparse``, or a dict of lists; raises ValueError naming the file for anything else."""
    path = existing(path)
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{str(path)!r} has {path.stat().st_size:,} bytes; the limit is {MAX_BYTES:,}")
    try:
        value = Unpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
        if isinstance(value, Array):
            return value.values
        if isinstance(value, Sparse):
            return value.dense()
    except BROKEN as error:
        raise ValueError(f"{str(path)!r} is no Planetoid file: {type(error).__name__}: {error}") from error
    good = isinstance(value, dict) and all(
        type(node) is int and isinstance(near, list) and all(type(other) is int for other in near) for node, near in value.items()
    )
    if not good:
        raise ValueError(f"{str(path)!r} is no Planetoid file: it holds a {type(value).__name__}")
    return value


def planetoid(folder: str | Path, name: str) -> dict[str, Tensor]:
    """A citation graph of the eight files ``ind.<name>.*``: Cora, Citeseer or PubMed with the public split.

    ``x`` (N, F) float32 words, ``label`` (N,) int64, ``edges`` (2, E) int64, both ways, each once, without loops, and the masks ``train``
    (20 a class), ``val`` (500) and ``test``. Papers that Citeseer lacks are rows of zeros of class 0 in no mask.
    Raises ValueError naming the file that does not fit.

    Kipf and Welling, 2017, arXiv:1609.02907, for the order of the rows; Yang, Cohen, Salakhutdinov, 2016, arXiv:1603.08861, for the split.

    Use when graphs lie in these files; ``cora()`` also fetches and checks them. Cost: the words as a dense array.

    >>> planetoid(fetch("cora"), "cora")["x"].shape  # doctest: +SKIP
    torch.Size([2708, 1433])
    """
    values = {part: unpickled(Path(folder, f"ind.{name}.{part}")) for part in PARTS[:-1]}
    index_file = existing(Path(folder, f"ind.{name}.test.index"))
    try:
        test = np.array([int(line) for line in index_file.read_text().split()])
    except ValueError as error:
        raise ValueError(f"{str(index_file)!r} holds something that is no number: {error}") from error
    known, size = len(values["allx"]), int(test.max()) + 1
    if len(values["ally"]) != known or len({len(test), len(values["tx"]), len(values["ty"])}) > 1 or test.min() != known:
        raise ValueError(f"The parts of {name!r} in {str(folder)!r} do not fit together")
    x = np.zeros((size, values["allx"].shape[1]), np.float32)
    y = np.zeros((size, values["ally"].shape[1]), np.float32)
    x[:known], y[:known] = values["allx"], values["ally"]
    x[test], y[test] = values["tx"], values["ty"]
    pairs = np.array([(a, b) for a, near in values["graph"].items() for b in near if a != b]).T
    if pairs.min() < 0 or pairs.max() >= size:
        raise ValueError(f"The graph of {name!r} in {str(folder)!r} names a paper outside its {size}")
    edges = np.unique(np.concatenate([pairs, pairs[::-1]], 1), axis=1)
    num_train = len(values["y"])
    masks = {"train": np.arange(num_train), "val": np.arange(num_train, num_train + 500), "test": test}
    flags = {part: torch.zeros(size, dtype=torch.bool).index_fill(0, torch.from_numpy(rows), True) for part, rows in masks.items()}
    return {"x": torch.from_numpy(x), "label": torch.from_numpy(y.argmax(1)), "edges": torch.from_numpy(edges), **flags}


def cora(*, download: bool = False) -> dict[str, Tensor]:
    """Cora: 2,708 papers, 1,433 words, 7 classes, the public 140/500/1,000 split; a graph as ``planetoid`` gives it.

    Sen et al., 2008, doi:10.1609/aimag.v29i3.2157; Yang, Cohen, Salakhutdinov, 2016, arXiv:1603.08861.

    >>> cora()["label"].bincount().tolist()  # doctest: +SKIP
    [351, 217, 418, 818, 426, 298, 180]
    """
    return planetoid(fetch("cora", download=download), "cora")
