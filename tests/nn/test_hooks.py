"""Looking into a network, and taking the hooks off again."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.references import reference
from weft.nn import Features, Hooks, find_modules


def hooked(model):
    return any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in model.modules()) or any(
        p._post_accumulate_grad_hooks for p in model.parameters() if p._post_accumulate_grad_hooks is not None
    )


def small():
    return nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.ReLU(), nn.Linear(4, 4)), nn.Linear(4, 2))


def test_modules_are_found_by_name_pattern_and_class():
    """find_modules, closed form."""
    net = small()
    assert list(find_modules(net, "1.*")) == ["1.0", "1.1"]
    assert list(find_modules(net, nn.Linear)) == ["0", "1.1", "2"]
    assert list(find_modules(net, ["2", "0"])) == ["2", "0"]
    with pytest.raises(ValueError, match=r"Sequential has no module '1\.7'"):
        find_modules(net, "1.7")
    with pytest.raises(ValueError, match="no module of class LSTM"):
        find_modules(net, nn.LSTM)


def test_outputs_and_gradients_may_be_changed():
    """Hooks, closed form: doubled inputs, zeroed outputs, tripled gradients, each seen where it must be."""
    net, x = small(), torch.ones(2, 3, requires_grad=True)
    plain = net(x)
    (gradient,) = torch.autograd.grad(plain.sum(), x)
    with Hooks(net) as hooks:
        hooks.gradients("0", lambda name, inputs, outputs: (3 * inputs[0],))
        net(x).sum().backward()
    torch.testing.assert_close(x.grad, 3 * gradient)
    with Hooks(net) as hooks:
        hooks.before("2", lambda name, inputs: (inputs[0] * 0,))
        torch.testing.assert_close(net(x), net[2].bias.expand(2, 2))
    torch.testing.assert_close(net(x), plain)
    assert not hooked(net)


def test_parameters_are_seen_after_their_gradients_were_added():
    """Hooks, property: with two backward passes the second look is at the sum; frozen parameters are passed over."""
    net, seen = small(), []
    net[2].bias.requires_grad_(False)
    with Hooks(net) as hooks:
        hooks.parameters(lambda name, p: seen.append((name, p.grad.clone())))
        for _ in range(2):
            net(torch.ones(1, 3)).sum().backward()
    assert {name for name, _ in seen} == {"0.weight", "0.bias", "1.1.weight", "1.1.bias", "2.weight"}
    last = [grad for name, grad in seen if name == "0.weight"][-1]
    assert torch.equal(last, net[0].weight.grad)


def test_hooks_come_off_after_an_error_and_live_only_inside():
    """Hooks, property: nothing stays, whatever happens."""
    net = small()
    with Hooks(net) as hooks:
        hooks.after(nn.Linear, lambda name, inputs, output: None).parameters(lambda name, p: None)
        with pytest.raises(RuntimeError):
            net(torch.ones(1, 5))
    assert not hooked(net)
    with pytest.raises(RuntimeError, match="live inside `with"):
        hooks.after("0", lambda name, inputs, output: None)
    assert not hooked(net)


def test_features_are_those_of_torchvision():
    """Features, parity: the outputs of torchvision's feature extraction of a ResNet-18."""
    extraction = reference("torchvision.models.feature_extraction")
    net = reference("torchvision.models").resnet18().eval()
    x = torch.rand(1, 3, 64, 64)
    theirs = extraction.create_feature_extractor(net, ["layer2", "avgpool"])(x)
    with Features(net, ["layer2", "avgpool"]) as features, torch.no_grad():
        net(x)
    for name, value in theirs.items():
        torch.testing.assert_close(features[name], value.detach())
    assert not hooked(net) and not features["layer2"].requires_grad


def test_features_of_tuples_shared_modules_and_each_pass_anew():
    """Features, closed form: an LSTM's tuple keeps its form, a module called twice gives two outputs, a new pass begins anew."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.twice, self.rnn = nn.Linear(3, 3), nn.LSTM(3, 2, batch_first=True)

        def forward(self, x):
            return self.rnn(self.twice(self.twice(x)))[0]

    net, x = Net(), torch.rand(2, 4, 3)
    with Features(net, ["twice", "rnn"], detach=False) as features:
        for _ in range(3):
            out = net(x)
    first, second = features["twice"]
    torch.testing.assert_close(second, net.twice(first))
    assert torch.equal(features["rnn"][0], out) and features["rnn"][0].requires_grad
    assert len(features) == 2 and list(features) == ["twice", "rnn"]
    with Features(net, "rnn") as unseen, pytest.raises(KeyError, match="no pass has been made"):
        unseen["rnn"]
