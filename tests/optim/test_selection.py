"""What ``on=`` means, and that every trainable parameter has one update."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.engine import Method, Steps, Update, fit
from weft.losses import Loss
from weft.optim import EMA, average_of, sgd
from weft.optim.selection import select
from weft.surgery import freeze


class Two(Method):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3))
        self.body2 = nn.Linear(3, 3)
        self.head = nn.Linear(3, 1)
        self.scale = nn.Parameter(torch.ones(()))

    def loss(self, batch):
        return Loss.mean((self.head(self.body2(self.body(batch["input"]))) * self.scale).square())

    def step(self, batch, update):
        logs = {}
        for one in update.values():
            logs = one(self.loss, batch)
        return logs


BODY = ["body.0.weight", "body.0.bias", "body.1.weight", "body.1.bias"]
BODY2, HEAD = ["body2.weight", "body2.bias"], ["head.weight", "head.bias"]


def train(method, updates):
    return fit(method, [torch.ones(4, 2)], updates, until=Steps(1))


@pytest.mark.parametrize(
    ("on", "names"),
    [
        (lambda m: "", ["scale", *BODY, *BODY2, *HEAD]),
        (lambda m: "body", BODY),
        (lambda m: "body.1", BODY[2:]),
        (lambda m: "body.0.bias", ["body.0.bias"]),
        (lambda m: "scale", ["scale"]),
        (lambda m: m.body, BODY),
        (lambda m: m.scale, ["scale"]),
        (lambda m: m, ["scale", *BODY, *BODY2, *HEAD]),
        (lambda m: ["head", m.scale, m.body[0], "head.bias"], ["scale", *BODY[:2], *HEAD]),
        (lambda m: ("head", ["scale"]), ["scale", *HEAD]),
        (lambda m: lambda name: name.endswith("bias"), [BODY[1], BODY[3], BODY2[1], HEAD[1]]),
    ],
)
def test_on_means(on, names):
    """Closed form: names, modules, parameters, sequences of these and predicates; in the method's order, each once; "body" is not "body2"."""
    method = Two()
    found = select(method, on(method))
    assert [n for n, _ in found] == names
    assert all(p is method.get_parameter(n) for n, p in found)


@pytest.mark.parametrize(
    ("on", "message"),
    [
        (lambda m: "haed", r"Two has no submodule or parameter 'haed'\. Did you mean 'head'"),
        (lambda m: ["head", "body.7"], r"no submodule or parameter 'body\.7'\. Did you mean 'body"),
        (lambda m: nn.Linear(1, 1), "no part of the method.*method.NAME = module"),
        (lambda m: nn.Parameter(torch.ones(1)), "no part of the method"),
        (lambda m: lambda name: False, "no trainable parameters: nothing there has parameters"),
        (lambda m: [], "nothing there has parameters"),
    ],
)
def test_on_teaches(on, message):
    """Property: the error names what came and what is near."""
    method = Two()
    with pytest.raises(ValueError, match=message):
        select(method, on(method))


def test_frozen_parameters_are_left_out_and_all_frozen_is_refused():
    """Property: frozen is nobody's; an update with nothing else says how many there are."""
    method = Two()
    freeze(method.body)
    method.head.bias.requires_grad_(False)
    assert [n for n, _ in select(method, "")] == ["scale", *BODY2, "head.weight"]
    with pytest.raises(ValueError, match=r"An update on 'body' has no trainable parameters: 4 parameters there are frozen"):
        select(method, "body")
    before = [p.detach().clone() for p in method.body.parameters()]
    train(method, Update(sgd(0.1), on=""))
    assert all(torch.equal(a, b) for a, b in zip(before, method.body.parameters(), strict=True))


def test_the_key_is_the_default():
    """Property: updates={"body": ..., ...} trains the submodules called so."""
    method = Two()
    state = train(method, {"body": Update(sgd(0.1)), "rest": Update(sgd(0.1), on=["body2", "head", "scale"])})
    assert [n for n, _ in state.updates["body"].named] == BODY


def test_an_orphan_is_refused():
    """Property: the error names the first five, counts the others, and gives both ways out."""
    with pytest.raises(ValueError, match=r"No update moves scale, body\.0\.weight, body\.0\.bias, body\.1\.weight, body\.1\.bias and 2 more\. .*on=, or freeze"):
        train(Two(), {"head": Update()})


def test_an_overlap_is_refused():
    """Property: the error names both updates and the parameter; one shared=True is not enough."""
    for first, second in ((False, False), (True, False), (False, True)):
        with pytest.raises(ValueError, match=r"Both updates 'all' and 'head' move 'head\.weight'.*shared=True in both"):
            train(Two(), {"all": Update(on="", shared=first), "head": Update(shared=second)})


def test_sharing_is_allowed_when_both_say_so():
    """Property: then each moves them."""
    method = Two()
    before = method.head.weight.detach().clone()
    state = train(method, {"all": Update(sgd(0.1), on="", shared=True), "head": Update(sgd(0.1), shared=True)})
    assert not torch.equal(before, method.head.weight) and [u.count for u in state.updates.values()] == [1, 1]


class Tied(Method):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
        self.last.weight = self.first.weight

    def loss(self, batch):
        return Loss.mean(self.last(self.first(batch["input"])).square())


def test_a_tied_weight_is_one_parameter():
    """Property: it belongs to whoever names either of its places as a module."""
    method = Tied()
    assert [n for n, _ in select(method, method.last)] == ["first.weight"] == [n for n, _ in select(method, "")]
    assert len(fit(method, [torch.ones(2, 3)], Update(sgd(0.1), on=""), until=Steps(1)).updates["all"].parameters) == 1


def test_a_tied_weight_goes_by_either_name():
    """Property: the name of its second place means it, too."""
    assert [n for n, _ in select(Tied(), "last")] == ["first.weight"] == [n for n, _ in select(Tied(), "last.weight")]


def test_an_arrow_on_a_module_outside_is_refused():
    """Property: the error names arrow and attribute, and says what would be lost."""
    method = Two()
    with pytest.raises(ValueError, match=r"EMA\.target is a module outside the method.*neither moved nor saved"):
        train(method, Update(on="", after=[EMA(average_of(method.head), "head")]))
    method.average = average_of(method.head)
    assert train(method, Update(on="", after=[EMA(method.average, "head")])).step == 1
