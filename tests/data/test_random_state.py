"""Random states: captured, restored, through files and back, left as found."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from weft.data import random_state
from weft.data.state_files import pack, unpack


def draws():
    return [torch.rand(3).tolist(), random.random(), random.gauss(0, 1), np.random.rand(), np.random.randn()]


def test_restoring_repeats_every_generator():
    """Property: torch, Python and NumPy, in the middle of a pair of Gaussian numbers (both keep the second one)."""
    random.gauss(0, 1), np.random.randn()
    state = random_state.capture()
    first = draws()
    assert draws() != first
    random_state.restore(state)
    assert draws() == first


def test_a_state_survives_packing():
    """Property: what a checkpoint holds restores the same numbers."""
    state = unpack(*pack(random_state.capture()))
    first = draws()
    random_state.restore(state)
    assert draws() == first


def test_untouched_leaves_no_trace_even_of_an_error():
    """Property: what is drawn inside does not show outside."""
    state = random_state.capture()
    expected = draws()
    random_state.restore(state)
    with random_state.untouched():
        assert draws() == expected
    with pytest.raises(ZeroDivisionError), random_state.untouched():
        draws().append(1 / 0)
    assert draws() == expected


def test_a_captured_state_does_not_move():
    """Property: drawing after capturing leaves the captured state as it was."""
    state = random_state.capture()
    before = state["torch"].clone(), state["numpy"][1].clone()
    draws()
    assert torch.equal(state["torch"], before[0]) and torch.equal(state["numpy"][1], before[1])
