"""Networks, one file a family, on shelves by the kind of data."""

from __future__ import annotations

from weft._lazy import attach

SHELVES = {
    "vision": "weft.models.vision",
    "text": "weft.models.text",
    "audio": "weft.models.audio",
    "tabular": "weft.models.tabular",
    "generative": "weft.models.generative",
    "control": "weft.models.control",
    "exchange": "weft.models.exchange",
}
__getattr__, __dir__ = attach(__name__, {}, SHELVES)
