"""Confusion matrix, balanced accuracy and F1 against scikit-learn."""

from __future__ import annotations

import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.metrics import F1, BalancedAccuracy, CohenKappa, ConfusionMatrix, Matthews, Precision, Recall
from weft.metrics.confusion import balanced_accuracy, cohen_kappa, confusion_matrix, f1, matthews, precision, recall

sklearn = pytest.importorskip("sklearn.metrics")


@given(seed=st.integers(0, 10_000), size=st.integers(1, 25), classes=st.integers(2, 6))
@settings(max_examples=60, deadline=None)
def test_equals_scikit_learn(seed, size, classes):
    """Parity: random labels, small sizes included, where classes are absent from targets or guesses."""
    random = torch.Generator().manual_seed(seed)
    output, target = torch.rand(size, classes, generator=random), torch.randint(0, classes, (size,), generator=random)
    guess = output.argmax(1)
    matrix = confusion_matrix(output, target)
    assert matrix.tolist() == sklearn.confusion_matrix(target, guess, labels=range(classes)).tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert balanced_accuracy(matrix).item() == pytest.approx(sklearn.balanced_accuracy_score(target, guess))
        for average in ("macro", "micro", "weighted"):
            assert f1(matrix, average=average).item() == pytest.approx(sklearn.f1_score(target, guess, average=average, zero_division=0)), average
        each = sklearn.f1_score(target, guess, average=None, labels=range(classes), zero_division=0)
        assert f1(matrix, average="none").tolist() == pytest.approx(each.tolist())
        if classes == 2:
            assert f1(matrix, average="binary").item() == pytest.approx(sklearn.f1_score(target, guess, zero_division=0))


@given(seed=st.integers(0, 10_000), size=st.integers(1, 25), classes=st.integers(2, 6))
@settings(max_examples=60, deadline=None)
def test_precision_recall_matthews_and_kappa_equal_scikit_learn(seed, size, classes):
    """Parity: precision and recall by every average, matthews, cohen_kappa by every weight, with absent classes and sets of one class."""
    random = torch.Generator().manual_seed(seed)
    output, target = torch.rand(size, classes, generator=random), torch.randint(0, classes, (size,), generator=random)
    guess, matrix, labels = output.argmax(1), confusion_matrix(output, target), list(range(classes))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for average in ("macro", "micro", "weighted"):
            for own, theirs in ((precision, sklearn.precision_score), (recall, sklearn.recall_score)):
                assert own(matrix, average=average).item() == pytest.approx(theirs(target, guess, average=average, zero_division=0)), average
        assert precision(matrix, average="none").tolist() == pytest.approx(
            sklearn.precision_score(target, guess, average=None, labels=labels, zero_division=0).tolist()
        )
        assert recall(matrix, average="none").tolist() == pytest.approx(
            sklearn.recall_score(target, guess, average=None, labels=labels, zero_division=0).tolist()
        )
        assert matthews(matrix).item() == pytest.approx(sklearn.matthews_corrcoef(target, guess))
        for own, theirs in (("none", None), ("linear", "linear"), ("quadratic", "quadratic")):
            expected = sklearn.cohen_kappa_score(target, guess, labels=labels, weights=theirs)
            assert cohen_kappa(matrix, weights=own).item() == pytest.approx(expected, nan_ok=True), own


def test_classes_of_the_metrics_give_what_the_functions_give():
    """Closed form: ConfusionMatrix, BalancedAccuracy, F1, Precision, Recall, Matthews and CohenKappa over three batches."""
    output, target = torch.randn(30, 3), torch.arange(30) % 3
    matrix = confusion_matrix(output, target)
    for metric, value in (
        (ConfusionMatrix(), matrix),
        (BalancedAccuracy(), balanced_accuracy(matrix)),
        (F1("none"), f1(matrix, average="none")),
        (Precision("none"), precision(matrix, average="none")),
        (Recall("weighted"), recall(matrix, average="weighted")),
        (Matthews(), matthews(matrix)),
        (CohenKappa("quadratic"), cohen_kappa(matrix, weights="quadratic")),
    ):
        for part in torch.arange(30).split(11):
            metric.update({"output": output[part]}, {"target": target[part]})
        torch.testing.assert_close(torch.as_tensor(metric.compute(), dtype=value.dtype), value)


def test_one_class_has_a_value_that_is_said():
    """Closed form: a set of one class, met throughout, is recall 1, no correlation and undefined beyond chance."""
    matrix = torch.tensor([[5, 0], [0, 0]])
    assert (precision(matrix).item(), recall(matrix).item(), matthews(matrix).item()) == (1.0, 1.0, 0.0)
    metric = CohenKappa()
    metric.merge({"matrix": matrix})
    with pytest.warns(UserWarning, match="CohenKappa is NaN"):
        assert metric.compute() != metric.compute()


def test_matthews_survives_millions():
    """Property: counts whose fourth power no float64 holds exactly give the value of the same shares in small."""
    small = torch.tensor([[70, 30], [20, 80]])
    assert matthews(small * 10**12).item() == pytest.approx(matthews(small).item(), rel=1e-12)


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="Unknown weights 'quadratik'"):
        CohenKappa("quadratik")
    for metric in (Precision, Recall):
        with pytest.raises(ValueError, match="Unknown average 'makro'"):
            metric("makro")
    with pytest.raises(ValueError, match=r"Unknown average 'makro'. Did you mean 'macro'"):
        F1("makro")
    with pytest.raises(ValueError, match="is for two classes; the matrix has 3"):
        f1(torch.eye(3, dtype=torch.long), average="binary")
