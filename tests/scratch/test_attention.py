"""Attention against torch's scaled_dot_product_attention and MultiheadAttention."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.scratch.compare import autograd, differences, same
from weft.scratch import (
    attention_weights,
    multi_head_attention,
    multi_head_attention_backward,
    scaled_dot_product_attention,
    scaled_dot_product_attention_backward,
)


def mask_of(shape, seed=0):
    """A mask in which every query sees something."""
    mask = np.random.default_rng(seed).random(shape) < 0.6
    mask[..., 0] = True
    return mask


@pytest.mark.parametrize("shape", [((), 1, 1, 1, 1), ((2,), 3, 5, 4, 2), ((2, 3), 4, 4, 2, 2)], ids=str)
@pytest.mark.parametrize("masked", [False, True])
def test_values_and_gradients_are_torchs(shape, masked):
    """scaled_dot_product_attention, parity: torch's values and gradients of query, key and value in float64, with a mask and without."""
    before, t, s, k, v = shape
    random = np.random.default_rng(0)
    arrays = [random.normal(size=(*before, *rest)) for rest in ((t, k), (s, k), (s, v))]
    dy, mask = random.normal(size=(*before, t, v)), mask_of((*before, t, s)) if masked else None
    peer = None if mask is None else torch.tensor(mask)
    y, gradients = autograd(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, peer), arrays, dy)
    assert same(scaled_dot_product_attention(*arrays, mask), y) and same(list(scaled_dot_product_attention_backward(dy, *arrays, mask)), gradients)
    assert same(gradients, differences(lambda q, k, v: scaled_dot_product_attention(q, k, v, mask), arrays, dy), 1e-7)


def test_a_query_that_may_see_nothing_gets_nothing():
    """scaled_dot_product_attention, closed form: a row without keys gives zeros and no gradient, not a mean of what it must not see."""
    random = np.random.default_rng(1)
    q, k, v, dy = (random.normal(size=(3, 4)) for _ in range(4))
    mask = np.array([[True, False, True], [False, False, False], [True, True, True]])
    y = scaled_dot_product_attention(q, k, v, mask)
    dq, _, dv = scaled_dot_product_attention_backward(dy, q, k, v, mask)
    assert not y[1].any() and not dq[1].any() and y[0].any() and np.isfinite(dv).all()
    weights = attention_weights(q, k, mask)
    assert not weights[~mask].any() and np.allclose(weights.sum(axis=1), [1, 0, 1])


def test_what_is_hidden_is_not_felt():
    """scaled_dot_product_attention, property: with a causal mask what comes later changes nothing before, and products of a thousand stay finite."""
    random = np.random.default_rng(2)
    q, k, v = (random.normal(size=(6, 4)) for _ in range(3))
    causal = np.tril(np.ones((6, 6), bool))
    y = scaled_dot_product_attention(q, k, v, causal)
    k[4:], v[4:] = 9.0, -9.0
    assert same(scaled_dot_product_attention(q, k, v, causal)[:4], y[:4]) and np.isfinite(scaled_dot_product_attention(1000 * q, 1000 * k, v)).all()


@pytest.mark.parametrize(("n", "t", "d", "heads"), [(1, 1, 2, 1), (2, 4, 6, 3), (3, 5, 4, 4)])
@pytest.mark.parametrize("masked", [False, True])
def test_several_heads_are_torchs(n, t, d, heads, masked):
    """multi_head_attention, parity: torch.nn.MultiheadAttention with the same weights, values and all gradients; its mask is the other way round."""
    random = np.random.default_rng(3)
    arrays = [random.normal(size=shape) for shape in ((n, t, d), (3 * d, d), (3 * d,), (d, d), (d,))]
    dy, mask = random.normal(size=(n, t, d)), mask_of((t, t), 4) if masked else None
    layer = torch.nn.MultiheadAttention(d, heads, batch_first=True, dtype=torch.float64)
    names = ["in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"]
    hidden = None if mask is None else ~torch.tensor(mask)

    def peer(x, *weights):
        return torch.func.functional_call(layer, dict(zip(names, weights, strict=True)), (x, x, x), {"attn_mask": hidden, "need_weights": False})[0]

    y, gradients = autograd(peer, arrays, dy)
    x, *weights = arrays
    dx, dweights = multi_head_attention_backward(dy, x, tuple(weights), heads, mask)
    assert same(multi_head_attention(x, tuple(weights), heads, mask), y) and same([dx, *dweights], gradients)


def test_samples_do_not_see_each_other_and_widths_must_divide():
    """multi_head_attention, property: another sample of the batch changes nothing."""
    random = np.random.default_rng(5)
    x, weights = random.normal(size=(3, 4, 6)), tuple(random.normal(size=shape) for shape in ((18, 6), (18,), (6, 6), (6,)))
    y = multi_head_attention(x, weights, 2)
    x[1] = 7.0
    assert same(multi_head_attention(x, weights, 2)[[0, 2]], y[[0, 2]])
    with pytest.raises(ValueError, match="4 heads do not divide a width of 6"):
        multi_head_attention(x, weights, 4)
