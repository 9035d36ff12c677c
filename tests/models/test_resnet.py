"""Residual networks against torchvision's layout, written out here, and against torchvision where it is installed."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.references import reference
from weft.models.vision import from_torchvision, resnet18, resnet34, resnet50

PLANS = {"resnet18": (resnet18, (2, 2, 2, 2), 2), "resnet34": (resnet34, (3, 4, 6, 3), 2), "resnet50": (resnet50, (3, 4, 6, 3), 3)}


def plain_resnet(state, x, depths, convolutions):
    """The network as a plain function of torchvision's names and numbers (strides of a bottleneck in its 3x3 convolution)."""

    def conv_norm(x, conv, norm, stride):
        weight = state[f"{conv}.weight"]
        y = F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
        return F.batch_norm(y, *(state[f"{norm}.{name}"] for name in ("running_mean", "running_var", "weight", "bias")))

    x = F.max_pool2d(conv_norm(x, "conv1", "bn1", 2).relu(), 3, 2, 1)
    for stage, depth in enumerate(depths, start=1):
        for i in range(depth):
            at, stride = f"layer{stage}.{i}", 2 if stage > 1 and i == 0 else 1
            y = x
            for n in range(1, convolutions + 1):
                y = conv_norm(y, f"{at}.conv{n}", f"{at}.bn{n}", stride if n == convolutions - 1 else 1)
                y = y.relu() if n < convolutions else y
            if f"{at}.downsample.0.weight" in state:
                x = conv_norm(x, f"{at}.downsample.0", f"{at}.downsample.1", stride)
            x = (x + y).relu()
    return F.linear(x.mean((2, 3)), state["fc.weight"], state["fc.bias"])


def torchvision_state(network, convolutions):
    """Random weights under torchvision's names, made by renaming weft's backwards."""
    places = {"first": 1, "second": 2, "third": 3}
    state = {}
    for key, value in network.state_dict().items():
        parts = key.split(".")
        if parts[0] == "head":
            name = f"fc.{parts[1]}"
        elif parts[0] == "stem":
            name = f"{'conv1' if parts[1] == 'conv' else 'bn1'}.{parts[2]}"
        elif parts[3] == "shortcut":
            name = f"layer{int(parts[1]) + 1}.{parts[2]}.downsample.{0 if parts[4] == 'conv' else 1}.{parts[5]}"
        else:
            name = f"layer{int(parts[1]) + 1}.{parts[2]}.{'conv' if parts[4] == 'conv' else 'bn'}{places[parts[3]]}.{parts[5]}"
        fresh = torch.rand_like(value) + 0.5 if value.ndim == 1 else value
        state[name] = fresh
    return state


@pytest.mark.parametrize("name", PLANS)
def test_equals_a_plain_function_of_torchvisions_weights(name):
    """Parity: resnet18, resnet34 and resnet50 load weights under torchvision's names and give what these weights mean, statistics included."""
    make, depths, convolutions = PLANS[name]
    network = make(7, width=8)
    state = torchvision_state(network, convolutions)
    for key in [key for key in state if key.endswith("num_batches_tracked")]:
        state[key] = torch.tensor(3)
    network.load_state_dict(from_torchvision(state))
    x = torch.rand(2, 3, 64, 70)
    with torch.no_grad():
        expected = plain_resnet(state, x, depths, convolutions)
        torch.testing.assert_close(network.eval()(x), expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item())


@pytest.mark.parametrize("name", PLANS)
def test_equals_torchvision(name):
    """Parity: the same weights in torchvision's own network."""
    models = reference("torchvision.models")
    theirs, ours = getattr(models, name)().eval(), PLANS[name][0]().eval()
    ours.load_state_dict(from_torchvision(theirs.state_dict()))
    x = torch.rand(1, 3, 96, 96)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", PLANS)
def test_equals_timm(name):
    """Parity: the same weights in timm's network."""
    timm = reference("timm")
    theirs, ours = timm.create_model(name).eval(), PLANS[name][0]().eval()
    ours.load_state_dict(from_torchvision(theirs.state_dict()))
    x = torch.rand(1, 3, 96, 96)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (9, 17), (32, 32)])
def test_small_stem_takes_small_pictures(size):
    """Property: the small stem keeps the first stage at full size, for any size and number of channels."""
    network = resnet18(5, in_channels=1, width=4, stem="small").eval()
    assert isinstance(network.pool, nn.Identity)
    assert network.stages[0](network.stem(torch.rand(1, 1, *size))).shape[2:] == size
    assert network(torch.rand(1, 1, *size)).shape == (1, 5)


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"'layer1\.0\.se\.fc1\.weight' is not a weight of a plain ResNet"):
        from_torchvision({"layer1.0.se.fc1.weight": torch.zeros(1)})
    with pytest.raises(ValueError, match=r"ResNet expects a tensor of shape \(B, 3, H, W\)"):
        resnet18(5, width=4)(torch.rand(1, 1, 32, 32))
