"""Feed-forward layers against their formulas."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weft.nn import FeedForward, GatedMLP, GeluMLP, SwiGLU


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


BY_HAND = {"glu": torch.sigmoid, "reglu": F.relu, "geglu": F.gelu, "swiglu": F.silu, "bilinear": lambda x: x}


@pytest.mark.parametrize("gate", BY_HAND)
def test_every_gate_equals_its_formula(gate):
    """Closed form: GatedMLP is W3 (act(W1 x + b) * (W2 x + c)); its swiglu is SwiGLU; its glu gates with a sigmoid, as F.glu does on the halves."""
    layer, x = GatedMLP(6, 10, gate, bias=True), torch.randn(2, 3, 6)
    first, second = x @ layer.up.weight[:10].T + layer.up.bias[:10], x @ layer.up.weight[10:].T + layer.up.bias[10:]
    torch.testing.assert_close(layer(x), layer.down(BY_HAND[gate](first) * second))
    if gate == "glu":
        torch.testing.assert_close(layer(x), layer.down(F.glu(torch.cat([second, first], -1))))
    plain, other = GatedMLP(6, 10), SwiGLU(6, 10)
    other.load_state_dict(plain.state_dict())
    torch.testing.assert_close(plain(x), other(x))


@pytest.mark.parametrize("form", ["gelu", "relu", "geglu", "reglu"])
@pytest.mark.parametrize("norm", ["pre", "post", None])
@pytest.mark.parametrize("residual", [True, False])
def test_feed_forward_is_the_hand_written_one(form, norm, residual):
    """Closed form: FeedForward adds x and normalises where it is told."""
    layer, x = FeedForward(6, 10, form=form, norm=norm, residual=residual).eval(), torch.randn(2, 3, 6)
    if norm:
        nn.init.normal_(layer.norm.weight)
    y = layer.body(layer.norm(x) if norm == "pre" else x)
    y = x + y if residual else y
    torch.testing.assert_close(layer(x), layer.norm(y) if norm == "post" else y)


@pytest.mark.parametrize("pre", [True, False])
def test_feed_forward_is_the_half_of_torchs_encoder_layer(pre):
    """Parity with torch.nn.TransformerEncoderLayer, whose attention is silenced: FeedForward with copied weights, values and gradients."""
    theirs = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, activation="gelu", batch_first=True, norm_first=pre)
    nn.init.zeros_(theirs.self_attn.out_proj.weight)
    ours = FeedForward(8, 16, norm="pre" if pre else "post", dropout=0.0)
    ours.load_state_dict({"body.0.weight": theirs.linear1.weight, "body.0.bias": theirs.linear1.bias, "body.2.weight": theirs.linear2.weight,
                          "body.2.bias": theirs.linear2.bias, "norm.weight": theirs.norm2.weight, "norm.bias": theirs.norm2.bias})  # fmt: skip
    x = torch.randn(2, 5, 8, requires_grad=True)
    given = x if pre else F.layer_norm(x, (8,))
    torch.testing.assert_close(ours(given), theirs(x), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(*(torch.autograd.grad(y.square().sum(), x) for y in (ours(given), theirs(x))), rtol=1e-4, atol=1e-5)


def test_the_usual_sizes_are_the_defaults():
    layer = FeedForward(512)
    assert (layer.body[0].in_features, layer.body[0].out_features, layer.body[2].out_features) == (512, 2048, 512)
    assert isinstance(layer.norm, nn.LayerNorm) and layer.dropout == 0.1
    with pytest.raises(ValueError, match=r"Unknown gate 'gegl'\. Did you mean 'geglu'"):
        GatedMLP(4, 8, "gegl")
    with pytest.raises(ValueError, match="Unknown place of the norm 'before'"):
        FeedForward(4, norm="before")


def test_dropout_only_in_training():
    for make in (GeluMLP, SwiGLU, GatedMLP):
        layer, x = make(6, 10, dropout=0.5), torch.randn(4, 6)
        assert (layer(x) == 0).any()
        assert torch.equal(layer.eval()(x), layer(x))
