"""The guide to activations."""

from __future__ import annotations

import math

import pytest
import torch

from weft.nn import activation, recommend, sampled
from weft.nn.activations.guide import GUIDE, HIDDEN, OUTPUT
from weft.nn.activations.named import ACTIVATIONS


@pytest.mark.parametrize("name", GUIDE)
def test_ranges_are_as_stated(name):
    """Property: on a wide grid no value leaves the stated range, and each finite end of it is nearly reached."""
    x = torch.cat([torch.linspace(-100, 100, 200001, dtype=torch.float64), torch.tensor([-1e4, 1e4], dtype=torch.float64)])
    with torch.no_grad():
        y = activation(name).double().eval()(x)
    low, high = GUIDE[name].low, GUIDE[name].high
    assert y.min() >= low - 1e-3 and y.max() <= high + 1e-3
    assert y.min() < -50 if low == -math.inf else y.min() < low + 2e-2
    assert y.max() > 50 if high == math.inf else y.max() > high - 2e-2


def test_what_is_recommended_can_be_made():
    """Contract: every recommendation is a name of the catalogue; the rows of the plan are what is recommended."""
    for names in (*HIDDEN.values(), *OUTPUT.values()):
        assert set(names) <= set(ACTIVATIONS)
    assert recommend()[0] == "relu" and {"leaky_relu", "silu"} <= set(recommend())
    assert recommend("hidden", net="transformer")[0] == "gelu"
    assert recommend("hidden", net="recurrent")[0] == "tanh"
    assert [recommend("output", task=task)[0] for task in ("binary", "multiclass", "regression")] == ["sigmoid", "softmax", "identity"]
    with pytest.raises(ValueError, match=r"Unknown net 'transfomer'. Did you mean 'transformer'"):
        recommend("hidden", net="transfomer")
    with pytest.raises(ValueError, match=r"Unknown position 'ouput'. Did you mean 'output'"):
        recommend("ouput")


def test_samples_are_the_functions_and_their_derivatives():
    """Closed form: 1,000 points of [-5, 5]; tanh and its derivative; slopes equal differences."""
    x, y, slope = sampled(["tanh", "silu"])["tanh"]
    assert len(x) == 1000 and x[0] == -5 and x[-1] == 5
    torch.testing.assert_close(y, x.tanh())
    torch.testing.assert_close(slope, 1 - x.tanh() ** 2, atol=1e-6, rtol=1e-5)
    for name in ("gelu", "mish", "softplus"):
        x, y, slope = sampled([name], points=2001)[name]
        torch.testing.assert_close(slope[1:-1], (y[2:] - y[:-2]) / (x[2:] - x[:-2]), atol=1e-3, rtol=0)
