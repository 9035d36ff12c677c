"""Activations by name."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weft.nn import Activation, activation
from weft.nn.activations.named import ACROSS, ACTIVATIONS
from weft.scratch.activations import ACTIVATIONS as TEXTBOOK

GIVEN = {
    "threshold": {"threshold": 0.5, "value": 2.0},
    "mixed": {"activations": ["relu", "tanh"]},
    "softmax": {"dim": 1},
    "log_softmax": {"dim": 1},
    "softmin": {"dim": 1},
    "glu": {"dim": 1},
}
GRID = torch.cat([torch.linspace(-12, 12, 999), torch.tensor([-1e4, -88.0, 0.0, 88.0, 1e4])])

# The formulas of those that the textbook file leaves out, written without torch's activations.
FORMULAS = {
    "identity": lambda x: x,
    "relu6": lambda x: x.clamp(0, 6),
    "celu": lambda x: torch.where(x > 0, x, torch.expm1(x.clamp(max=0))),
    "hardswish": lambda x: x * (x + 3).clamp(0, 6) / 6,
    "hardsigmoid": lambda x: (x + 3).clamp(0, 6) / 6,
    "hardtanh": lambda x: x.clamp(-1, 1),
    "log_sigmoid": lambda x: torch.minimum(x, x * 0) - torch.log1p(torch.exp(-x.abs())),
    "softsign": lambda x: x / (1 + x.abs()),
    "threshold": lambda x: torch.where(x > 0.5, x, 2.0),
    "hardshrink": lambda x: torch.where(x.abs() > 0.5, x, 0.0),
    "softshrink": lambda x: x.sign() * (x.abs() - 0.5).clamp(min=0),
    "tanhshrink": lambda x: x - torch.tanh(x),
    "prelu": lambda x: torch.where(x > 0, x, 0.25 * x),
    "rrelu": lambda x: torch.where(x > 0, x, (1 / 8 + 1 / 3) / 2 * x),
    "swish": lambda x: x / (1 + torch.exp(-x)),
    "sine": torch.sin,
    "bounded": torch.sigmoid,
}


def value_and_slope(function, x):
    x = x.clone().requires_grad_()
    y = function(x)
    return y.detach(), torch.autograd.grad(y.sum(), x)[0]


def picture():
    return GRID[:1000].reshape(1, 2, 50, 10)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_name_maps_alone_what_it_says_it_maps_alone(name):
    """Property: outside ACROSS the shape stays and each element is mapped alone; extreme inputs stay finite; each call makes a new layer."""
    made = activation(name, GIVEN.get(name)).eval()
    if name in ACROSS:
        assert made(picture()).isfinite().all() and made(picture()).shape[1] == (1 if name == "glu" else 2)
    else:
        x = torch.tensor([-1e4, -1.0, 0.0, 1.0, 1e4])
        y = made(x)
        assert y.isfinite().all() and y.shape == x.shape
        torch.testing.assert_close(y[1:2], made(x[1:2]))
    assert activation(name, GIVEN.get(name)) is not made


@pytest.mark.parametrize("name", [*(name for name in TEXTBOOK if name in ACTIVATIONS and name not in FORMULAS), *FORMULAS])
def test_values_and_gradients_equal_the_formulas(name):
    """Parity: the activation by name in float32 against NumPy's textbook form or the written formula, on a wide grid to +-1e4, values and gradients."""
    x = GRID[(GRID + 6e-4).abs() > 1e-3] if name not in ("threshold", "hardshrink", "softshrink") else GRID[((GRID.abs() - 0.5).abs() > 1e-3)]
    x = x[((x.abs() - 6).abs() > 1e-3) & ((x.abs() - 3).abs() > 1e-3) & ((x.abs() - 1).abs() > 1e-3)]           # beside the kinks
    found, slope = value_and_slope(activation(name, GIVEN.get(name)).eval(), x)
    if name not in FORMULAS:
        expected, expected_slope = (torch.from_numpy(part(x.double().numpy())).float() for part in TEXTBOOK[name])
    else:
        wide = x.double().clamp(-700, 700) if name == "swish" else x.double()
        expected, expected_slope = (part.float() for part in value_and_slope(FORMULAS[name], wide))
        if name == "swish":
            expected = torch.where(x == 1e4, x, expected)
    torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-6 if name != "sine" else 2e-3)
    torch.testing.assert_close(slope, expected_slope, rtol=2e-5, atol=1e-5 if name != "sine" else 2e-3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_half_precision_is_finite_and_near(name, dtype):
    """Property: in fp16 and bf16 values and gradients are finite at +-1e4 and near those in float32."""
    x = picture().clone()
    x[..., -1] = 1e4
    x[..., 0] = -1e4
    x = x.to(dtype)
    rough, rough_slope = value_and_slope(activation(name, GIVEN.get(name)).to(dtype).eval(), x)
    exact, _ = value_and_slope(activation(name, GIVEN.get(name)).eval(), x.float())
    assert rough.dtype == dtype and rough.isfinite().all() and rough_slope.isfinite().all()
    torch.testing.assert_close(rough.float(), exact, rtol=0.03, atol=0.03)


def test_those_along_a_dimension_equal_their_definition():
    """Closed form: exponentials over their sum, halves gated."""
    x = torch.randn(2, 6, 3, 3)
    e = x.exp()
    torch.testing.assert_close(activation("softmax", {"dim": 1})(x), e / e.sum(1, keepdim=True))
    torch.testing.assert_close(activation("log_softmax", {"dim": 1})(x), (e / e.sum(1, keepdim=True)).log())
    torch.testing.assert_close(activation("softmin", {"dim": 1})(x), (1 / e) / (1 / e).sum(1, keepdim=True))
    torch.testing.assert_close(activation("softmax2d")(x), e / e.sum(1, keepdim=True))
    torch.testing.assert_close(activation("glu", {"dim": 1})(x), x[:, :3] * x[:, 3:].sigmoid())


def test_breakpoints_are_exact():
    """Closed form: the hard functions at and beside their kinks; where two pieces meet, the value of both."""
    x = torch.tensor([-3.0, 0.0, 3.0, 6.0, 6.5])
    assert activation("relu6")(x).tolist() == [0, 0, 3, 6, 6]
    assert activation("hardswish")(x).tolist() == [0, 0, 3, 6, 6.5]
    assert activation("hardsigmoid")(x).tolist() == [0, 0.5, 1, 1, 1]


def test_options_reach_the_layer():
    """Property: options change the function as their names say; a slope above 1 is right, where max(a x, x) would not be."""
    assert activation("leaky_relu", {"negative_slope": 2.0})(torch.tensor([-1.0, 1.0])).tolist() == [-2, 1]
    assert activation("prelu", {"num_parameters": 3}).weight.shape == (3,)
    x = torch.randn(50)
    torch.testing.assert_close(activation("gelu", {"approximate": "tanh"})(x), 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))))
    torch.testing.assert_close(activation("elu", {"alpha": 0.3})(x), F.elu(x, 0.3))
    y = x.clone()
    assert activation("relu", {"inplace": True})(y) is y and (y >= 0).all()


