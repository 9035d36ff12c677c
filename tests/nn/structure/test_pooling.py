"""One vector from the tokens that count."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.nn import TokenAttentionPool, TokenPool

BY_HAND = {"mean": lambda x: x.mean(0), "sum": lambda x: x.sum(0), "max": lambda x: x.amax(0), "first": lambda x: x[0], "last": lambda x: x[-1]}


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(sorted(BY_HAND)), st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=4))
def test_only_tokens_that_count_matter(kind, rows):
    """Brute force: TokenPool and TokenAttentionPool give each row what its own tokens give; masked tokens, even NaN, leave no trace, nor in gradients."""
    mask, layer, attention = torch.tensor(rows), TokenPool(kind), TokenAttentionPool(4, num_heads=2)
    x = torch.randn(*mask.shape, 4)
    wild = torch.where(mask[..., None], x, torch.full_like(x, torch.nan)).requires_grad_()
    found, weighted = layer(wild, mask), attention(wild, mask)
    for i, keep in enumerate(mask):
        torch.testing.assert_close(found[i], BY_HAND[kind](x[i, keep]) if keep.any() else torch.zeros(4))
        torch.testing.assert_close(weighted[i], attention(x[i : i + 1, keep])[0] if keep.any() else torch.zeros(4), rtol=1e-4, atol=1e-5)
    (found.sum() + weighted.sum()).backward()
    assert all(value.grad.isfinite().all() for value in attention.parameters())
    assert wild.grad.isfinite().all() and not wild.grad[~mask].any()


def test_attention_pool_is_its_formula():
    """Closed form: TokenAttentionPool weighs each head's part of the width by a softmax over tokens of v . tanh(W x)."""
    layer, x = TokenAttentionPool(4, hidden=3, num_heads=2), torch.randn(1, 5, 4)
    weights = (torch.tanh(x[0] @ layer.score[0].weight.T + layer.score[0].bias) @ layer.score[2].weight.T).softmax(0)
    expected = torch.cat([weights[:, 0] @ x[0, :, :2], weights[:, 1] @ x[0, :, 2:]])
    torch.testing.assert_close(layer(x)[0], expected)


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"Unknown pooling 'avg'"):
        TokenPool("avg")
    with pytest.raises(ValueError, match=r"speaks of \(2, 4\) tokens, x of \(2, 5\)"):
        TokenPool()(torch.zeros(2, 5, 3), torch.ones(2, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match="3 equal heads"):
        TokenAttentionPool(4, num_heads=3)
