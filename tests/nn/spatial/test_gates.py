"""Gates of channels and places."""

from __future__ import annotations

import pytest
import torch

from tests.references import reference
from weft.nn import CBAM, ChannelAttention, CoordinateAttention, SpatialAttention, SqueezeExcitation, fold_norm


def stirred(module):
    for value in module.parameters():
        torch.nn.init.normal_(value, std=0.5)
    return module.eval()


def filled(ours, values):
    """``ours`` with the weights of another library's parts, in order, 1x1 convolutions as matrices."""
    state = {name: value.reshape(old.shape) for (name, old), value in zip(ours.state_dict().items(), values, strict=True)}
    ours.load_state_dict(state)
    return ours.eval()


@pytest.mark.parametrize("gate", ["sigmoid", "hardsigmoid"])
def test_squeeze_excitation_equals_torchvisions(gate):
    """Parity: SqueezeExcitation (squeeze_excitation) against torchvision's, with copied weights, values and gradients."""
    ops = reference("torchvision.ops")
    scale = {"sigmoid": torch.nn.Sigmoid, "hardsigmoid": torch.nn.Hardsigmoid}[gate]
    theirs = stirred(ops.SqueezeExcitation(32, 4, scale_activation=scale))
    ours = filled(SqueezeExcitation(32, 8, gate=gate), theirs.state_dict().values())
    x = torch.randn(2, 32, 5, 6, requires_grad=True)
    torch.testing.assert_close(ours(x), theirs(x))
    g = torch.randn(2, 32, 5, 6)
    torch.testing.assert_close(torch.autograd.grad(ours(x), x, g), torch.autograd.grad(theirs(x), x, g))


@pytest.mark.parametrize("places", [(7,), (3, 4), (2, 3, 2)], ids=len)
def test_the_gate_is_the_same_in_every_number_of_dimensions(places):
    """Closed form: x * sigmoid(W2 relu(W1 mean(x) + b1) + b2)."""
    layer, x = stirred(SqueezeExcitation(6, 2)), torch.randn(2, 6, *places)
    mean = x.flatten(2).mean(-1)
    share = layer.excite(layer.squeeze(mean).relu()).sigmoid()
    torch.testing.assert_close(layer(x).flatten(2), x.flatten(2) * share[..., None])


@pytest.mark.parametrize("channels", [1, 3, 8])
def test_few_channels_keep_a_live_gate(channels):
    """Property: below 16 channels, where channels / 16 is 0, a gradient still reaches both layers."""
    for layer in (SqueezeExcitation(channels), ChannelAttention(channels)):
        stirred(layer)(torch.randn(8, channels, 5, 5)).square().sum().backward()
        grads = [value.grad for name, value in layer.named_parameters() if name.endswith("weight")]
        assert len(grads) == 2 and all(grad.abs().sum() > 0 for grad in grads)


def test_cbam_equals_timms_channels_first_then_places():
    """Parity: CBAM (cbam), ChannelAttention (channel_attention) and SpatialAttention (spatial_attention) against timm's, whose batch norm is folded
    into its convolution; the other order is another function."""
    module = reference("timm.layers.cbam")
    theirs = stirred(module.CbamModule(32, rd_ratio=1 / 16))
    ours = CBAM(32, 16, min_hidden=1)
    filled(ours.channel, theirs.channel.state_dict().values())
    folded = fold_norm(theirs.spatial.conv.conv, theirs.spatial.conv.bn)
    filled(ours.spatial, [folded.weight, folded.bias])
    x = torch.randn(2, 32, 9, 8)
    torch.testing.assert_close(ours.channel(x), theirs.channel(x))
    torch.testing.assert_close(ours.spatial(x), theirs.spatial(x))
    torch.testing.assert_close(ours(x), theirs(x))
    assert not torch.allclose(ours(x), ours.channel(ours.spatial(x)), atol=1e-3)


def test_coordinate_attention_equals_timms():
    """Parity: CoordinateAttention (coordinate_attention) against timm's CoordAttn with copied weights."""
    module = reference("timm.layers.coord_attn")
    theirs = stirred(module.CoordAttn(16, rd_channels=8))
    ours = CoordinateAttention(16).eval()
    state = theirs.state_dict()
    ours.shared[0].load_state_dict({"weight": state["conv1.weight"]})
    ours.shared[1].load_state_dict({name: state[f"bn1.{name}"] for name in ours.shared[1].state_dict()})
    ours.rows = with_bias(ours.rows, state["conv_h.weight"])
    ours.columns = with_bias(ours.columns, state["conv_w.weight"])
    x = torch.randn(2, 16, 5, 7)
    torch.testing.assert_close(ours(x), theirs(x))


def with_bias(conv, weight):
    with torch.no_grad():
        conv.weight.copy_(weight)
        conv.bias.zero_()
    return conv


def test_coordinate_attention_tells_rows_from_columns():
    """Property: turning the picture on its side and exchanging the two gates gives the result on its side."""
    layer, x = stirred(CoordinateAttention(6)), torch.randn(2, 6, 4, 5)
    y = layer(x)
    layer.rows, layer.columns = layer.columns, layer.rows
    torch.testing.assert_close(layer(x.mT), y.mT)


def test_what_does_not_fit_is_said():
    for layer in (SqueezeExcitation(8), ChannelAttention(8), CBAM(8), CoordinateAttention(8)):
        with pytest.raises(ValueError, match=rf"{type(layer).__name__} expects a tensor of shape \(B, 8, .*\); got \(2, 4, 3, 3\)"):
            layer(torch.zeros(2, 4, 3, 3))
    assert SpatialAttention(3)(torch.zeros(2, 5, 3, 3)).shape == (2, 5, 3, 3)
    with pytest.raises(ValueError, match="at least 1; got 8, 0, 4"):
        SqueezeExcitation(8, 0)
