"""Normalisation by name."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weft.nn import image_norm, norm_layer, vector_norm

SHAPES = {0: (6, 12), 1: (6, 12, 5), 2: (3, 12, 4, 4), 3: (3, 12, 4, 3, 2)}


def test_names_make_torchs_layers():
    """Parity: the same numbers as torch's own layers."""
    x, picture = torch.randn(6, 12), torch.randn(3, 12, 4, 4)
    for name, layer in (("layer", nn.LayerNorm(12)), ("rms", nn.RMSNorm(12)), ("batch", nn.BatchNorm1d(12)), (None, nn.Identity())):
        torch.testing.assert_close(vector_norm(name, 12)(x), layer(x))
    for name, layer in (("batch", nn.BatchNorm2d(12)), ("group", nn.GroupNorm(4, 12)), ("instance", nn.InstanceNorm2d(12)), (None, nn.Identity())):
        torch.testing.assert_close(image_norm(name, 12)(picture), layer(picture))


@pytest.mark.parametrize("ndim", SHAPES)
def test_norm_layer_equals_torchs_functions_in_every_number_of_dimensions(ndim):
    """Parity: norm_layer against torch's functions, values and gradients."""
    shape = SHAPES[ndim]
    functions = {
        "batch": lambda x: F.batch_norm(x, None, None, training=True),
        "group": lambda x: F.group_norm(x, 4),
        "layer": lambda x: F.layer_norm(x.movedim(1, -1), (12,), eps=1e-6).movedim(-1, 1),
        "rms": lambda x: x / (x.square().mean(1, keepdim=True) + 1e-6).sqrt(),
        "frozen_batch": lambda x: x / (1 + 1e-5) ** 0.5,
    } | ({"instance": F.instance_norm, "local_response": lambda x: F.local_response_norm(x, 5, k=2.0)} if ndim else {})
    for name, function in functions.items():
        x = torch.randn(shape, requires_grad=True)
        y = norm_layer(name, 12, ndim)(x)
        g = torch.randn(shape)
        torch.testing.assert_close(y, function(x), msg=name)
        for left, right in zip(torch.autograd.grad(y, x, g), torch.autograd.grad(function(x), x, g), strict=True):
            torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-5)


def test_batch_norm_keeps_torchs_statistics():
    """Parity: momentum 0.1 is the new share; with None it is the mean over all batches."""
    layer = norm_layer("batch", 2, 1)
    layer(torch.full((4, 2, 3), 10.0))
    torch.testing.assert_close(layer.running_mean, torch.full((2,), 1.0))
    layer = nn.BatchNorm1d(2, momentum=None)
    for value in (1.0, 2.0, 6.0):
        layer(torch.full((4, 2), value))
    torch.testing.assert_close(layer.running_mean, torch.full((2,), 3.0))


@pytest.mark.parametrize("channels", [1, 3, 7, 8, 12, 32])
def test_groups_fit_any_number_of_channels(channels):
    """Property: group normalisation leaves mean 0 in each sample, whatever the channels."""
    y = image_norm("group", channels)(5 + torch.randn(2, channels, 6, 6))
    assert y.mean((1, 2, 3)).abs().max() < 1e-4
    assert norm_layer("group", 64).num_groups == 8


def test_one_group_is_layer_norm_of_all_and_as_many_as_channels_are_instance_norm():
    """Closed form: GroupNorm(1) normalises C, H and W together; GroupNorm(C) is instance normalisation."""
    x = torch.randn(3, 12, 5, 4)
    torch.testing.assert_close(norm_layer("group", 12, groups=1)(x), F.layer_norm(x, (12, 5, 4)))
    torch.testing.assert_close(norm_layer("group", 12, groups=12)(x), norm_layer("instance", 12)(x))


@pytest.mark.parametrize("name", ["group", "instance", "layer", "rms", "local_response"])
def test_these_norms_couple_no_samples_even_while_learning(name):
    """Property: the first sample's output is the same alone and among others; batch norm's is not."""
    x, layer = torch.randn(4, 8, 3, 3), norm_layer(name, 8)
    torch.testing.assert_close(layer(x)[:1], layer(x[:1]))
    coupled = norm_layer("batch", 8)
    assert not torch.allclose(coupled(x)[:1], coupled(x[:1]), atol=1e-2)


def test_sync_batch_is_torchs_layer():
    """Contract: what needs several ranks is torch's own."""
    assert isinstance(norm_layer("sync_batch", 4), nn.SyncBatchNorm)


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match=r"Unknown norm 'bacth'. Did you mean .*'batch'"):
        image_norm("bacth", 4)
    with pytest.raises(ValueError, match=r"Unknown norm 'group'. Known: batch, layer, rms"):
        vector_norm("group", 4)
    with pytest.raises(ValueError, match=r"groups=5 .* must divide the channels; got name='group', channels=12"):
        norm_layer("group", 12, groups=5)
    with pytest.raises(ValueError, match=r"0 to 3 dimensions .* got ndim=0 for 'instance'"):
        norm_layer("instance", 12, 0)
    with pytest.raises(ValueError, match=r"more than 1 value per channel when training"):
        norm_layer("batch", 12, 0)(torch.zeros(1, 12))
