"""Masks read as lengths."""

from __future__ import annotations

import pytest
import torch

from weft.losses.sequence.lengths import lengths

CPU = torch.device("cpu")


def test_counts_what_is_kept():
    assert lengths(torch.tensor([[True, True], [True, False], [False, False]]), (3, 2), CPU, "mask").tolist() == [2, 1, 0]
    assert lengths(None, (2, 5), CPU, "mask").tolist() == [5, 5]


def test_holes_and_other_shapes_are_refused():
    with pytest.raises(ValueError, match="row 1 hides a step before one that it keeps"):
        lengths(torch.tensor([[True, True], [False, True]]), (2, 2), CPU, "mask")
    with pytest.raises(ValueError, match=r"has shape \(2, 3\); got \(2, 2\)"):
        lengths(torch.ones(2, 2, dtype=torch.bool), (2, 3), CPU, "mask")
    with pytest.raises(ValueError, match="boolean"):
        lengths(torch.ones(2, 2), (2, 2), CPU, "mask")
