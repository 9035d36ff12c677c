"""Triplets against torch, pytorch-metric-learning and triple loops."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from weft.losses import Loss, triplet, triplet_counts, triplet_given


def batch(double=False):
    x = torch.randn(10, 4, dtype=torch.float64 if double else torch.float32)
    return x, torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 3, 0])  # class 3 has one item only


@pytest.mark.parametrize("swap", [False, True])
def test_given_equals_torch(swap):
    """triplet_given, parity: torch's triplet margin loss, with and without swap; the soft form is a softplus."""
    a, p, n = torch.randn(3, 20, 4)
    torch.testing.assert_close(triplet_given(a, p, n, swap=swap), F.triplet_margin_loss(a, p, n, swap=swap, reduction="none"), rtol=1e-4, atol=1e-4)
    gap = (a - p).norm(dim=1) - (a - n).norm(dim=1)
    torch.testing.assert_close(triplet_given(a, p, n, soft=True), F.softplus(gap))


def loop(x, y, mining, margin, metric):
    """All triplets one by one, with Python's own arithmetic for the choice."""
    d = metric(x)
    costs = []
    for a in range(len(x)):
        partners = [p for p in range(len(x)) if p != a and y[p] == y[a]]
        strangers = [n for n in range(len(x)) if y[n] != y[a]]
        if not partners or not strangers:
            continue
        if mining == "hard":
            costs.append(max(0.0, max(d[a][p] for p in partners) - min(d[a][n] for n in strangers) + margin))
        elif mining == "semi_hard":
            for p in partners:
                farther = [d[a][n] for n in strangers if d[a][n] > d[a][p]]
                n = min(farther) if farther else max(d[a][n] for n in strangers)
                costs.append(max(0.0, d[a][p] - n + margin))
        else:
            costs += [c for p in partners for n in strangers if (c := d[a][p] - d[a][n] + margin) > 0]
    return sum(costs) / max(len(costs), 1)


def euclidean(x):
    return (x[:, None] - x[None]).norm(dim=2).tolist()


def cosine(x):
    return (1 - F.normalize(x, dim=1) @ F.normalize(x, dim=1).T).tolist()


@pytest.mark.parametrize("mining", ["hard", "all", "semi_hard"])
@pytest.mark.parametrize(("distance", "metric"), [("euclidean", euclidean), ("cosine", cosine)])
def test_mining_equals_the_loops(mining, distance, metric):
    """triplet, brute force: every triplet, pair or anchor by itself; an item without partner does not count."""
    x, y = batch(double=True)
    got = Loss.mean(triplet(x, y, mining=mining, margin=0.3, distance=distance)).value
    assert got.item() == pytest.approx(loop(x, y.tolist(), mining, 0.3, metric), rel=1e-9)


def test_all_and_hard_equal_pytorch_metric_learning():
    """triplet, parity: TripletMarginLoss over all triplets, and over those of BatchHardMiner."""
    pml = pytest.importorskip("pytorch_metric_learning")
    from pytorch_metric_learning import losses, miners, reducers
    from pytorch_metric_learning.distances import LpDistance

    assert pml
    x, y = batch()
    plain = LpDistance(normalize_embeddings=False)
    theirs = losses.TripletMarginLoss(margin=0.3, distance=plain)(x, y)
    torch.testing.assert_close(Loss.mean(triplet(x, y, mining="all", margin=0.3)).value, theirs)
    hard = miners.BatchHardMiner(distance=plain)(x, y)
    theirs = losses.TripletMarginLoss(margin=0.3, distance=plain, reducer=reducers.MeanReducer())(x, y, hard)
    torch.testing.assert_close(Loss.mean(triplet(x, y, mining="hard", margin=0.3)).value, theirs)


@pytest.mark.parametrize("mining", ["hard", "all", "semi_hard"])
@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2]])
def test_a_batch_without_triplets_costs_nothing_and_stays_connected(mining, labels):
    """Property: one class, or no class twice: zero with a zero gradient, soft or not."""
    for soft in (False, True):
        x = torch.randn(3, 2, requires_grad=True)
        loss = triplet(x, torch.tensor(labels), mining=mining, soft=soft)
        loss.sum().backward()
        assert loss.tolist() == [0, 0, 0]
        assert not x.grad.any()


@pytest.mark.parametrize("mining", ["all", "semi_hard"])
def test_gradients_are_exact(mining):
    """Property: gradcheck of the minings that the contract's default leaves out."""
    x, y = batch(double=True)
    assert torch.autograd.gradcheck(lambda z: triplet(z, y, mining=mining, soft=mining == "semi_hard"), x.requires_grad_())


def test_counts_and_errors():
    """Closed form: 2 anchors with a partner and one stranger each; one triplet is within the margin."""
    counts = triplet_counts(torch.tensor([[0.0], [1.0], [3.0]]), torch.tensor([0, 0, 1]), margin=1.5)
    assert (counts["triplets"].item(), counts["active"].item()) == (2, 0.5)
    with pytest.raises(ValueError, match="Did you mean 'semi_hard'"):
        triplet(torch.zeros(2, 1), torch.zeros(2), mining="semihard")
    with pytest.raises(ValueError, match="distance"):
        triplet_given(*torch.zeros(3, 2, 1), distance="city")
