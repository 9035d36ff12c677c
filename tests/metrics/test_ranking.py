"""AUROC and average precision against scikit-learn, ties and degenerate sets included."""

from __future__ import annotations

import math
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.metrics import AUROC, AveragePrecision
from weft.metrics.ranking import auroc, average_precision

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
