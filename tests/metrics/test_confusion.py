"""Confusion matrix, balanced accuracy and F1 against scikit-learn."""

from __future__ import annotations

import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.metrics import F1
from weft.metrics.confusion import balanced_accuracy, confusion_matrix, f1

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


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"Unknown average 'makro'. Did you mean 'macro'"):
        F1("makro")
    with pytest.raises(ValueError, match="is for two classes; the matrix has 3"):
        f1(torch.eye(3, dtype=torch.long), average="binary")
