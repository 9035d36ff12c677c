"""Networks from other libraries' files, and back."""

from __future__ import annotations

from weft._lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {},
    {
        "KerasNetwork": "weft.models.exchange.keras:KerasNetwork",
        "from_keras": "weft.models.exchange.keras:from_keras",
        "known_layers": "weft.models.exchange.keras_layers:known_layers",
        "read_keras": "weft.models.exchange.keras_files:read_keras",
    },
)
