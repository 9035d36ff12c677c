"""Layers that shape the gradient."""

from __future__ import annotations

import pytest
import torch
from jaxtyping import TypeCheckError

from weft.nn import GradientReversal, GradientScale, StraightThrough, scale_gradient, straight_through


@pytest.mark.parametrize(("layer", "factor"), [(GradientScale(0.3), 0.3), (GradientScale(0.0), 0.0), (GradientReversal(1.5), -1.5)], ids=repr)
def test_values_pass_and_gradients_are_multiplied(layer, factor):
    """Closed form: GradientScale (gradient_scale) and GradientReversal (gradient_reversal): f(x) = x exactly, gradient factor * g."""
    x = torch.randn(4, 3, requires_grad=True)
    y = layer(x)
    assert torch.equal(y, x)
    g = torch.randn(4, 3)
    y.backward(g)
    torch.testing.assert_close(x.grad, factor * g)


def test_a_reversed_gradient_turns_learning_round():
    """Learned: one step downhill on the loss behind a reversal raises it for the part before, and lowers it for the part after."""
    before, after, x = torch.nn.Linear(3, 3), torch.nn.Linear(3, 1), torch.randn(64, 3)
    (after(GradientReversal()(before(x))) - 1).square().mean().backward()
    loss = lambda: (after(before(x)) - 1).square().mean().item()  # noqa: E731
    start = loss()
    with torch.no_grad():
        before.weight -= 0.01 * before.weight.grad
    assert loss() > start
    with torch.no_grad():
        before.weight += 0.01 * before.weight.grad
        after.weight -= 0.01 * after.weight.grad
    assert loss() < start


STEPS = {"round": torch.round, "floor": torch.floor, "sign": lambda x: torch.where(x < 0, -1.0, 1.0), "binary": lambda x: (x > 0).float()}


@pytest.mark.parametrize("step", STEPS)
def test_a_step_has_the_value_of_the_step_and_the_gradient_of_the_identity(step):
    """Closed form: StraightThrough (straight_through_step), with and without a limit; the value is exact, not x + (step(x) - x)."""
    x = torch.tensor([-1e7, -2.5, -0.4, 0.0, 0.4, 1.4, 1e-9], requires_grad=True)
    y = StraightThrough(step)(x)
    assert torch.equal(y, STEPS[step](x.detach()))
    y.backward(torch.arange(1.0, 8))
    assert x.grad.tolist() == [1, 2, 3, 4, 5, 6, 7]
    x.grad = None
    StraightThrough(step, limit=1.0)(x).sum().backward()
    assert x.grad.tolist() == [0, 0, 1, 1, 1, 0, 1]


def test_functions_say_what_does_not_fit():
    """Property: scale_gradient nests; straight_through refuses two shapes that would broadcast; an unknown step lists the nearest."""
    x = torch.ones(2, requires_grad=True)
    scale_gradient(scale_gradient(x, 2.0), 3.0).sum().backward()
    assert x.grad.tolist() == [6, 6]
    with pytest.raises((ValueError, TypeCheckError), match=r"straight_through"):
        straight_through(torch.ones(2), torch.ones(1))
    with pytest.raises(ValueError, match=r"Unknown step 'rond'. Did you mean 'round'"):
        StraightThrough("rond")
