"""One file per learning method, on shelves by way of learning."""

from __future__ import annotations

import importlib

from weft._lazy import attach

SHELVES = ("supervised", "generative", "contrastive", "meta", "continual", "reinforcement")
NAMES = {name: path for shelf in SHELVES for name, path in importlib.import_module(f"weft.methods.{shelf}").TABLE.items()}
__getattr__, __dir__ = attach(__name__, NAMES)
