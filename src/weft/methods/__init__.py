"""One file per learning method, on shelves by way of learning."""

from __future__ import annotations

import importlib

from weft._lazy import attach

SHELVES = ("supervised",)
TABLE = {name: path for shelf in SHELVES for name, path in importlib.import_module(f"weft.methods.{shelf}").TABLE.items()}
KIND = "method"
__getattr__, __dir__ = attach(__name__, TABLE)
