"""Folding batch norm into the layer before it."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from tests.references import reference
from weft.nn import ConvBlock, FrozenBatchNorm, ResidualBlock, fold_norm, fold_norms


def stirred(module):
    """Weights, scales and statistics of a network that has learned for a while."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d | FrozenBatchNorm):
            with torch.no_grad():
                part.weight.uniform_(-2, 2)
                part.bias.normal_()
                part.running_mean.normal_()
                part.running_var.uniform_(0.3, 3)
    return module.eval()


PAIRS = {
    "linear": (nn.Linear(4, 6), nn.BatchNorm1d(6), (5, 4)),
    "1-d": (nn.Conv1d(4, 6, 3), nn.BatchNorm1d(6), (2, 4, 8)),
    "grouped": (nn.Conv2d(4, 6, 3, groups=2, bias=False), nn.BatchNorm2d(6), (2, 4, 5, 5)),
    "3-d": (nn.Conv3d(4, 6, 2), nn.BatchNorm3d(6), (2, 4, 3, 3, 3)),
    "plain norm": (nn.Conv2d(4, 6, 1), nn.BatchNorm2d(6, affine=False), (2, 4, 5, 5)),
    "frozen": (nn.Conv2d(4, 6, 1), FrozenBatchNorm(6), (2, 4, 5, 5)),
    "transposed": (nn.ConvTranspose2d(4, 6, 3, 2), nn.BatchNorm2d(6), (2, 4, 5, 5)),
    "transposed, grouped": (nn.ConvTranspose1d(4, 6, 3, 2, groups=2, bias=False), nn.BatchNorm1d(6), (2, 4, 5)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_one_layer_does_what_two_did(name):
    """Closed form: fold_norm equals the layer and then the norm, in eval mode, for every kind of layer."""
    layer, norm, shape = PAIRS[name]
    if norm.weight is not None:
        stirred(norm)
    x, before = torch.randn(shape), copy.deepcopy(layer.state_dict())
    torch.testing.assert_close(fold_norm(layer, norm.eval())(x), norm(layer(x)), rtol=1e-4, atol=1e-5)
    assert all(torch.equal(value, before[key]) for key, value in layer.state_dict().items())


def test_a_whole_network_is_folded_and_answers_the_same():
    """Closed form: fold_norms of blocks with shortcuts leaves no batch norm and the same answer; the original is left alone."""
    network = stirred(nn.Sequential(ConvBlock(3, 8), ResidualBlock(8, 16, 2), nn.Flatten(), nn.Linear(16 * 9, 4), nn.BatchNorm1d(4)))
    x = torch.randn(2, 3, 6, 6)
    folded = fold_norms(network, x)
    torch.testing.assert_close(folded(x), network(x), rtol=1e-4, atol=1e-4)
    assert not [part for part in folded.modules() if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert len([part for part in network.modules() if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d)]) == 5


def test_networks_of_torchvision_are_folded_too():
    """Parity: torchvision's resnet18 of toy input, whose order of running is not the order of its parts' names alone."""
    models = reference("torchvision.models")
    network, x = stirred(models.resnet18(num_classes=4)), torch.randn(1, 3, 33, 33)
    folded = fold_norms(network, x)
    torch.testing.assert_close(folded(x), network(x), rtol=1e-3, atol=1e-2 * network(x).abs().max().item())
    assert not [part for part in folded.modules() if isinstance(part, nn.BatchNorm2d)]


class Shared(nn.Module):
    """A convolution whose output goes to its norm and past it."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)

    def forward(self, x):
        y = self.conv(x)
        return self.norm(y) + y


def test_what_cannot_be_folded_stays_or_is_refused():
    """Property: a norm after something else stays; a convolution used elsewhere too is refused rather than changed."""
    first = stirred(nn.Sequential(nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 2, 1)))
    assert isinstance(fold_norms(first, torch.randn(1, 2, 3, 3))[0], nn.BatchNorm2d)
    with pytest.raises(ValueError, match="answers otherwise"):
        fold_norms(stirred(Shared()), torch.randn(1, 2, 3, 3))
    with pytest.raises(ValueError, match="fold_norm takes"):
        fold_norm(nn.ReLU(), nn.BatchNorm2d(2))
