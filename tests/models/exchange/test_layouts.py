"""Arrays of other libraries in networks written by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.models.exchange.keras_models import keras, shaken
from weft.models.exchange import load_arrays
from weft.models.exchange.layouts import to_torch_layout


def test_keras_weights_in_a_network_of_ones_own():
    """load_arrays, parity: convolution, depthwise and transposed convolution, norm and dense of Keras, within 1e-5."""
    k = keras()
    layers = k.layers
    model = shaken(
        k.Sequential(
            [
                k.Input((8, 8, 3)),
                layers.Conv2D(4, 3, padding="same", name="first"),
                layers.BatchNormalization(name="norm"),
                layers.DepthwiseConv2D(3, depth_multiplier=2, name="depth"),
                layers.Conv2DTranspose(5, 2, strides=2, name="up"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(2, name="head"),
            ]
        )
    )

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.norm = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4, eps=1e-3)
            self.depth, self.up, self.head = nn.Conv2d(4, 8, 3, groups=4), nn.ConvTranspose2d(8, 5, 2, 2), nn.Linear(5, 2)

        def forward(self, x):
            return self.head(self.up(self.depth(self.norm(self.first(x)))).mean((2, 3)))

    net = Net()
    tree = {layer.name: {v.name: np.asarray(v.value.detach()) for v in layer.variables} for layer in model.layers if layer.variables}
    assert load_arrays(net, tree, layout="keras").complete
    x = torch.rand(2, 3, 8, 8)
    theirs = torch.as_tensor(model(x.movedim(1, -1), training=False)).detach()
    torch.testing.assert_close(net.eval()(x), theirs, rtol=1e-5, atol=1e-5)
    del tree["norm"]["moving_variance"]
    with pytest.raises(ValueError, match=r"missing: norm\.running_var"):
        load_arrays(net, tree, layout="keras")


def test_flax_trees_by_their_formulas():
    """load_arrays, closed form: Dense is x W + b, LayerNorm's scale and bias, Conv of (H, W, in, out), as Flax defines them."""
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(3 * 4, 5), nn.LayerNorm(5))
    draw = np.random.default_rng(0)
    tree = {
        "params": {
            "Conv_0": {"kernel": draw.normal(size=(3, 3, 2, 3)).astype("f"), "bias": draw.normal(size=3).astype("f")},
            "Dense_0": {"kernel": draw.normal(size=(12, 5)).astype("f"), "bias": draw.normal(size=5).astype("f")},
            "LayerNorm_0": {"scale": draw.normal(size=5).astype("f"), "bias": draw.normal(size=5).astype("f")},
        }
    }
    assert load_arrays(net, tree, names={"Conv_0": "0", "Dense_0": "2", "LayerNorm_0": "3"}).complete
    x, p = torch.rand(2, 2, 4, 4), tree["params"]
    patches = F.unfold(x, 3).reshape(2, 2, 3, 3, 4)
    conv = torch.einsum("bcijn,ijco->bon", patches, torch.as_tensor(p["Conv_0"]["kernel"])) + torch.as_tensor(p["Conv_0"]["bias"])[:, None]
    dense = conv.flatten(1) @ torch.as_tensor(p["Dense_0"]["kernel"]) + torch.as_tensor(p["Dense_0"]["bias"])
    normal = (dense - dense.mean(-1, keepdim=True)) / (dense.var(-1, keepdim=True, unbiased=False) + 1e-5).sqrt()
    torch.testing.assert_close(net(x), normal * torch.as_tensor(p["LayerNorm_0"]["scale"]) + torch.as_tensor(p["LayerNorm_0"]["bias"]), rtol=1e-4, atol=1e-4)


def test_flax_does_not_mirror_a_transposed_convolution():
    """load_arrays, closed form: a single one in, the kernel out as it stands in the tree."""
    net = nn.ConvTranspose1d(1, 1, 3, bias=False)
    load_arrays(net, {"kernel": np.array([[[1.0]], [[2.0]], [[3.0]]], dtype="f")})
    assert net(torch.tensor([[[0.0, 1.0, 0.0]]])).flatten().tolist() == [0, 3, 2, 1, 0]


def test_other_weights_stay_as_they_are_and_gates_are_refused():
    assert torch.equal(to_torch_layout(nn.Linear(2, 3), "bias", torch.arange(3.0)), torch.arange(3.0))
    assert to_torch_layout(nn.Embedding(5, 2), "weight", torch.zeros(5, 2)).shape == (5, 2)
    with pytest.raises(ValueError, match="gates in another order"):
        load_arrays(nn.LSTM(2, 2), {})
