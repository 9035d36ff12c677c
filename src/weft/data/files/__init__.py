"""Sources over file formats: opened lazily in each process, small when pickled, bounded while they read, errors that name file, row and column."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "columns": "weft.data.files.columns:Columns",
}
KIND = "source"
EXTRA = {
    "open_bounded": "weft.data.files.compressed:open_bounded",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """No ready-made instances: these sources are of files, and the tests write their own."""
    return {}
