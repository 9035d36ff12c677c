"""Sources over file formats: opened lazily in each process, small when pickled, bounded while they read, errors that name file, row and column."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "columns": "weft.data.files.columns:Columns",
    "hdf5": "weft.data.files.hdf5:HDF5",
    "memory_map": "weft.data.files.memory_map:MemoryMap",
    "zarr": "weft.data.files.zarr_array:Zarr",
}
KIND = "source"
EXTRA = {
    "MemoryMapWriter": "weft.data.files.memory_map:MemoryMapWriter",
    "Raw": "weft.data.files.memory_map:Raw",
    "open_bounded": "weft.data.files.compressed:open_bounded",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """No ready-made instances: these sources are of files, and the tests write their own."""
    return {}
