"""AUROC and average precision against scikit-learn, ties and degenerate sets included."""

from __future__ import annotations

import math
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.metrics import AUROC, AveragePrecision
from weft.metrics.ranking import auroc, average_precision, one_against_one

sklearn = pytest.importorskip("sklearn.metrics")


def measure(metric, output, target):
    metric.update({"output": output}, {"target": target})
    return metric.compute()


@given(seed=st.integers(0, 10_000), size=st.integers(2, 40), levels=st.integers(1, 50))
@settings(max_examples=80, deadline=None)
def test_two_classes_equal_scikit_learn_with_ties(seed, size, levels):
    """Parity: scores on few levels, so that many are equal."""
    random = torch.Generator().manual_seed(seed)
    score = torch.randint(0, levels, (size,), generator=random).float()
    positive = torch.rand(size, generator=random) > 0.6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if positive.any() and not positive.all():
            assert auroc(score, positive).item() == pytest.approx(sklearn.roc_auc_score(positive, score))
        assert average_precision(score, positive).item() == pytest.approx(sklearn.average_precision_score(positive, score))


def test_many_classes_equal_scikit_learn():
    """Parity: one against the rest, macro and one by one, from logits and from probabilities."""
    output, target = torch.randn(60, 4, dtype=torch.float64), torch.arange(60) % 4
    chance = output.softmax(1)
    expected = sklearn.roc_auc_score(target, chance, multi_class="ovr")
    assert measure(AUROC(), output, target) == pytest.approx(expected)
    assert measure(AUROC(probabilities=True), chance, target) == pytest.approx(expected)
    each = [sklearn.average_precision_score(target == c, chance[:, c]) for c in range(4)]
    assert measure(AveragePrecision("none"), output, target).tolist() == pytest.approx(each)


def test_two_columns_equal_one_logit():
    """Property: the two ways to write a binary classifier agree, also where a softmax would saturate."""
    z, target = torch.tensor([50.0, 90.0, -3.0, 60.0]), torch.tensor([0, 1, 0, 1])
    two = torch.stack([torch.zeros(4), z], 1)
    assert measure(AUROC(), z, target) == measure(AUROC(), two, target) == 1.0


def test_degenerate_sets():
    """Closed form: one class only has no AUROC; all scores equal is chance; NaN scores are not a ranking."""
    yes = torch.tensor([True, True])
    assert math.isnan(auroc(torch.rand(2), yes).item())
    assert math.isnan(auroc(torch.rand(2), ~yes).item())
    assert auroc(torch.ones(4), torch.tensor([True, False, False, True])).item() == 0.5
    assert average_precision(torch.rand(3), torch.zeros(3, dtype=torch.bool)).item() == 0.0
    assert math.isnan(auroc(torch.tensor([float("nan"), 1.0]), torch.tensor([True, False])).item())
    with pytest.raises(ValueError, match="'macro'"):
        AUROC("micro")


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_one_against_one_and_weights_equal_scikit_learn(average):
    """Parity: AUROC one against the rest and one against one, by classes of unlike size, from logits and probabilities."""
    output, target = torch.randn(70, 4, dtype=torch.float64), (torch.arange(70) % 10).clamp(max=3)
    chances = output.softmax(1)
    for against, name in (("rest", "ovr"), ("one", "ovo")):
        expected = sklearn.roc_auc_score(target, chances, multi_class=name, average=average)
        assert measure(AUROC(average, against=against), output, target) == pytest.approx(expected)
        assert measure(AUROC(average, against=against, probabilities=True), chances, target) == pytest.approx(expected)


def test_a_class_that_never_occurs_is_nan_by_macro_and_left_out_by_weight():
    """Closed form: the areas of two classes that stand alone, beside a third that never occurs."""
    output, target = torch.randn(20, 3, dtype=torch.float64), torch.arange(20) % 2
    each = [auroc(output.log_softmax(1)[:, c], target == c).item() for c in range(2)]
    with pytest.warns(UserWarning, match="AUROC is NaN"):
        assert math.isnan(measure(AUROC(), output, target))
    assert measure(AUROC("weighted"), output, target) == pytest.approx(sum(each) / 2)
    assert math.isnan(one_against_one(output, target).item())
    assert 0 <= one_against_one(output, target, average="weighted").item() <= 1
    with pytest.raises(ValueError, match="against is 'rest'"):
        AUROC("none", against="one")


def test_weighted_average_precision_equals_scikit_learn():
    """Parity: AveragePrecision of each class against the rest, weighed by size."""
    output, target = torch.randn(50, 3, dtype=torch.float64), (torch.arange(50) % 7).clamp(max=2)
    truth = torch.nn.functional.one_hot(target).numpy()
    expected = sklearn.average_precision_score(truth, output.softmax(1).numpy(), average="weighted")
    assert measure(AveragePrecision("weighted"), output, target) == pytest.approx(expected)
