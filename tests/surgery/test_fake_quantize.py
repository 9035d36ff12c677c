"""Quantization of weights: the grid by hand and the straight-through gradient; what training with it is worth, the recipe digits_qat measures."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.engine import Steps, fit
from weft.losses import mse
from weft.methods import Supervised
from weft.surgery import fake_quantize, quantized, round_weights


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3, padding=1, padding_mode="circular"), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4))


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("per_channel", [True, False])
def test_each_weight_goes_to_its_nearest_grid_point(bits, per_channel):
    """quantized, brute force: every weight against every point of its grid."""
    weight = torch.randn(3, 2, 4)
    found = quantized(weight, bits, per_channel)
    points = torch.arange(-(2 ** (bits - 1)) + 1, 2 ** (bits - 1)).float() / (2 ** (bits - 1) - 1)
    for channel in range(3):
        most = weight[channel].abs().max() if per_channel else weight.abs().max()
        grid = points * most
        nearest = grid[(weight[channel].flatten()[:, None] - grid).abs().argmin(1)].view(2, 4)
        torch.testing.assert_close(found[channel], nearest)


def test_parity_with_torch():
    """quantized, parity: torch.fake_quantize_per_channel_affine with the same scales."""
    weight = torch.randn(5, 7)
    scale = weight.abs().amax(1) / 7
    expected = torch.fake_quantize_per_channel_affine(weight, scale, torch.zeros(5, dtype=torch.int32), 0, -7, 7)
    torch.testing.assert_close(quantized(weight, 4), expected)


def test_the_gradient_passes_straight_through():
    """quantized, closed form: the derivative is that of the identity; a row of zeros stays one."""
    weight = torch.randn(3, 4, requires_grad=True)
    slope = torch.randn(3, 4)
    (quantized(weight, 3) * slope).sum().backward()
    assert torch.equal(weight.grad, slope)
    assert torch.equal(quantized(torch.zeros(2, 2), 4), torch.zeros(2, 2))


@pytest.mark.parametrize("bits", [3, 8])
def test_rounding_afterwards_changes_no_output(bits):
    """round_weights, property: a fake-quantized network, trained a little, gives the same outputs when its weights are really rounded."""
    x = torch.randn(6, 1, 4, 4)
    trained = fake_quantize(network(), bits)
    assert set(trained.state_dict()) == set(network().state_dict())
    fit(Supervised(trained, mse), [(x, torch.randn(6, 4))], until=Steps(3))
    expected = trained.eval()(x)
    rounded = round_weights(trained, bits)
    torch.testing.assert_close(rounded(x), expected, rtol=1e-4, atol=1e-5)
    assert [type(layer) for layer in rounded] == [nn.Conv2d, nn.ReLU, nn.Flatten, nn.Linear]
    assert all(len(row.unique()) <= 2**bits - 1 for row in rounded[3].weight)


def test_eight_bits_are_nearly_exact_and_two_are_not():
    """fake_quantize, property: the error of the output shrinks with the number of bits."""
    x = torch.randn(6, 1, 4, 4)
    expected = network()(x)
    errors = [float((fake_quantize(network(), bits)(x) - expected).abs().mean().detach()) for bits in (2, 4, 8)]
    assert errors[0] > 4 * errors[1] > 16 * errors[2]


def test_tied_weights_do_not_move():
    """round_weights, property: rounding the output layer leaves the embedding that it is tied to."""
    net = nn.ModuleDict({"embedding": nn.Embedding(11, 16), "head": nn.Linear(16, 11)})
    net["head"].weight = net["embedding"].weight
    embedding = net["embedding"].weight.clone()
    round_weights(net, 3)
    assert torch.equal(net["embedding"].weight, embedding)
    assert not torch.equal(net["head"].weight, embedding)


@pytest.mark.parametrize("bits", [1, 17])
def test_impossible_bits_are_refused(bits):
    for operate in (fake_quantize, round_weights):
        with pytest.raises(ValueError, match="2 to 16"):
            operate(network(), bits)
