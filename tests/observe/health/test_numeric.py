"""A model's gradients against finite differences."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weft.observe import gradient_check


class Wrong(torch.autograd.Function):
    """A square with a backward pass that forgets the factor."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * x


class Net(nn.Module):
    def __init__(self, square):
        super().__init__()
        self.first, self.second, self.square = nn.Linear(3, 5), nn.Linear(5, 2), square

    def forward(self, x):
        return self.second(self.square(self.first(x)))


def test_a_right_gradient_passes_and_a_wrong_one_is_named():
    """Property: gradient_check, as torch's gradcheck, passes a right backward pass and names the parameters behind a wrong one."""
    x, y = torch.randn(6, 3), torch.randn(6, 2)
    right, wrong = (gradient_check(Net(square), x, y, F.mse_loss) for square in (torch.square, Wrong.apply))
    assert max(found.relative for found in right.values()) < 1e-6
    assert {name for name, found in wrong.items() if found.relative > 0.1} == {"first.weight", "first.bias"}
    double = x.double().requires_grad_()
    assert torch.autograd.gradcheck(torch.square, double) and not torch.autograd.gradcheck(Wrong.apply, double, raise_exception=False)


@pytest.mark.parametrize("network", [nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Dropout(0.5), nn.BatchNorm1d(8), nn.Linear(8, 4)), nn.Sequential(nn.Linear(3, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 4))])
def test_nothing_of_the_model_changes(network):
    """Property: weights, buffers, mode, gradients and random state are as before; dropout draws the same in each evaluation."""
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.random.get_rng_state()
    found = gradient_check(network, torch.randn(8, 3), torch.randint(4, (8,)), F.cross_entropy)
    torch.random.set_rng_state(state)
    again = gradient_check(network, torch.randn(8, 3), torch.randint(4, (8,)), F.cross_entropy)
    assert found == again and max(one.relative for one in found.values()) < 1e-5
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in before.items())
    assert network.training and all(p.grad is None and p.dtype == torch.float32 for p in network.parameters())


def test_only_some_elements_of_large_parameters_are_compared():
    found = gradient_check(nn.Linear(30, 30), torch.randn(2, 30), torch.zeros(2, 30), F.mse_loss, max_elements=7)
    assert found["weight"].compared == 7 == found["bias"].compared


def test_what_cannot_be_checked_is_refused():
    with pytest.raises(ValueError, match="no trainable"):
        gradient_check(nn.ReLU(), torch.ones(1), torch.ones(1), F.mse_loss)
    with pytest.raises(ValueError, match="eps=0"):
        gradient_check(nn.Linear(1, 1), torch.ones(1, 1), torch.ones(1, 1), F.mse_loss, eps=0)
