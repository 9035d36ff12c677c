"""Groups by name, pattern, type and depth: everything in exactly one."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from weft.engine import Steps, Update, fit
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.models.vision import resnet18
from weft.optim import adamw, by_depth, constant, depths, group_table, groups, in_modules, sgd
from weft.optim.groups import matches


def named(net):
    return list(net.named_parameters())


def placed(optimizer, net):
    names = {id(p): n for n, p in named(net)}
    return {names[id(p)]: g for g in optimizer.param_groups for p in g["params"]}


def tower():
    return nn.ModuleDict({"backbone": nn.ModuleDict({"fc": nn.Linear(2, 2), "norm": nn.LayerNorm(2)}), "head": nn.Linear(2, 2), "head2": nn.Linear(2, 2)})


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [("head", {"head.weight", "head.bias"}), ("*.fc.*", {"backbone.fc.weight", "backbone.fc.bias"}), (re.compile(r"^head\d"), {"head2.weight", "head2.bias"}), (["head", "head2.bias"], {"head.weight", "head.bias", "head2.bias"}), (lambda n: n.endswith("bias"), {"backbone.fc.bias", "backbone.norm.bias", "head.bias", "head2.bias"}), (lambda n, p: p.ndim == 2, {"backbone.fc.weight", "head.weight", "head2.weight"})],
)
def test_what_a_choice_means(choice, wanted):
    """groups and matches, closed form: a module's name and not what begins like it, globs, regular expressions, several, predicates of one or two."""
    assert {n for n, p in named(tower()) if matches(choice, n, p)} == wanted


def test_every_parameter_is_in_exactly_one_group_with_its_options():
    """groups, property: rates and decay by group, biases without decay, a head called backbone.fc where the rule puts it, nothing lost or twice."""
    net = tower()
    make = groups(adamw(1e-4, weight_decay=0.1), {"head": (["backbone.fc", "head", "head2"], {"lr": 1e-3, "weight_decay": 0.3}), "backbone": ("backbone", {"lr": 1e-5})})
    optimizer = make(named(net))
    found = placed(optimizer, net)
    assert sorted(found) == sorted(n for n, _ in named(net)) and sum(len(g["params"]) for g in optimizer.param_groups) == len(found)
    options = {n: (g["name"], g["lr"], g["weight_decay"]) for n, g in found.items()}
    assert options["backbone.fc.weight"] == ("head", 1e-3, 0.3) and options["backbone.fc.bias"] == ("head", 1e-3, 0.0)
    assert options["backbone.norm.weight"] == ("backbone", 1e-5, 0.0)


def test_groups_by_type_of_module():
    """in_modules, property: the parameters of embeddings and norms, however they are called, as a group without decay."""
    net = nn.ModuleDict({"words": nn.Embedding(3, 2), "mix": nn.Linear(2, 2), "n": nn.LayerNorm(2)})
    apart = in_modules(net, nn.Embedding, nn.LayerNorm)
    assert apart == {"words.weight", "n.weight", "n.bias"}
    found = placed(groups(adamw(weight_decay=0.1), {"plain": (apart, {"weight_decay": 0.0}), "rest": ("*", {})})(named(net)), net)
    assert {n: g["weight_decay"] for n, g in found.items()} == {"words.weight": 0.0, "mix.weight": 0.1, "mix.bias": 0.0, "n.weight": 0.0, "n.bias": 0.0}


def test_decay_alone_shows_where_it_acts():
    """groups, closed form: one step with zero gradients shrinks exactly what decays."""
    net = tower()
    before = {n: p.detach().clone() for n, p in named(net)}
    optimizer = groups(adamw(1.0, weight_decay=0.1), {"head": ("head", {"weight_decay": 0.5}), "rest": ("*", {})})(named(net))
    for p in net.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    for n, p in named(net):
        factor = 1.0 if p.ndim < 2 else 0.5 if n.startswith("head.") else 0.9
        torch.testing.assert_close(p.detach(), before[n] * factor)


def test_a_schedule_by_group_name_inside_fit():
    """groups, closed form: ``{"head.lr": ...}`` reaches the head, decaying or not."""
    torch.manual_seed(0)
    method = Supervised(nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2)), cross_entropy)
    make = groups(adamw(0.1), {"body": ("network.0", {}), "head": ("*", {})})
    state = fit(method, [(torch.randn(4, 2), torch.tensor([0, 1, 0, 1]))], Update(make, on="", schedule={"head.lr": constant(0.5)}), until=Steps(1))
    assert [(g["name"], g["lr"]) for g in state.updates["all"].optimizer.param_groups] == [("body", 0.1), ("body", 0.1), ("head", 0.05), ("head", 0.05)]


