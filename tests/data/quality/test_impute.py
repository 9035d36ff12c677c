"""Imputation, as scikit-learn imputes; fitted on training data alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from weft.data import Impute

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3)).round(2)
X[RNG.random(X.shape) < 0.2] = math.nan
NAMES = ("a", "b", "c")


def records(x):
    return [dict(zip(NAMES, map(float, row), strict=True)) for row in x]


def table(rows):
    return np.array([[row[name] for name in NAMES] for row in rows])


@pytest.mark.parametrize(("way", "theirs"), [("mean", "mean"), ("median", "median"), ("mode", "most_frequent"), (("constant", 7.0), "constant")])
def test_columns_are_filled_as_scikit_learn_fills_them(way, theirs):
    """Impute, parity with SimpleImputer on rows that were not fitted on."""
    impute = pytest.importorskip("sklearn.impute")
    expected = impute.SimpleImputer(strategy=theirs, fill_value=7.0).fit(X[:60]).transform(X[60:])
    fitted = Impute(dict.fromkeys(NAMES, way)).fit(records(X[:60]))
    assert np.allclose(table(fitted.apply(records(X[60:]))), expected)


@pytest.mark.parametrize("neighbours", [1, 3, 5])
def test_neighbours_fill_as_scikit_learn(neighbours):
    """Impute, parity with KNNImputer."""
    impute = pytest.importorskip("sklearn.impute")
    expected = impute.KNNImputer(n_neighbors=neighbours).fit(X[:60]).transform(X[60:])
    fitted = Impute(dict.fromkeys(NAMES, "knn"), neighbours=neighbours).fit(records(X[:60]))
    assert np.allclose(table(fitted.apply(records(X[60:]))), expected)


def test_test_rows_change_nothing_that_was_learned():
    fitted = Impute({"a": "mean", "b": "knn"}).fit(records(X[:60]))
    before = (dict(fitted.values), fitted.rows)
    fitted.apply([{"a": 1e9, "b": None}])
    assert (dict(fitted.values), fitted.rows) == before and fitted.values["a"] == pytest.approx(np.nanmean(X[:60, 0]))


def test_indicators_drop_and_raise():
    impute = Impute({"age": "median", "id": "drop", "label": "raise"}, indicator=True).fit([{"age": 1, "id": 1, "label": "a"}, {"age": 3, "id": 2, "label": "b"}])
    assert impute.apply([{"age": None, "id": 5, "label": "a"}, {"age": 1, "id": None, "label": "a"}]) == [
        {"age": 2.0, "id": 5, "label": "a", "age_missing": True, "id_missing": False, "label_missing": False}
    ]
    with pytest.raises(ValueError, match="Record 1: The column 'label' is missing"):
        impute.apply([{"age": 1, "id": 1, "label": "a"}, {"age": 1, "id": 2, "label": None}])
    assert len(impute.complete([{"age": 1, "id": 1, "label": "a"}, {"age": 1, "id": 2, "label": None}])) == 1


def test_the_first_of_equally_frequent_values_is_the_mode():
    assert Impute({"city": "mode"}).fit([{"city": "b"}, {"city": "a"}, {"city": None}]).values == {"city": "a"}


def test_what_cannot_be_learned_is_refused():
    with pytest.raises(ValueError, match="Did you mean 'median'"):
        Impute({"a": "medain"})
    with pytest.raises(ValueError, match=r"'agee' is not there.* Did you mean 'age'"):
        Impute({"agee": "mean"}).fit([{"age": 3}])
    with pytest.raises(ValueError, match="has no value in any of 2"):
        Impute({"age": "mean"}).fit([{"age": None}, {"age": None}])
    with pytest.raises(ValueError, match="holds 'old'"):
        Impute({"age": "mean"}).fit([{"age": "old"}])
    with pytest.raises(ValueError, match="call fit"):
        Impute({"age": "mean"})({"age": None})
