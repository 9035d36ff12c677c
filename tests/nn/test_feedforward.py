"""Feed-forward layers against their formulas."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from weft.nn import GeluMLP, SwiGLU


def test_gelu_mlp_equals_the_formula():
    """Closed form: W2 gelu(W1 x + b1) + b2 on any leading dimensions."""
    layer, x = GeluMLP(6, 10), torch.randn(2, 3, 6)
    expected = F.gelu(x @ layer.up.weight.T + layer.up.bias) @ layer.down.weight.T + layer.down.bias
    torch.testing.assert_close(layer(x), expected)
    torch.testing.assert_close(layer(x[0, 0]), expected[0, 0])


def test_swiglu_equals_the_formula():
    """Closed form: SwiGLU is W3 (silu(W1 x) * W2 x), the first half of the fused projection being the gate."""
    layer, x = SwiGLU(6, 10), torch.randn(2, 3, 6)
    gate, value = layer.up.weight[:10], layer.up.weight[10:]
    torch.testing.assert_close(layer(x), (F.silu(x @ gate.T) * (x @ value.T)) @ layer.down.weight.T)


def test_dropout_only_in_training():
    for make in (GeluMLP, SwiGLU):
        layer, x = make(6, 10, dropout=0.5), torch.randn(4, 6)
        assert (layer(x) == 0).any()
        assert torch.equal(layer.eval()(x), layer(x))