def test_faults_are_said():
    """groups, property: an empty group, an orphan and an unknown option are named."""
    net = tower()
    with pytest.raises(ValueError, match="group 'tail' takes no parameter"):
        groups(sgd(), {"tail": ("tail", {}), "rest": ("*", {})})(named(net))
    with pytest.raises(ValueError, match=r"no group takes backbone.fc.weight, .* and 1 more"):
        groups(sgd(), {"head": ("head", {})})(named(net))
    with pytest.raises(ValueError, match=r"'rest' sets \['rate'\], but SGD has"):
        groups(sgd(), {"rest": ("*", {"rate": 1.0})})(named(net))


MAPS = {
    "cnn": ["stem.weight", "layer1.0.conv.weight", "layer2.0.conv.weight", "fc.weight"],
    "vit": ["patch_embed.proj.weight", "pos_embed", "blocks.0.attn.w", "blocks.1.attn.w", "blocks.11.attn.w", "norm.weight", "head.weight"],
    "bert": ["embeddings.word.weight", "encoder.layer.0.w", "encoder.layer.1.w", "pooler.w"],
    "order": ["a.w", "a.b", "b.w", "c.w"],
}
DEEP = {"cnn": [0, 1, 2, 3], "vit": [0, 0, 1, 2, 3, 4, 4], "bert": [0, 1, 2, 3], "order": [0, 0, 1, 2]}


@pytest.mark.parametrize("kind", MAPS)
def test_depths_by_architecture(kind):
    """depths, closed form: stem 0, blocks in the order of their numbers, head last."""
    assert list(depths(MAPS[kind], kind).values()) == DEEP[kind]


def test_rates_by_depth():
    """by_depth, closed form: lr = base f^(deepest - depth); the stem has the least, the head the full rate; one group a depth and decay."""
    parameters = [(n, nn.Parameter(torch.ones(2, 2))) for n in MAPS["vit"]]
    optimizer = by_depth(adamw(1.0, weight_decay=0.1), "vit", 0.5)(parameters)
    assert [g["lr"] for g in optimizer.param_groups] == [0.0625, 0.125, 0.25, 0.5, 1.0] and len(optimizer.param_groups) == 5
    assert sum(len(g["params"]) for g in optimizer.param_groups) == len(parameters)
    given = by_depth(sgd(1.0), {n: i for i, (n, _) in enumerate(parameters)}, 0.1)(parameters)
    assert [round(g["lr"], 9) for g in given.param_groups] == [10.0**-i for i in range(6, -1, -1)]


def test_rates_by_depth_of_a_real_network():
    """by_depth, property: weft's resnet18 in stem, four stages and head, every parameter once."""
    net = resnet18(num_classes=3)
    optimizer = by_depth(sgd(1.0), "order", 0.9)(named(net))
    rates = {n: g["lr"] for n, g in placed(optimizer, net).items()}
    names = [n for n, _ in named(net)]
    assert len(rates) == len(names) and rates[names[0]] == min(rates.values()) < rates[names[-1]] == 1.0


def test_depths_that_fit_nothing_are_said():
    """depths and by_depth, property: an unknown kind lists the known; no block of the kind; a missing name."""
    with pytest.raises(ValueError, match=r"Unknown depth map 'vitt'. Did you mean 'vit'"):
        depths(["a"], "vitt")
    with pytest.raises(ValueError, match=r"no bert block among a.w"):
        depths(["a.w"], "bert")
    with pytest.raises(ValueError, match="no depth is given for w"):
        by_depth(sgd(), {"v": 0})([("w", nn.Parameter(torch.ones(1)))])


def test_the_table_of_groups_counts_everything():
    """group_table, closed form: a line a group, with its options and all its weights, however many tensors there are."""
    net = tower()
    lines = group_table(groups(adamw(0.1), {"head": ("head", {"lr": 0.5}), "rest": ("*", {})})(named(net)), named(net)).split("\n")
    assert lines[0] == "head: lr 0.5, weight_decay 0.01, 1 tensors, 4 weights: head.weight"
    assert lines[3].startswith("rest: lr 0.1, weight_decay 0, 4 tensors, 8 weights: backbone.fc.bias") and lines[3].endswith("and 1 more")
    assert len(lines) == 4
