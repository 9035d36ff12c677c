"""Gates, each under its own name."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weft.nn import GatedLinear, SelfGate, SplitGate

GATES = {"sigmoid": torch.sigmoid, "relu": torch.relu, "gelu": F.gelu, "silu": F.silu, "identity": lambda x: x}


@pytest.mark.parametrize("dim", [-1, 1])
def test_the_split_form_is_torchs_glu(dim):
    """Parity: SplitGate equals torch's GLU; other gates the formula."""
    x = torch.randn(3, 8, 6)
    torch.testing.assert_close(SplitGate(dim=dim)(x), F.glu(x, dim))
    for name, gate in GATES.items():
        a, b = x.chunk(2, dim)
        torch.testing.assert_close(SplitGate(name, dim)(x), a * gate(b))
    with pytest.raises(ValueError, match=r"SplitGate expects an even size of dimension -1; got a tensor of shape \(2, 5\)"):
        SplitGate()(torch.zeros(2, 5))


@pytest.mark.parametrize("name", GATES)
def test_the_other_two_forms_are_their_formulas(name):
    """Closed form: SelfGate is x gate(W x + b), GatedLinear (V x + c) gate(W x + b); neither is the split form."""
    x = torch.randn(3, 4, 6)
    self_gate, gated = SelfGate(6, name), GatedLinear(6, 5, name)
    torch.testing.assert_close(self_gate(x), x * GATES[name](x @ self_gate.linear.weight.T + self_gate.linear.bias))
    value, gate = nn.Linear(6, 5), nn.Linear(6, 5)
    with torch.no_grad():
        gated.linear.weight.copy_(torch.cat([value.weight, gate.weight]))
        gated.linear.bias.copy_(torch.cat([value.bias, gate.bias]))
    torch.testing.assert_close(gated(x), value(x) * GATES[name](gate(x)))
    assert not torch.allclose(self_gate(x)[..., :3], SplitGate(name)(x))
    with pytest.raises(ValueError, match=r"SelfGate expects .*got \(2, 5\)"):
        self_gate(torch.zeros(2, 5))
