"""Classes in fixed proportions, batch by batch."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.data import Balanced, Stratified

LABELS = st.lists(st.sampled_from("aaaabbc"), min_size=1, max_size=80)


@settings(max_examples=60, deadline=None)
@given(LABELS, st.integers(1, 20), st.integers(0, 5))
def test_balanced_batches_differ_by_one(labels, batch_size, epoch):
    """Balanced, property: class counts of a batch differ by one at most, each class comes equally often, the largest is whole."""
    batches = Balanced(labels, batch_size).batches(len(labels), 1, epoch)
    classes = set(labels)
    for batch in batches:
        counts = Counter(labels[i] for i in batch.tolist())
        assert max(counts.values()) - min(counts.get(c, 0) for c in classes) <= 1
    whole = Counter(labels[i] for batch in batches for i in batch.tolist())
    assert len(set(whole.values())) == 1
    assert set(torch.cat(list(batches)).tolist()) == set(range(len(labels)))


@settings(max_examples=60, deadline=None)
@given(LABELS, st.integers(1, 20), st.integers(0, 5))
def test_stratified_batches_look_like_the_whole(labels, batch_size, epoch):
    """Stratified, property: every record once; a batch's class counts are within two of their share."""
    batches = Stratified(labels, batch_size).batches(len(labels), 1, epoch)
    assert sorted(torch.cat(list(batches)).tolist()) == list(range(len(labels)))
    for batch in batches:
        counts = Counter(labels[i] for i in batch.tolist())
        for name, count in Counter(labels).items():
            assert abs(counts.get(name, 0) - len(batch) * count / len(labels)) < 2


def test_samples_per_class_is_exact_and_orders_change():
    labels = ["a"] * 10 + ["b"] * 3
    plan = Balanced(labels, 4, samples_per_class=5)
    counts = Counter(labels[i] for batch in plan.batches(13, 0, 0) for i in batch.tolist())
    assert counts == {"a": 5, "b": 5}
    for made in (plan, Stratified(labels, 4)):
        first, second = (torch.cat(list(made.batches(13, 0, epoch))).tolist() for epoch in (0, 1))
        assert first != second and torch.cat(list(made.batches(13, 0, 0))).tolist() == first


@pytest.mark.parametrize("kind", [Balanced, Stratified])
def test_wrong_labels_are_refused(kind):
    with pytest.raises(ValueError, match="1 labels for 2 records"):
        kind(["a"]).batches(2, 0, 0)
    with pytest.raises(ValueError, match="at least 1"):
        kind(["a"], 0)
