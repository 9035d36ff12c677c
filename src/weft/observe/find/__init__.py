"""What finds settings before a training: the learning rate, the batch that fits into memory."""

from __future__ import annotations

from weft._lazy import attach

TABLE: dict[str, str] = {}
KIND = "listener"
EXTRA = {
    "BatchSizes": "weft.observe.find.batch_size:BatchSizes",
    "Rates": "weft.observe.find.rate:Rates",
    "find_batch_size": "weft.observe.find.batch_size:find_batch_size",
    "find_rate": "weft.observe.find.rate:find_rate",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)
