"""Retrieval and alignment of pairs, by hand."""

from __future__ import annotations

import pytest
import torch

from weft.metrics import Alignment, RetrievalRecall, pairs
from weft.metrics.pairs import alignment, retrieval_recall


def slow(query, item, k):
    """One query at a time, by sorting."""
    hits = 0
    for i in range(len(query)):
        near = torch.nn.functional.cosine_similarity(query[i][None], item)
        hits += i in near.argsort(descending=True)[:k].tolist()
    return hits / len(query)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_recall_equals_sorting(k, monkeypatch):
    """Brute force: RetrievalRecall, whose gallery is all batches, compared in slices."""
    monkeypatch.setattr(pairs, "ROWS", 7)
    item = torch.randn(30, 4, dtype=torch.float64)
    query = item + torch.randn(30, 4, dtype=torch.float64)
    metric = RetrievalRecall(k)
    for part in torch.arange(30).split(11):
        metric.update({"output": query[part]}, {"target": item[part]})
    assert metric.compute() == pytest.approx(slow(query, item, k)) == pytest.approx(retrieval_recall(query, item, k=k))
    assert 0 < metric.compute() < 1


def test_a_collapsed_space_finds_nothing_though_aligned():
    """Closed form: one point for everything has Alignment 0 and no R@1; NaN finds nothing, at any k."""
    same = torch.ones(5, 3)
    assert alignment(same, same) == pytest.approx(0.0, abs=1e-12)
    assert retrieval_recall(same, same) == 0.0
    assert retrieval_recall(torch.full((5, 3), float("nan")), same, k=5) == 0.0
    first, second = torch.randn(20, 4, dtype=torch.float64), torch.randn(20, 4, dtype=torch.float64)
    cosine = torch.nn.functional.cosine_similarity(first, second)
    assert alignment(first, second) == pytest.approx((2 - 2 * cosine).mean().item())
    assert Alignment.direction == "min" and RetrievalRecall.direction == "max"
    with pytest.raises(ValueError, match="at least 1; got 0"):
        RetrievalRecall(0)
    with pytest.raises(ValueError, match="two embeddings"):
        Alignment().observe(torch.ones(2, 3), torch.ones(2, 4), None)
