"""Activations by name."""

from __future__ import annotations

import pytest
import torch

from weft.nn import activation
from weft.nn.activations import ACTIVATIONS


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_name_makes_an_elementwise_function(name):
    """Property: the shape stays, each element is mapped alone, and extreme inputs stay finite."""
    x = torch.tensor([-1e4, -1.0, 0.0, 1.0, 1e4])
    y = activation(name)(x)
    assert y.isfinite().all()
    torch.testing.assert_close(y[1:2], activation(name)(x[1:2]))
    assert activation(name) is not activation(name)


def test_unknown_names_list_the_nearest():
    with pytest.raises(ValueError, match=r"Unknown activation 'Relu'\. Did you mean .*'relu'"):
        activation("Relu")
