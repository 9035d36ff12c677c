"""Sources over file formats: opened lazily in each process, small when pickled, bounded while they read, errors that name file, row and column."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "columns": "weft.data.files.columns:Columns",
    "hdf5": "weft.data.files.hdf5:HDF5",
    "hugging_face": "weft.data.files.hugging_face:HuggingFace",
    "json_lines": "weft.data.files.json_lines:JsonLines",
    "memory_map": "weft.data.files.memory_map:MemoryMap",
    "parquet": "weft.data.files.parquet:Parquet",
    "sql": "weft.data.files.sql:Sql",
    "tar_shards": "weft.data.files.shards:TarShards",
    "text_folder": "weft.data.files.text_folder:TextFolder",
    "zarr": "weft.data.files.zarr_array:Zarr",
    "zip_pictures": "weft.data.files.zip_pictures:ZipPictures",
    "csv_flow": "weft.data.files.csv_rows:csv_flow",
    "hugging_face_flow": "weft.data.files.hugging_face:hugging_face_flow",
    "json_lines_flow": "weft.data.files.json_lines:json_lines_flow",
    "parquet_flow": "weft.data.files.parquet:parquet_flow",
    "sql_flow": "weft.data.files.sql:sql_flow",
    "tar_flow": "weft.data.files.shards:tar_flow",
}
KIND = {
    "columns": "source",
    "hdf5": "source",
    "hugging_face": "source",
    "json_lines": "source",
    "memory_map": "source",
    "parquet": "source",
    "sql": "source",
    "tar_shards": "source",
    "text_folder": "source",
    "zarr": "source",
    "zip_pictures": "source",
    "csv_flow": "flow",
    "hugging_face_flow": "flow",
    "json_lines_flow": "flow",
    "parquet_flow": "flow",
    "sql_flow": "flow",
    "tar_flow": "flow",
}
EXTRA = {
    "MemoryMapWriter": "weft.data.files.memory_map:MemoryMapWriter",
    "RawFile": "weft.data.files.memory_map:RawFile",
    "TarWriter": "weft.data.files.shards:TarWriter",
    "ZipMembers": "weft.data.files.zip_members:ZipMembers",
    "cached": "weft.data.files.remote:cached",
    "chunks": "weft.data.files.opening:chunks",
    "open_bounded": "weft.data.files.compressed:open_bounded",
    "open_source": "weft.data.files.opening:open_source",
    "upload": "weft.data.files.remote:upload",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """No ready-made instances: these sources are of files, and the tests write their own."""
    return {}
