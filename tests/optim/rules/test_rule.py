"""What own rules share: ages, types, refusals, state."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.optim import adamw, lamb, lion, soap, state_bytes
from weft.optim.rules.rule import Rule, check_options


class Counting(Rule):
    """Records in which company each parameter moved."""

    slots = ("seen",)

    def move(self, group, step, parameters, gradients, states):
        self.calls = [*getattr(self, "calls", []), (step, len(parameters), parameters[0].dtype)]
        torch._foreach_add_(parameters, gradients, alpha=-group["lr"])


def test_each_parameter_has_its_own_age_and_type():
    """Rule, property: parameters of another type or with fewer steps move in a call of their own; one without gradient stays."""
    a, b, c = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2, dtype=torch.float64))
    rule = Counting([{"params": [a, b, c]}], {"lr": 0.5})
    a.grad, c.grad = torch.ones(2), torch.ones(2, dtype=torch.float64)
    rule.step()
    b.grad = torch.ones(2)
    rule.step()
    assert rule.calls == [(1, 1, torch.float32), (1, 1, torch.float64), (2, 1, torch.float32), (1, 1, torch.float32), (2, 1, torch.float64)]
    assert (a[0].item(), b[0].item(), c[0].item()) == (0.0, 0.5, 0.0)


def test_a_late_parameter_is_corrected_by_its_own_age():
    """Rule, closed form: lamb's bias takes Adam's full first step however late its first gradient comes."""
    early, late = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    rule = lamb(0.1)([("early", early), ("late", late)])
    for _ in range(5):
        early.grad = torch.ones(1)
        rule.step()
    late.grad = torch.ones(1)
    rule.step()
    assert late.item() == pytest.approx(-0.1, rel=1e-4)


def test_the_closure_is_evaluated_with_gradients():
    """Rule, property: step(closure) returns its value."""
    w = nn.Parameter(torch.tensor([2.0]))
    rule = lion(0.5)([("w", w)])

    def closure():
        rule.zero_grad()
        value = w.square().sum()
        value.backward()
        return float(value)

    assert rule.step(closure) == 4.0 and w.item() == 1.5


def test_gradients_are_left_as_they_are():
    """Rule, property: no own rule writes into .grad, which listeners and later transforms may read."""
    from weft.optim import adabound, adan, classical_momentum, lars, schedule_free_adamw, schedule_free_sgd, shampoo, sophia, swats

    for make in (adabound(weight_decay=0.1), adan(), classical_momentum(weight_decay=0.1), lamb(), lars(), lion(), schedule_free_adamw(weight_decay=0.1), schedule_free_sgd(weight_decay=0.1), shampoo(), soap(), sophia(), swats(weight_decay=0.1)):
        w = nn.Parameter(torch.ones(3, 3))
        rule = make([("w", w)])
        for _ in range(3):
            w.grad = torch.eye(3)
            rule.step()
            assert torch.equal(w.grad, torch.eye(3)), type(rule)


def test_fine_state_of_coarse_parameters_survives_loading():
    """Rule, property: the float32 statistics of a bfloat16 matrix come back bit for bit, which torch's own loading would round."""
    torch.manual_seed(0)
    w, v = nn.Parameter(torch.randn(3, 3, dtype=torch.bfloat16)), nn.Parameter(torch.randn(3, 3, dtype=torch.bfloat16))
    first, second = soap()([("w", w)]), soap()([("w", v)])
    for _ in range(3):
        w.grad = torch.randn(3, 3, dtype=torch.bfloat16)
        first.step()
    second.load_state_dict(first.state_dict())
    assert second.state[v]["gram_0"].dtype == torch.float32
    for name, value in first.state[w].items():
        assert value == second.state[v][name] if name == "step" else torch.equal(value, second.state[v][name])


def test_sparse_and_complex_parameters_are_refused():
    """Rule, property: the error says what to use."""
    table = nn.Embedding(3, 2, sparse=True)
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(ValueError, match=r"Lion works on dense gradients; this one is sparse. Use sparse_adam or adagrad"):
        lion()([("w", table.weight)]).step()
    odd = nn.Parameter(torch.ones(2, dtype=torch.complex64))
    odd.grad = torch.ones_like(odd)
    with pytest.raises(ValueError, match=r"this one is torch.complex64"):
        lion()([("w", odd)]).step()


@pytest.mark.parametrize(
    ("options", "words"),
    [({"betas": (0.9, 1.5)}, r"betas=\(0.9, 1.5\); expected 0 or more and less than 1"), ({"momentum": -0.1}, "momentum=-0.1"), ({"weight_decay": -1}, "weight_decay=-1; expected 0 or more"), ({"eps": float("nan")}, "eps=nan"), ({"lr": -1.0}, "lr=-1.0")],
)
def test_options_that_make_no_sense_are_said(options, words):
    """Rule, property: the option, what came, what is expected."""
    with pytest.raises(ValueError, match=words):
        check_options("some", {"lr": 0.1} | options)


def test_a_rule_without_a_move_says_so():
    """Rule, property: an unfinished subclass is a programming error with a message."""
    w = nn.Parameter(torch.ones(1))
    w.grad = torch.ones(1)
    with pytest.raises(TypeError, match="write move"):
        Rule([{"params": [w]}], {"lr": 0.1}).step()


def test_state_bytes_counts_what_is_kept():
    """state_bytes, closed form: AdamW keeps two numbers for each of a parameter and a step of four bytes; Lion one."""
    w = nn.Parameter(torch.ones(10, 10))
    for make, wanted in ((adamw(), 2 * 400 + 4), (lion(), 400)):
        optimizer = make([("w", w)])
        w.grad = torch.ones(10, 10)
        optimizer.step()
        assert state_bytes(optimizer) == wanted


def test_blocks_change_nothing(monkeypatch):
    """Rule, property: block by block every elementwise rule ends bit for bit where it ends on whole tensors; strided ones are left whole."""
    from tests.optim.rules.problems import walk
    from weft.optim import adabound, adan, classical_momentum, schedule_free_adamw, schedule_free_sgd, sophia
    from weft.optim.rules import rule

    for make in (adabound(0.01, amsbound=True, weight_decay=0.1), adan(0.01), classical_momentum(0.01), lion(0.01, 0.1), schedule_free_adamw(0.01), schedule_free_sgd(0.1), sophia(0.01)):
        whole = walk(make, steps=4, shapes={"w": (7, 9), "b": (30,)})
        with monkeypatch.context() as patch:
            patch.setattr(rule, "BLOCK", 8)
            patch.setattr(torch, "get_num_threads", lambda: 1)
            calls = []
            optimizer_move = make([("w", nn.Parameter(torch.ones(20)))])
            patch.setattr(type(optimizer_move), "move", lambda self, g, t, p, *rest, original=type(optimizer_move).move: (calls.append(p[0].numel()), original(self, g, t, p, *rest))[1])
            cut = walk(make, steps=4, shapes={"w": (7, 9), "b": (30,)})
        assert max(calls) == 8 and all(torch.equal(a, b) for a, b in zip(whole, cut, strict=True))
    strided = nn.Parameter(torch.ones(4, 6).T)
    strided.grad = torch.ones(6, 4)
    monkeypatch.setattr(rule, "BLOCK", 8)
    lion(0.5)([("w", strided)]).step()
    assert strided.detach().unique().tolist() == [0.5]
