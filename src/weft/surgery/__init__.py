"""Module to module: freezing, adapters, fake quantization."""

from __future__ import annotations

from weft._lazy import attach

TABLE = {
    "freeze": "weft.surgery.freeze:freeze",
    "thaw": "weft.surgery.freeze:thaw",
}
KIND = "surgery"

__getattr__, __dir__ = attach(__name__, TABLE, {"is_frozen": "weft.surgery.freeze:is_frozen", "keep_frozen": "weft.surgery.freeze:keep_frozen"})
