"""Agreement of annotators, held against published values."""

from __future__ import annotations

import math
import random

import pytest

from weft.data import cohen_kappa, fleiss_kappa, krippendorff_alpha

# Fleiss (1971): 14 raters put each of 10 subjects into one of 5 classes; kappa is 0.210
FLEISS = ["00 00 00 00 14", "0 2 6 4 2", "0 0 3 5 6", "0 3 9 2 0", "2 2 8 1 1", "7 7 0 0 0", "3 2 6 3 0", "2 5 3 2 2", "6 5 2 1 0", "0 2 2 3 7"]
# Krippendorff (2011): four observers, twelve units, missing values
A = [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None]
B = [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3]
C = [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None]
D = [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None]


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_cohen_equals_scikit_learn(weights):
    """cohen_kappa, parity with sklearn.metrics.cohen_kappa_score."""
    metrics = pytest.importorskip("sklearn.metrics")
    rng = random.Random(0)
    first = [rng.randrange(4) for _ in range(80)]
    second = [value if rng.random() < 0.6 else rng.randrange(4) for value in first]
    expected = metrics.cohen_kappa_score(first, second, weights=None if weights == "none" else weights)
    assert cohen_kappa(first, second, weights=weights) == pytest.approx(expected, abs=1e-12)


def test_fleiss_equals_the_published_value():
    """fleiss_kappa, parity with Fleiss (1971) and statsmodels 0.14: 0.20993070442195522."""
    ratings = [[label for label, n in enumerate(map(int, row.split())) for _ in range(n)] for row in FLEISS]
    assert fleiss_kappa(ratings) == pytest.approx(0.20993070442195522, abs=1e-12)


@pytest.mark.parametrize(("level", "alpha"), [("nominal", 0.743421052631579), ("ordinal", 0.8153875037548814), ("interval", 0.8491071428571428), ("ratio", 0.7974027747116121)])
def test_krippendorff_equals_the_published_values(level, alpha):
    """krippendorff_alpha, parity with Krippendorff (2011) and the package krippendorff: 0.743, 0.815, 0.849, 0.797."""
    assert krippendorff_alpha(list(zip(A, B, C, D, strict=True)), level=level) == pytest.approx(alpha, abs=1e-12)


def test_extremes():
    """Closed form: perfect agreement is 1, two annotators at odds over two classes -1, one class alone says nothing."""
    assert cohen_kappa("abab", "abab") == fleiss_kappa([["a", "a"], ["b", "b"]]) == krippendorff_alpha([["a", "a"], ["b", "b"]]) == 1
    assert cohen_kappa("abab", "baba") == -1
    assert math.isnan(cohen_kappa("aa", "aa")) and math.isnan(fleiss_kappa([["a", "a"]])) and math.isnan(krippendorff_alpha([["a", "a"]]))


def test_order_decides_the_distance():
    order = ["low", "middle", "high"]
    near, far = cohen_kappa(["low", "high", "low"], ["low", "high", "middle"], weights="quadratic", order=order), cohen_kappa(["low", "high", "low"], ["low", "high", "high"], weights="quadratic", order=order)
    assert near > far
    with pytest.raises(ValueError, match="'huge' is not in the order"):
        cohen_kappa(["huge"], ["low"], order=order)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="3 and 2 labels"):
        cohen_kappa("abc", "ab")
    with pytest.raises(ValueError, match="krippendorff_alpha"):
        fleiss_kappa([["a", "b"], ["a"]])
    with pytest.raises(ValueError, match="No record has two labels"):
        krippendorff_alpha([["a", None], [None, "b"]])
    with pytest.raises(ValueError, match="level='odd'"):
        krippendorff_alpha([["a", "b"]], level="odd")
