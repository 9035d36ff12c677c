"""The kit finds what is planted, and passes what is in order."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.contracts.walk import entries, example
from weft.nn import check_layer
from weft.nn.kit import faults


class Faulty(nn.Module):
    """A linear layer with one fault."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.linear, self.fault = nn.Linear(4, 4), fault
        if fault == "unused":
            self.spare = nn.Parameter(torch.zeros(3))
        if fault == "list":
            self.more = [nn.Linear(4, 4)]
        if fault == "buffer":
            self.shift = torch.ones(4)
        if fault == "coupled":
            self.norm = nn.BatchNorm1d(4)
        if fault == "counts":
            self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        if self.fault == "in place":
            x.mul_(2)
        y = self.linear(x)
        if self.fault == "list":
            y = self.more[0](y)
        if self.fault == "buffer":
            y = y + self.shift
        if self.fault == "coupled":
            y = self.norm(y)
        if self.fault == "sees the batch":
            y = y + x.mean(0)
        if self.fault == "random":
            y = y + torch.rand_like(y)
        if self.fault == "device":
            y = y + torch.ones(4, device="cpu")
        if self.fault == "dtype":
            y = y.float()
        if self.fault == "counts":
            self.calls += 1
        if self.fault == "gradient":
            y = y.detach() + 0 * y
        if self.fault == "infinite":
            y = y / 0
        if self.fault == "breaks":
            raise ValueError("broken")
        return y


SAID = {
    "unused": "no gradient reaches spare",
    "list": "self.more is a list that hides parts",
    "buffer": "self.shift is a plain tensor",
    "coupled": "in training mode the first sample's output depends on the others",
    "sees the batch": "in eval mode the first sample's output depends on the others",
    "in place": "an input is changed in place",
    "random": "two calls in eval mode differ",
    "device": "does not run on another device",
    "dtype": "the output is torch.float32",
    "counts": "a call in eval mode changes the state",
    "gradient": "not that of finite differences",
    "infinite": "the output is not finite",
    "breaks": "a call fails: ValueError: broken",
}


@pytest.mark.parametrize("fault", SAID)
def test_each_planted_fault_is_found(fault):
    """Property: check_layer names every planted fault, and finds nothing in the layer without one."""
    with pytest.raises(ValueError, match="not in order") as raised:
        check_layer(lambda: Faulty(fault), torch.randn(3, 4))
    assert SAID[fault] in str(raised.value)
    assert list(faults(lambda: Faulty("none"), (torch.randn(3, 4),))) == []
    assert not [one for one in faults(lambda: Faulty("coupled"), (torch.randn(3, 4),), couples=True) if "others" in one]


# What a check does not hold for, with the reason.
COUPLES = {"residual_mlp_block": "its batch norm, the default, couples the samples of a training step"}
NOT_FOR = {"early_exits": "in training a list of every exit's answers, in eval mode the last one's: another output"}


@pytest.mark.parametrize("entry", [one for one in entries("layer") if one.shelf.endswith(("structure", "recurrent", "sequence"))], ids=lambda one: one.name)
def test_layers_of_structure_and_recurrence_pass(entry):
    """Contract: check_layer over these shelves."""
    if entry.name in NOT_FOR:
        pytest.skip(NOT_FOR[entry.name])
    make, inputs = example(entry)
    check_layer(make, *inputs, couples=entry.name in COUPLES)
