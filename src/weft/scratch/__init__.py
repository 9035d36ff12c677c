"""The textbook algorithms in NumPy, to be read, and to be the oracles of the tests."""

from __future__ import annotations

from weft._lazy import attach

__getattr__, __dir__ = attach(__name__, {}, {"activations": "weft.scratch.activations"})
