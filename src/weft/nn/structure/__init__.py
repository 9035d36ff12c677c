"""Structure: parts around parts (residual, parallel, repeated, early exits), linear and embedding families, networks from lists of layers."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE: dict[str, str] = {}
KIND = "layer"
EXTRA: dict[str, str] = {}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """Each layer as (a function that makes it, the inputs of one call)."""
    return {}