def test_unknown_names_and_options_list_the_nearest():
    with pytest.raises(ValueError, match=r"Unknown activation 'Relu'\. Did you mean .*'relu'"):
        activation("Relu")
    with pytest.raises(ValueError, match=r"Activation 'elu' has no option 'alhpa'\. Did you mean 'alpha'"):
        activation("elu", {"alhpa": 1})
    with pytest.raises(ValueError, match=r"Activation 'sigmoid' has no option 'inplace'"):
        activation("sigmoid", {"inplace": True})
    with pytest.raises(ValueError, match=r"'softmax' needs dim"):
        activation("softmax")
    with pytest.raises(ValueError, match=r"'threshold' needs threshold and value"):
        activation("threshold")


def test_a_switch_changes_the_function_and_keeps_place_and_mode():
    """Property: Activation (switchable_activation) gives what its present name gives, in the old one's type and mode; an unknown name changes nothing."""
    act = Activation("prelu").double().eval()
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)
    torch.testing.assert_close(act(x), torch.where(x > 0, x, 0.25 * x))
    act.switch("swish", {"beta": 2, "learnable": True})
    assert act.act.beta.dtype == torch.float64 and not act.act.training and "swish" in repr(act)
    torch.testing.assert_close(act(x), x * (2 * x).sigmoid())
    with pytest.raises(ValueError, match=r"Unknown activation"):
        act.switch("swoosh")
    torch.testing.assert_close(act(x), x * (2 * x).sigmoid())


def test_smallest_values_are_those_that_are_stated():
    """Closed form: SiLU's least value is -0.278, GELU's -0.170."""
    x = torch.linspace(-5, 5, 100001, dtype=torch.float64)
    assert activation("silu")(x).min().item() == pytest.approx(-0.27846, abs=1e-5)
    assert activation("gelu")(x).min().item() == pytest.approx(-0.16997, abs=1e-5)
    assert np.isclose(TEXTBOOK["mish"][0](x.numpy()).min(), -0.30884, atol=1e-5)


def test_a_layer_of_torch_stays_a_layer_of_torch():
    """Contract: nothing is wrapped where torch has the class."""
    assert type(activation("relu")) is nn.ReLU and type(activation("softmax", {"dim": -1})) is nn.Softmax
