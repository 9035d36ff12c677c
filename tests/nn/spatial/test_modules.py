"""Blocks with several ways through."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import weft
from tests.contracts.walk import tensors
from tests.references import reference
from weft.nn import DenseBlock, DenseTransition, InceptionModule, channel_shuffle


def copied(ours, theirs):
    """The same weights in both, in their order of parts."""
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))


def test_inception_equals_torchvisions_in_its_form():
    """Parity: InceptionModule (inception_module) with a third kernel of 3, as torchvision has it, copied weights, in training mode."""
    googlenet = reference("torchvision.models.googlenet")
    ours, theirs = InceptionModule(12, 4, (3, 6), (2, 5), 4, kernel=3), googlenet.Inception(12, 4, 3, 6, 2, 5, 4)
    for part in ours.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eps = 0.001
    copied(ours, theirs)
    x = torch.randn(2, 12, 7, 8)
    torch.testing.assert_close(ours(x), theirs(x))


def test_inception_has_the_papers_five_by_five():
    """Closed form: by default the third way's kernel is 5; channels are the sum of the ways; each way is its part of the output."""
    layer, x = InceptionModule(12, 4, (3, 6), (2, 5), 4, norm=None), torch.randn(2, 12, 7, 8)
    assert layer.five[1].conv.kernel_size == (5, 5)
    y = layer(x)
    assert y.shape == (2, 19, 7, 8)
    torch.testing.assert_close(y.split([4, 6, 5, 4], 1)[2], layer.five(x))


def test_dense_block_and_transition_equal_torchvisions():
    """Parity: DenseBlock (dense_block) and DenseTransition (dense_transition) against torchvision's, copied weights, values and gradients."""
    densenet = reference("torchvision.models.densenet")
    ours, theirs = DenseBlock(6, 3, 4), densenet._DenseBlock(3, 6, 4, 4, 0.0)
    copied(ours, theirs)
    x = torch.randn(2, 6, 5, 7, requires_grad=True)
    y, expected = ours(x), theirs(x)
    torch.testing.assert_close(y, expected)
    g = torch.randn_like(y)
    torch.testing.assert_close(torch.autograd.grad(y, x, g), torch.autograd.grad(expected, x, g), rtol=1e-4, atol=1e-5)
    ours, theirs = DenseTransition(6, 3), densenet._Transition(6, 3)
    copied(ours, theirs)
    torch.testing.assert_close(ours(x), theirs(x))


def test_each_dense_layer_sees_all_before_it():
    """Property: the output begins with the input, and the last layer depends on every channel before it."""
    block, x = DenseBlock(3, 3, 2, norm=None), torch.randn(1, 3, 4, 4, requires_grad=True)
    y = block(x)
    assert torch.equal(y[:, :3], x) and y.shape[1] == 9
    assert [layer[0].conv.in_channels for layer in block.layers] == [3, 5, 7]


def test_shuffling_is_a_permutation_that_can_be_undone():
    """Closed form: channel_shuffle is the transpose of (groups, C / groups), as torch's; shuffling with C / groups undoes it."""
    x = torch.randn(2, 12, 3, 3)
    y = channel_shuffle(3)(x)
    assert torch.equal(y, x.unflatten(1, (3, 4)).transpose(1, 2).flatten(1, 2)) and torch.equal(channel_shuffle(4)(y), x)
    with pytest.raises(ValueError, match="at least one group"):
        channel_shuffle(0)


SPECS = {
    "inception_module": {"in_channels": 4, "plain": 2, "three": [2, 3], "five": [2, 3], "pooled": 2},
    "cbam": {"channels": 4},
    "non_local": {"channels": 4},
    "spatial_pyramid_pooling": {"levels": [1, 2]},
    "dilated_stack": {"channels": 4},
    "channel_shuffle": {"groups": 2},
    "dense_block": {"in_channels": 4, "depth": 2},
    "feature_pyramid": {"in_channels": [4], "out_channels": 3},
    "squeeze_excitation": {"channels": 4},
    "depthwise_separable_conv": {"in_channels": 4, "out_channels": 5},
    "pool": {"name": "max"},
    "norm_layer": {"name": "group", "channels": 4},
    "activation": {"name": "gelu"},
}


@pytest.mark.parametrize("name", SPECS)
def test_vision_blocks_build_from_a_spec(name):
    """Contract: made by name and JSON arguments, and again from the spec of what was made."""
    layer = weft.build(f"layer/{name}", SPECS[name])
    assert tensors(layer.eval()(torch.randn(2, 4, 6, 6)))[0].isfinite().all()


def test_another_number_of_channels_is_named():
    for layer in (InceptionModule(4, 1, (1, 1), (1, 1), 1), DenseBlock(4, 1, 2), DenseTransition(4, 2)):
        with pytest.raises(ValueError, match=rf"{type(layer).__name__} expects a tensor of shape \(B, 4, H, W\); got \(1, 3, 5, 5\)"):
            layer(torch.zeros(1, 3, 5, 5))
