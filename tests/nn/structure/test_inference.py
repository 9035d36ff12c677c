"""Shapes without numbers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.contracts.walk import entries, example, tensors
from weft.nn import output_shape

WITHOUT = {"routed": "which items go to a branch depends on the numbers", "greedy_policy": "a dict of outputs", "heads": "a dict of outputs"}


@pytest.mark.parametrize("entry", [one for one in entries("layer") if one.shelf.endswith(("structure", "recurrent", "sequence"))], ids=lambda one: one.name)
def test_the_shape_told_is_the_shape_made(entry):
    """Property: output_shape of every layer of these shelves with float inputs equals that of a run, and leaves the layer's weights where they are."""
    if entry.name in WITHOUT:
        pytest.skip(WITHOUT[entry.name])
    make, inputs = example(entry)
    layer = make().eval()
    if not all(isinstance(value, torch.Tensor) for value in inputs):
        pytest.skip("an input that is not a tensor")
    found = output_shape(layer, *(value.shape for value in inputs), dtype=inputs[0].dtype)
    made = [tuple(value.shape) for value in tensors(layer(*inputs))]
    assert made == [tuple(shape) for shape in flat(found)]
    assert all(p.device.type == "cpu" for p in layer.parameters())


def flat(shapes):
    if isinstance(shapes, tuple) and all(isinstance(size, int) for size in shapes):
        return [shapes]
    return [leaf for part in shapes for leaf in flat(part)]


def test_a_wrong_shape_is_told_as_by_a_call():
    with pytest.raises(RuntimeError):
        output_shape(nn.Linear(4, 2), (3, 5))
