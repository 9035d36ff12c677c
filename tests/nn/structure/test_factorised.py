"""Linear maps with fewer numbers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.nn import HashedEmbedding, KroneckerLinear, LowRankLinear


@pytest.mark.parametrize("rank", [1, 3, 6])
def test_the_nearest_layer_of_a_rank(rank):
    """Closed form: LowRankLinear.of errs by exactly the singular values that it leaves out (Eckart and Young); its count is rank * (in + out)."""
    layer = nn.Linear(8, 6)
    made = LowRankLinear.of(layer, rank)
    values = torch.linalg.svdvals(layer.weight)
    error = layer.weight - made.up.weight @ made.down.weight
    torch.testing.assert_close(error.square().sum(), values[rank:].square().sum(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(torch.linalg.matrix_norm(error, 2), values[rank] if rank < 6 else torch.tensor(0.0), rtol=1e-4, atol=1e-5)
    assert sum(p.numel() for p in made.parameters()) == rank * 14 + 6 and torch.equal(made.up.bias, layer.bias)
    assert LowRankLinear.of(nn.Linear(8, 6, bias=False), 2).up.bias is None


def test_kronecker_product_is_never_formed():
    """Closed form: KroneckerLinear is (A x B) x + b with torch.kron, begins with the spread of nn.Linear, and passes gradcheck."""
    layer, x = KroneckerLinear((2, 3), (4, 5)), torch.randn(2, 7, 15)
    torch.testing.assert_close(layer(x), x @ torch.kron(layer.left, layer.right).T + layer.bias)
    wide = KroneckerLinear((30, 40), (50, 20), bias=False)
    assert torch.kron(wide.left, wide.right).std().item() == pytest.approx(nn.Linear(800, 1500).weight.std().item(), rel=0.1)
    assert torch.autograd.gradcheck(layer.double(), torch.randn(2, 15, dtype=torch.float64, requires_grad=True))


def test_hashed_ids_spread_evenly_and_stay():
    """Property: HashedEmbedding gives an id the same vector always, different ids different ones, rows of even use and signs of mean 0."""
    layer, ids = HashedEmbedding(64, 8, seed=3), torch.arange(20_000)
    vectors = layer(ids)
    assert torch.equal(HashedEmbedding(64, 8, seed=3).multiplier, layer.multiplier) and torch.equal(layer(ids[:5]), vectors[:5])
    assert not torch.equal(HashedEmbedding(64, 8, seed=4).multiplier, layer.multiplier)
    one = HashedEmbedding(64, 1, num_hashes=1)
    nn.init.ones_(one.weight)
    assert abs(one(ids).mean()) < 0.03
    for given in (ids, ids * 2**24):
        one.weight.data.copy_(torch.arange(64.0)[:, None] + 1)
        counts = one(given).abs().long().flatten().bincount(minlength=65)[1:]
        assert counts.sum() == 20_000 and (counts > 200).all() and (counts < 430).all()
    nn.init.ones_(one.weight)
    assert abs(one(ids * 2**24).mean()) < 0.03  # ids that differ in high bits only spread too
    assert layer(torch.tensor([[2**62, 0]])).shape == (1, 2, 8)


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="between 1 and 6 for a layer from 8 to 6; got 7"):
        LowRankLinear(8, 6, 7)
    with pytest.raises(ValueError, match=r"3 \* 5 = 15 numbers; got x of shape \(1, 14\)"):
        KroneckerLinear((2, 3), (4, 5))(torch.zeros(1, 14))
    with pytest.raises(ValueError, match="at least one row"):
        HashedEmbedding(0, 4)
