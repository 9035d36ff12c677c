"""Blocks over sequences."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.nn import EncoderLayer, PatchEmbedding, TemporalBlock, made_of


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("causal", [False, True])
def test_encoder_layer_is_torchs(norm, causal):
    """Parity with torch.nn.TransformerEncoderLayer: EncoderLayer with copied weights under masks, values and gradients to 1e-5."""
    theirs = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, activation="gelu", batch_first=True, norm_first=norm == "pre")
    ours = EncoderLayer(8, 2, 16, norm=norm, causal=causal, dropout=0.0)
    names = {
        "norm": "norm1", "attention.out": "self_attn.out_proj", "feedforward.body.0": "linear1", "feedforward.body.2": "linear2", "feedforward.norm": "norm2",
    }  # fmt: skip
    state = {f"{mine}.{part}": theirs.get_parameter(f"{yours}.{part}") for mine, yours in names.items() for part in ("weight", "bias")}
    ours.load_state_dict({**state, "attention.qkv.weight": theirs.self_attn.in_proj_weight, "attention.qkv.bias": theirs.self_attn.in_proj_bias})
    x = torch.randn(2, 5, 8, requires_grad=True)
    late = ~torch.ones(5, 5, dtype=torch.bool).tril() if causal else None
    for keep in (None, torch.tensor([[True] * 5, [True] * 3 + [False] * 2])):
        expected = theirs(x, src_mask=late, src_key_padding_mask=None if keep is None else ~keep)
        torch.testing.assert_close(ours(x, keep), expected, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(*(torch.autograd.grad(y.square().sum(), x, retain_graph=True) for y in (ours(x, keep), expected)), rtol=1e-4, atol=1e-5)


def test_temporal_block_is_causal_and_sees_what_it_says():
    """Property: TemporalBlock's output depends on the last 1 + 2 (kernel - 1) dilation inputs, on all of them and on none later; on as many outputs as inputs."""
    for kernel, dilation in ((3, 1), (2, 4), (5, 2)):
        block = TemporalBlock(2, 4, kernel, dilation=dilation)
        for convolution in (block.first, block.second):
            nn.init.uniform_(convolution.weight, 0.1, 1)  # nothing is cut off by relu
            nn.init.ones_(convolution.bias)
        x = torch.rand(1, 2, 40, requires_grad=True)
        y = block(x)
        assert y.shape == (1, 4, 40)
        (gradient,) = torch.autograd.grad(y[0, :, 30].sum(), x)
        reach = 2 * (kernel - 1) * dilation
        seen = gradient[0].abs().sum(0).nonzero().flatten()
        assert (int(seen.min()), int(seen.max())) == (30 - reach, 30)
    with pytest.raises(ValueError, match=r"TemporalBlock expects a tensor of shape \(B, 2, T\)"):
        block(torch.zeros(1, 3, 8))


def test_temporal_block_is_its_formula():
    """Closed form: TemporalBlock as padded convolutions by hand, with a projected shortcut."""
    block, x = TemporalBlock(2, 4, dilation=3), torch.randn(2, 2, 11)
    pad = nn.ConstantPad1d((6, 0), 0.0)
    torch.testing.assert_close(block(x), (block.shortcut(x) + block.second(pad(block.first(pad(x)).relu())).relu()).relu())


def test_patches_are_linear_maps_of_their_pixels():
    """Brute force: PatchEmbedding patch by patch, row by row; a picture that patches do not fill is refused."""
    layer, x = PatchEmbedding(3, 8, patch=2), torch.randn(2, 3, 4, 6)
    matrix = layer.project.weight.flatten(1)
    tokens = [x[:, :, r : r + 2, c : c + 2].flatten(1) @ matrix.T + layer.project.bias for r in (0, 2) for c in (0, 2, 4)]
    torch.testing.assert_close(layer(x), torch.stack(tokens, 1))
    with pytest.raises(ValueError, match="a picture of 4 x 5 would lose its edge"):
        layer(torch.zeros(1, 3, 4, 5))


def test_each_builds_from_a_spec():
    """Contract: every block and position of the chapter is made by name, torch's decoder layer among them."""
    specs = [
        {"type": "encoder_layer", "dim": 8, "num_heads": 2}, {"type": "TransformerDecoderLayer", "d_model": 8, "nhead": 2, "batch_first": True},
        {"type": "TransformerEncoderLayer", "d_model": 8, "nhead": 2}, {"type": "temporal_block", "in_channels": 2, "out_channels": 4},
        {"type": "patch_embedding", "channels": 3, "dim": 8}, {"type": "sinusoidal_positions", "dim": 8}, {"type": "learned_positions", "context": 9, "dim": 8},
        {"type": "rotary_positions", "dim": 4, "context": 9}, {"type": "alibi_bias", "num_heads": 2},
    ]  # fmt: skip
    assert all(isinstance(made_of(spec), nn.Module) for spec in specs)
    with pytest.raises(ValueError, match="Unknown place of the norm 'mid'"):
        EncoderLayer(8, 2, norm="mid")
