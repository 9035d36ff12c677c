"""Attention against Keras."""

from __future__ import annotations

import pytest
import torch

from tests.models.exchange.keras_models import assert_same, inputs_of, keras, shaken
from weft.models.exchange import from_keras
from weft.models.exchange.keras_attention import KerasAttention, KerasMultiHeadAttention


@pytest.mark.parametrize("options", [{}, {"value_dim": 5, "output_shape": 7}, {"use_bias": False}])
def test_heads_give_what_keras_gives(options, tmp_path):
    """KerasMultiHeadAttention, parity: another width of values and outputs, no bias; queries of another sequence; causal."""
    k = keras()
    query, value = k.Input((4, 6)), k.Input((5, 6))
    layer = k.layers.MultiHeadAttention(2, 3, **options)
    model = shaken(k.Model([query, value], [layer(query, value), k.layers.MultiHeadAttention(2, 3)(query, query, use_causal_mask=True)]))
    model.save(tmp_path / "m.keras")
    assert_same(model, from_keras(tmp_path / "m.keras"), inputs_of(model))


def test_masked_tokens_are_not_seen():
    """KerasMultiHeadAttention, property: what is masked in the values changes nothing; a row without tokens stays finite."""
    layer = KerasMultiHeadAttention({}, [(6, 2, 3), (2, 3), (6, 2, 3), (2, 3), (6, 2, 3), (2, 3), (2, 3, 6), (6,)])
    x = torch.randn(2, 5, 6)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    other = torch.where(mask.unsqueeze(-1), x, 9.0)
    torch.testing.assert_close(layer(x, x, value_mask=mask), layer(x, other, value_mask=mask))
    assert layer(x, x, value_mask=torch.zeros(2, 5, dtype=torch.bool)).isfinite().all()


def test_what_is_not_read_is_said():
    with pytest.raises(ValueError, match="sliding window"):
        KerasMultiHeadAttention({"sliding_window": 3}, [(6, 2, 3)] * 4)
    with pytest.raises(ValueError, match="score_mode='concat' is not read"):
        KerasAttention({"score_mode": "concat"}, [])
