"""Vectors for tokens."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.nn import TokenEmbedding


def test_is_torchs_embedding_scaled():
    """Parity with torch.nn.Embedding: TokenEmbedding with the same table, times sqrt(dim), values and gradients; sparse ones too."""
    for sparse in (False, True):
        ours, theirs = TokenEmbedding(7, 4, padding=2, sparse=sparse), nn.Embedding(7, 4, padding_idx=2, sparse=sparse)
        theirs.load_state_dict(ours.state_dict())
        ids = torch.tensor([[1, 2, 5], [5, 0, 2]])
        torch.testing.assert_close(ours(ids), 2 * theirs(ids))
        ours(ids).square().sum().backward()
        (2 * theirs(ids)).square().sum().backward()
        dense = [p.weight.grad.to_dense() for p in (ours, theirs)]
        torch.testing.assert_close(*dense)
        assert not dense[0][2].any() and not ours.weight[2].any()
    plain = TokenEmbedding(7, 4, scale=False)
    assert torch.equal(plain(torch.arange(7)), plain.weight)
    assert 0.8 < TokenEmbedding(500, 64)(torch.arange(500)).std() < 1.2
    assert TokenEmbedding(5, 4, max_norm=0.1, scale=False)(torch.arange(5)).norm(dim=1).max() <= 0.1001


def test_logits_come_from_the_same_table():
    """Closed form: logits are E h; the table's gradient is the sum over both uses."""
    table, ids = TokenEmbedding(7, 4), torch.tensor([1, 3])
    torch.testing.assert_close(table.logits(table(ids)), 2 * table.weight[ids] @ table.weight.T)
    table.logits(table(ids)).sum().backward()
    other = table.weight.detach().clone().requires_grad_()
    (2 * other[ids] @ other.T).sum().backward()
    torch.testing.assert_close(table.weight.grad, other.grad)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_a_bag_is_embedding_and_reduction(mode):
    """Brute force: torch.nn.EmbeddingBag, made by torch_layer, is a table read and reduced, with offsets and weights of single tokens."""
    from weft.nn import torch_layer

    bag = torch_layer("embedding_bag", {"num_embeddings": 9, "embedding_dim": 4, "mode": mode})
    ids, offsets = torch.tensor([1, 2, 4, 5, 4, 3]), torch.tensor([0, 4])
    rows = [bag.weight[ids[:4]], bag.weight[ids[4:]]]
    reduce = {"sum": lambda x: x.sum(0), "mean": lambda x: x.mean(0), "max": lambda x: x.amax(0)}[mode]
    torch.testing.assert_close(bag(ids, offsets), torch.stack([reduce(row) for row in rows]))
    if mode == "sum":
        weights = torch.rand(6)
        expected = torch.stack([weights[:4] @ rows[0], weights[4:] @ rows[1]])
        torch.testing.assert_close(bag(ids, offsets, per_sample_weights=weights), expected)


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="one of the 5 ids, 0 to 4; got 5"):
        TokenEmbedding(5, 4, padding=5)
