"""How weights begin: schemes, rules for every tensor with a report, depth and data, and whether the signal gets through."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE: dict[str, str] = {}
KIND: dict[str, str] = {}
EXTRA = {
    "Beginnings": "weft.nn.initialization.rules:Beginnings",
    "Propagation": "weft.nn.initialization.propagation:Propagation",
    "Rule": "weft.nn.initialization.rules:Rule",
    "STANDARD": "weft.nn.initialization.rules:STANDARD",
    "Scheme": "weft.nn.initialization.schemes:Scheme",
    "fixup": "weft.nn.initialization.depth:fixup",
    "initialize": "weft.nn.initialization.schemes:initialize",
    "initialize_by": "weft.nn.initialization.rules:initialize_by",
    "lsuv": "weft.nn.initialization.depth:lsuv",
    "prior_bias": "weft.nn.initialization.schemes:prior_bias",
    "propagation": "weft.nn.initialization.propagation:propagation",
    "scale_residual": "weft.nn.initialization.depth:scale_residual",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """Nothing stands here that is a layer."""
    return {}
