"""Networks from other libraries' files, and back."""

from __future__ import annotations

from weft._lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {},
    {
        "Agreement": "weft.models.exchange.agreement:Agreement",
        "KerasNetwork": "weft.models.exchange.keras:KerasNetwork",
        "LoadReport": "weft.models.exchange.partial:LoadReport",
        "compare_networks": "weft.models.exchange.agreement:compare_networks",
        "from_keras": "weft.models.exchange.keras:from_keras",
        "known_layers": "weft.models.exchange.keras_layers:known_layers",
        "load_arrays": "weft.models.exchange.layouts:load_arrays",
        "load_partial": "weft.models.exchange.partial:load_partial",
        "read_keras": "weft.models.exchange.keras_files:read_keras",
    },
)
