"""Weights in several places, through everything that happens to a network."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from weft.nn import TiedLinear, tie, ties


def network():
    made = nn.ModuleDict({"embed": nn.Embedding(9, 4), "body": nn.Linear(4, 4), "head": nn.Linear(4, 9)})
    return tie(made, {"head.weight": "embed.weight"})


def logits(net, ids):
    return net["head"](net["body"](net["embed"](ids)))


def test_the_tie_holds_through_copies_moves_and_files(tmp_path):
    """Property: one tensor after deepcopy, dtype moves, loading into it, loading by assignment, and loading weights stored once; counted once."""
    net, ids = network(), torch.tensor([1, 5])
    expected, groups = logits(net, ids), [["embed.weight", "head.weight"]]
    assert sum(p.numel() for p in net.parameters()) == 36 + 20 + 9
    assert sum(p is net["embed"].weight for group in torch.optim.SGD(net.parameters()).param_groups for p in group["params"]) == 1
    assert ties(copy.deepcopy(net)) == ties(net.double().float()) == ties(net) == groups
    state = {name: value.clone() for name, value in net.state_dict().items()}
    once = {name: value for name, value in state.items() if name != "head.weight"}
    other = {name: value for name, value in state.items() if name != "embed.weight"}
    for given in (state, once, other):
        for assign in (False, True):
            fresh = copy.deepcopy(network())
            assert str(fresh.load_state_dict(given, assign=assign)) == "<All keys matched successfully>"
            assert ties(fresh) == groups
            torch.testing.assert_close(logits(fresh, ids), expected)
            outer = nn.Sequential(network())
            outer.load_state_dict({f"0.{name}": value for name, value in given.items()}, assign=assign)
            assert ties(outer) == [["0.embed.weight", "0.head.weight"]]
    assert list(once) != list(state)


def test_the_gradient_is_the_sum_over_uses():
    """Closed form: a tied weight's gradient is that of both uses, and one step moves both."""
    net, ids = network(), torch.tensor([1, 5])
    logits(net, ids).square().sum().backward()
    loose = copy.deepcopy(net)
    loose["head"].weight = nn.Parameter(net["embed"].weight.detach().clone())
    loose.zero_grad()
    logits(loose, ids).square().sum().backward()
    torch.testing.assert_close(net["embed"].weight.grad, loose["embed"].weight.grad + loose["head"].weight.grad)
    torch.optim.SGD(net.parameters(), lr=0.1).step()
    assert torch.equal(net["embed"].weight, net["head"].weight)


def test_a_transpose_is_shared():
    """Closed form: TiedLinear is W x + b or W^T x + b of its source; copies keep the share, gradients add up."""
    encoder, x = nn.Linear(6, 2, bias=False), torch.randn(3, 6)
    pair = nn.ModuleList([encoder, TiedLinear(encoder, transposed=True)])
    torch.testing.assert_close(pair[1](pair[0](x)), x @ encoder.weight.T @ encoder.weight)
    twin = copy.deepcopy(pair)
    assert twin[0].weight is twin[1].source.weight and ties(twin) == [["0.weight", "1.source.weight"]]
    assert TiedLinear(nn.Embedding(9, 4), bias=False)(torch.zeros(1, 4)).shape == (1, 9)
    assert torch.autograd.gradcheck(lambda w: torch.func.functional_call(pair.double()[1], {"source.weight": w}, (torch.ones(1, 2, dtype=torch.float64),)), torch.randn(2, 6, dtype=torch.float64, requires_grad=True))


def test_parameters_in_a_dictionary_are_tied_too():
    """Property: tie by the names of an nn.ParameterDict, through a copy and a state dict; counted once."""
    net = nn.ModuleDict({"bank": nn.ParameterDict({"a": torch.zeros(2, 3), "b": torch.ones(2, 3)})})
    tie(net, {"bank.b": "bank.a"})
    assert ties(copy.deepcopy(net)) == [["bank.a", "bank.b"]] and sum(p.numel() for p in net.parameters()) == 6
    net.load_state_dict({"bank.a": torch.full((2, 3), 4.0)})
    assert (net["bank"]["b"] == 4).all()


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"body.weight has shape \(4, 4\) and embed.weight \(9, 4\)"):
        tie(network(), {"body.weight": "embed.weight"})
    with pytest.raises(AttributeError):
        tie(network(), {"head.wight": "embed.weight"})
    with pytest.raises(ValueError, match="no weight of two dimensions"):
        TiedLinear(nn.LayerNorm(4))
    with pytest.raises(ValueError, match=r"vectors of 2 numbers; got x of shape \(1, 6\)"):
        TiedLinear(nn.Linear(6, 2), transposed=True)(torch.zeros(1, 6))
