"""What a network is made of, beside torchinfo."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.models.text import GPT
from weft.models.vision import resnet18, resnet50
from weft.observe import summary


def test_resnets_have_the_known_numbers_without_being_made():
    """summary, closed form: parameters and multiply-adds of ResNet-18 and 50 on the meta device, where nothing is allocated."""
    with torch.device("meta"):
        small, large, cifar = resnet18(1000), resnet50(1000), resnet18(10, stem="small")
    assert (summary(small, (1, 3, 224, 224)).parameters, summary(small, (1, 3, 224, 224)).macs) == (11_689_512, 1_814_073_344)
    found = summary(large, (1, 3, 224, 224))
    assert (found.parameters, found.macs) == (25_557_032, 4_089_184_256)
    assert summary(cifar, (1, 3, 32, 32)).parameters == 11_173_962


@pytest.mark.parametrize("size", [1, 4])
def test_it_agrees_with_torchinfo(size):
    """summary, parity: parameters, multiply-adds of linear layers and convolutions, and shapes of torchinfo."""
    torchinfo = pytest.importorskip("torchinfo")
    net = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 5, bias=False))
    theirs = torchinfo.summary(net, (size, 3, 8, 8), verbose=0)
    ours = summary(net, (size, 3, 8, 8))
    assert ours.parameters == theirs.total_params and ours.trainable == theirs.trainable_params
    for layer, other in zip(ours.layers, theirs.summary_list, strict=True):
        assert list(layer.output[0]) == list(other.output_size)
        if layer.kind in ("Conv2d", "Linear"):
            assert layer.macs == other.macs


def test_tied_weights_shared_modules_and_several_outputs():
    """summary, closed form: what is used twice counts once; recurrent layers and dicts are read."""
    first = nn.Linear(4, 4)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two, self.rnn = first, first, nn.LSTM(4, 3, batch_first=True)
            self.tied = nn.Linear(4, 4, bias=False)
            self.tied.weight = first.weight

        def forward(self, x, scale):
            out, _ = self.rnn(self.two(self.one(x)))
            return {"out": out, "more": [self.tied(x) * scale]}

    net = Net()
    found = summary(net, {"x": torch.zeros(2, 5, 4), "scale": torch.ones(1)})
    assert found.parameters == 20 + 4 * 3 * (4 + 3) + 24 == sum(p.numel() for p in net.parameters())
    by_name = {layer.name: layer for layer in found.layers}
    assert by_name["two"].shared and not by_name["one"].shared and by_name["one"].calls == 2
    assert by_name["rnn"].output == ((2, 5, 3), (1, 2, 3), (1, 2, 3))
    assert by_name["Net"].output == ((2, 5, 3), (2, 5, 4))
    assert by_name["one"].activations == 2 * 2 * 5 * 4 * 4


def test_nothing_is_left_of_it():
    """summary, property: modes, statistics, random state and hooks as before, also after an error."""
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout())
    net[1].eval()
    before, draw = {name: value.clone() for name, value in net.state_dict().items()}, torch.get_rng_state()
    summary(net, (2, 3))
    with pytest.raises(RuntimeError):
        summary(net, (2, 5))
    assert net.training and not net[1].training and net[2].training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not any(module._forward_hooks for module in net.modules()) and torch.equal(draw, torch.get_rng_state())


def test_the_table_says_it():
    net = GPT(65, context=8, dim=16, depth=2, num_heads=2)
    for parameter in net.parameters():
        parameter.requires_grad_(False)
        break
    text = str(summary(net, torch.zeros(1, 8, dtype=torch.int64), depth=1))
    assert "multiply-adds" in text and "frozen" in text and "with AdamW" in text
    assert text.splitlines()[0].split() == ["layer", "kind", "output", "parameters", "MACs"]
    assert not any(line.startswith("    ") for line in text.splitlines())
    assert summary(net, torch.zeros(1, 8, dtype=torch.int64)).json()["layers"][0]["kind"] == "GPT"
