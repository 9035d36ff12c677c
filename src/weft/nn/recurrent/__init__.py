"""Recurrence: cells that can be read, stacks on torch's kernels, gate orders, packing."""

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
