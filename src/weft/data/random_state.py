"""Random states of this process: captured, restored, and put back."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Iterator
from typing import Any

import torch


def capture() -> dict[str, Any]:
    """Every generator that training may draw from: torch on each device, Python, NumPy if it is in use."""
    state: dict[str, Any] = {"torch": torch.get_rng_state(), "python": random.getstate()}
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        state["cuda"] = torch.cuda.get_rng_state_all()
    if torch.backends.mps.is_available():
        state["mps"] = torch.mps.get_rng_state()
    if "numpy.random" in sys.modules:
        kind, keys, position, has_gauss, gauss = sys.modules["numpy.random"].get_state()
        state["numpy"] = [kind, torch.from_numpy(keys.astype("int64")), int(position), int(has_gauss), float(gauss)]
    return state


def restore(state: dict[str, Any]) -> None:
    """Put every generator back to where ``capture`` found it."""
    torch.set_rng_state(state["torch"])
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
    if "mps" in state and torch.backends.mps.is_available():
        torch.mps.set_rng_state(state["mps"])
    if "numpy" in state:
        import numpy

        kind, keys, position, has_gauss, gauss = state["numpy"]
        numpy.random.set_state((kind, keys.numpy().astype("uint32"), position, has_gauss, gauss))


@contextlib.contextmanager
def untouched() -> Iterator[None]:
    """Leave every generator as it was found."""
    state = capture()
    try:
        yield
    finally:
        restore(state)
