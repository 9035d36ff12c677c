"""Metrics of several labels against scikit-learn."""

from __future__ import annotations

import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.metrics import Hamming, Jaccard, MultilabelAveragePrecision, MultilabelF1, SubsetAccuracy
from weft.metrics.multilabel import hamming, jaccard, multilabel_f1, subset_accuracy

sklearn = pytest.importorskip("sklearn.metrics")


@given(seed=st.integers(0, 10_000), size=st.integers(1, 20), labels=st.integers(2, 5), rare=st.floats(0.1, 0.9))
@settings(max_examples=50, deadline=None)
def test_equal_scikit_learn(seed, size, labels, rare):
    """Parity: SubsetAccuracy, Hamming, Jaccard and MultilabelF1 by every average, with labels that never occur and items without any."""
    random = torch.Generator().manual_seed(seed)
    output = torch.randn(size, labels, generator=random)
    target = (torch.rand(size, labels, generator=random) > rare).long()
    guess, right = (output > 0).long().numpy(), target.numpy()
    assert subset_accuracy(output, target) == pytest.approx(sklearn.accuracy_score(right, guess))
    assert hamming(output, target) == pytest.approx(sklearn.hamming_loss(right, guess))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for average in ("samples", "macro", "micro", "weighted", None):
            for own, theirs in ((jaccard, sklearn.jaccard_score), (multilabel_f1, sklearn.f1_score)):
                got = torch.as_tensor(own(output, target, average=average or "none")).tolist()
                assert got == pytest.approx(theirs(right, guess, average=average, zero_division=0)), (own.__name__, average)


def test_mean_average_precision_equals_scikit_learn():
    """Parity: MultilabelAveragePrecision, a label that never occurs included."""
    output, target = torch.randn(40, 4), (torch.rand(40, 4) > 0.7).long()
    target[:, 2] = 0
    metric = MultilabelAveragePrecision("none")
    metric.update({"output": output[:13]}, {"target": target[:13]})
    metric.update({"output": output[13:]}, {"target": target[13:]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert metric.compute().tolist() == pytest.approx(sklearn.average_precision_score(target, output, average=None).tolist())
    assert metric.compute()[2] == 0


@pytest.mark.parametrize("make", [SubsetAccuracy, Hamming, lambda: Jaccard("macro"), lambda: Jaccard("samples"), MultilabelF1])
def test_masks_of_single_labels(make):
    """Property: what stands where a single label is masked changes nothing, and an item without any label kept does not count."""
    output, target, keep = torch.randn(20, 4), (torch.rand(20, 4) > 0.5).long(), torch.rand(20, 4) > 0.3
    keep[7] = False
    values = []
    for filler in (5.0, -5.0):
        metric = make()
        metric.update({"output": output.masked_fill(~keep, filler)}, {"target": target.masked_fill(~keep, -100), "mask": keep})
        metric_without = make()
        rows = torch.arange(20) != 7
        metric_without.update({"output": output[rows]}, {"target": target[rows], "mask": keep[rows]})
        values += [metric.compute(), metric_without.compute()]
    assert values == pytest.approx([values[0]] * 4)


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"\(items, labels\); got \(3, 2\) and \(3,\)"):
        Hamming().observe(torch.zeros(3, 2), torch.zeros(3), None)
    with pytest.raises(ValueError, match="targets of 0 and 1"):
        hamming(torch.zeros(1, 2), torch.tensor([[0, 2]]))
    with pytest.raises(ValueError, match="Did you mean 'macro'"):
        Jaccard("makro")
