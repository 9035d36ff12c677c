"""Attention against the textbook, its masks, and its cache."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from weft.nn import Attention, KeyValueCache, RotaryPositions, ScaledAttention


def slow(layer, x, pairs):
    """softmax(q k^T / sqrt(K)) v, query by query and head by head; a query without a key gets zeros."""
    b, t, d = x.shape
    k = d // layer.num_heads
    q, key, v = layer.qkv(x).split(d, dim=-1)
    out = torch.zeros(b, t, d)
    for n in range(b):
        for h in range(layer.num_heads):
            part = slice(h * k, (h + 1) * k)
            for i in range(t):
                allowed = [j for j in range(t) if pairs[n, i, j]]
                if allowed:
                    scores = torch.stack([torch.dot(q[n, i, part], key[n, j, part]) / math.sqrt(k) for j in allowed])
                    out[n, i, part] = sum(p * v[n, j, part] for p, j in zip(scores.softmax(0), allowed, strict=True))
    return layer.out(out)


@pytest.mark.parametrize("causal", [False, True])
def test_equals_the_textbook_under_every_mask(causal):
    """Brute force: Attention, causal or not, with no mask, a mask of keys and a mask of pairs."""
    layer, x = Attention(8, 2, causal=causal, bias=True).eval(), torch.randn(2, 5, 8)
    past = torch.ones(5, 5, dtype=torch.bool).tril() if causal else torch.ones(5, 5, dtype=torch.bool)
    keys, pairs = torch.rand(2, 5) > 0.4, torch.rand(2, 5, 5) > 0.4
    with torch.no_grad():
        torch.testing.assert_close(layer(x), slow(layer, x, past.expand(2, 5, 5)))
        torch.testing.assert_close(layer(x, keys), slow(layer, x, keys[:, None, :] & past))
        torch.testing.assert_close(layer(x, pairs), slow(layer, x, pairs & past))


def test_nothing_to_attend_to_gives_zeros_and_finite_gradients():
    """Property: a fully masked row is 0 before the projection, not NaN and not an average of everything."""
    layer, x = Attention(8, 2), torch.randn(1, 3, 8, requires_grad=True)
    y = layer(x, torch.zeros(1, 3, dtype=torch.bool))
    y.sum().backward()
    assert torch.equal(y, torch.zeros_like(y))
    assert x.grad.isfinite().all()


def test_masked_tokens_leave_no_trace():
    """Property: what stands at masked keys does not matter to the others."""
    layer, x = Attention(8, 2), torch.randn(2, 6, 8)
    keep = torch.tensor([[True] * 4 + [False] * 2] * 2)
    wild = x.clone()
    wild[:, 4:] = 1e3
    torch.testing.assert_close(layer(x, keep)[:, :4], layer(wild, keep)[:, :4])
    torch.testing.assert_close(layer(x, keep)[:, :4], layer(x[:, :4]), rtol=1e-4, atol=1e-5)


def test_causal_attention_leaks_nothing_backwards():
    """Property: no output depends on a later token, seen in the gradient, with and without a mask of keys."""
    layer = Attention(8, 2, causal=True, rotary=RotaryPositions(4, 16))
    for mask in (None, torch.ones(1, 6, dtype=torch.bool)):
        x = torch.randn(1, 6, 8, requires_grad=True)
        (gradient,) = torch.autograd.grad(layer(x, mask)[0, 2].sum(), x)
        assert gradient[0, :3].abs().sum() > 0
        assert not gradient[0, 3:].any()


def test_without_positions_it_is_equivariant_to_order():
    """Property: permuting tokens permutes the outputs; with rotary positions it does not."""
    order, x = torch.randperm(6), torch.randn(1, 6, 8)
    plain, rotary = Attention(8, 2), Attention(8, 2, rotary=RotaryPositions(4, 16))
    torch.testing.assert_close(plain(x[:, order]), plain(x)[:, order])
    assert not torch.allclose(rotary(x[:, order]), rotary(x)[:, order], atol=1e-4)


@pytest.mark.parametrize("parts", [(6,), (1,) * 6, (3, 1, 2), (4, 2)])
def test_cache_in_any_parts_equals_the_whole(parts):
    """Property: causal attention from a KeyValueCache, in steps of any size, equals one pass; so with a mask of keys."""
    layer = Attention(8, 2, causal=True, rotary=RotaryPositions(4, 16))
    x, keep = torch.randn(2, 6, 8), torch.tensor([[True] * 6, [False, True, True, False, True, True]])
    for mask in (None, keep):
        cache, outputs, done = KeyValueCache(6), [], 0
        for size in parts:
            done += size
            outputs.append(layer(x[:, done - size : done], None if mask is None else mask[:, :done], cache))
        torch.testing.assert_close(torch.cat(outputs, 1), layer(x, mask), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("causal", [False, True])
def test_weights_on_demand_are_torchs_and_undropped(causal):
    """Parity with torch.nn.MultiheadAttention: Attention with copied weights, outputs and the weights of each head, under masks, in training too."""
    ours, theirs = Attention(8, 2, bias=True, causal=causal, dropout=0.5), nn.MultiheadAttention(8, 2, batch_first=True)
    theirs.load_state_dict({"in_proj_weight": ours.qkv.weight, "in_proj_bias": ours.qkv.bias, "out_proj.weight": ours.out.weight, "out_proj.bias": ours.out.bias})
    x, keep = torch.randn(2, 5, 8), torch.tensor([[True] * 5, [True, True, True, False, False]])
    late = ~torch.ones(5, 5, dtype=torch.bool).tril() if causal else None
    for mask in (None, keep):
        expected, weights = theirs(x, x, x, key_padding_mask=None if mask is None else ~mask, attn_mask=late, average_attn_weights=False)
        torch.testing.assert_close(ours.train().weights(x, mask), weights, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(ours.eval()(x, mask), expected, rtol=1e-5, atol=1e-5)
        v = ours.qkv(x)[..., 16:].unflatten(-1, (2, 4)).transpose(1, 2)
        torch.testing.assert_close(ours.out((ours.weights(x, mask) @ v).transpose(1, 2).flatten(2)), ours(x, mask), rtol=1e-4, atol=1e-5)
    nothing = ours.weights(x, torch.zeros(2, 5, dtype=torch.bool))
    assert not nothing.any()
    for dtype in (torch.float16, torch.bfloat16):
        low = Attention(8, 2).to(dtype)
        assert low.weights(x.to(dtype), keep).dtype == torch.float32 and low(100 * x.to(dtype), keep).isfinite().all()


@pytest.mark.parametrize(("scale", "numbers"), [("scalar", 1), ("head", 2), ("channel", 8)])
def test_scaled_attention_is_its_formula(scale, numbers):
    """Closed form: ScaledAttention is s (W attention(x) + b), with one number for all, for a head's part, or for a channel; samples do not mix."""
    layer, x = ScaledAttention(8, 2, scale=scale, start=0.5), torch.randn(3, 5, 8)
    assert layer.scale.shape == (numbers,)
    nn.init.normal_(layer.scale)
    spread = layer.scale.repeat_interleave(8 // numbers)
    torch.testing.assert_close(layer(x), (layer.attention(x) @ layer.linear.weight.T + layer.linear.bias) * spread)
    torch.testing.assert_close(layer(x)[:1], layer(x[:1]), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match=r"Unknown scale 'heads'\. Did you mean 'head'"):
        ScaledAttention(8, 2, scale="heads")


def test_dropout_only_in_training():
    layer, x = Attention(8, 2, dropout=0.5), torch.randn(1, 6, 8)
    assert not torch.equal(layer(x), layer(x))
    assert torch.equal(layer.eval()(x), layer(x))


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="width 10 cannot be cut into 4 equal heads"):
        Attention(10, 4)
    with pytest.raises(ValueError, match=r"sees 5 keys but its mask, of shape \(1, 4\), speaks of 4"):
        Attention(8, 2)(torch.zeros(1, 5, 8), torch.ones(1, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"Attention expects a tensor of shape \(B, T, 8\)"):
        Attention(8, 2)(torch.zeros(1, 5, 6))
    cache = KeyValueCache(2)
    with pytest.raises(ValueError, match="holds 2 tokens; 0 are in it and 3 more came"):
        cache.append(torch.zeros(1, 1, 3, 4), torch.zeros(1, 1, 3, 4))
