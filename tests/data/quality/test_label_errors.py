"""Confident learning."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from weft.data import label_errors

# 60 labels of four classes, 12 of them flipped, and probabilities in thousandths; what cleanlab 2.9.0 says of them stands below
GIVEN = "230311213012310000030230111303001221222032313300113313233300"
PROBABILITIES = (
    "125,27,832,16 109,37,453,401 412,137,157,294 314,247,30,409 161,720,61,58 35,431,481,53 197,270,533,0 59,647,134,160 11,30,116,843 "
    "400,45,482,73 266,591,84,59 5,481,7,507 64,86,778,72 105,454,208,233 405,289,1,305 627,117,143,113 436,490,74,0 717,144,2,137 570,50,352,28 "
    "20,0,80,900 825,119,5,51 96,32,696,176 173,8,77,742 401,545,48,6 318,403,192,87 399,403,13,185 33,528,352,87 2,462,67,469 420,332,193,55 "
    "9,25,305,661 149,137,11,703 2,578,0,420 666,253,71,10 274,661,60,5 3,113,406,478 58,564,250,128 32,232,726,10 19,192,787,2 35,150,451,364 "
    "418,332,34,216 241,55,267,437 90,137,773,0 6,106,27,861 17,414,490,79 32,404,96,468 188,34,19,759 442,93,344,121 571,324,104,1 381,553,1,65 "
    "106,3,408,483 474,6,306,214 376,171,23,430 35,650,36,279 490,423,42,45 33,82,508,377 94,218,141,547 368,166,66,400 221,0,250,529 65,825,0,110 "
    "482,134,383,1"
)
BY_COUNT = [58, 12, 33, 31, 30, 11, 49, 53, 32, 50, 23, 16]
BY_CONFUSION = [58, 12, 33, 31, 30, 11, 53, 32, 50, 23, 16]
QUALITY = [0.8535, 0.474, 0.559, 0.5475, 0.7795, 0.475, 0.6315, 0.7435]


@pytest.fixture
def given():
    return torch.tensor([int(label) for label in GIVEN])


@pytest.fixture
def probabilities():
    return torch.tensor([[float(p) for p in row.split(",")] for row in PROBABILITIES.split()]).double() / 1000


@pytest.mark.parametrize(("method", "expected"), [("count", BY_COUNT), ("confusion", BY_CONFUSION)])
def test_the_suspects_are_those_of_cleanlab(given, probabilities, method, expected):
    """label_errors, parity with cleanlab's prune_by_noise_rate and confident_learning, in the order of the normalised margin."""
    found = label_errors(given, probabilities, method=method)
    assert found.indices.tolist() == expected
    assert found.quality[:8].tolist() == pytest.approx(QUALITY, abs=1e-6)


def test_planted_flips_on_digits_are_ranked():
    """label_errors, learned: 10 % of the labels of digits are flipped; their quality is lowest with AUROC above 0.9."""
    pytest.importorskip("sklearn")
    from sklearn.datasets import load_digits
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier

    x, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    flipped = rng.random(len(y)) < 0.1
    given = np.where(flipped, (y + rng.integers(1, 10, len(y))) % 10, y)
    p = cross_val_predict(KNeighborsClassifier(20), x, given, cv=5, method="predict_proba")
    found = label_errors(torch.from_numpy(given), torch.from_numpy(p))
    assert roc_auc_score(flipped, -found.quality.numpy()) > 0.98
    hits = flipped[found.indices.numpy()]
    assert hits.mean() > 0.8 and hits.sum() > 0.85 * flipped.sum() and abs(found.noise - 0.1) < 0.03
    assert (found.suggested.numpy()[flipped] == y[flipped]).mean() > 0.9


def test_right_labels_are_not_suspected():
    """Closed form: with sure and right probabilities the joint is diagonal."""
    labels = torch.arange(40) % 4
    p = torch.full((40, 4), 0.02).scatter(1, labels[:, None], 0.94)
    found = label_errors(labels, p)
    assert len(found.indices) == 0 and found.noise == pytest.approx(0, abs=1e-6) and torch.allclose(found.joint, torch.eye(4) / 4)


def test_bad_input_is_refused_by_name():
    p = torch.full((4, 2), 0.5)
    with pytest.raises(ValueError, match="Labels go from 0 to 2"):
        label_errors(torch.tensor([0, 1, 2, 0]), p)
    with pytest.raises(ValueError, match="Class 1 has no records"):
        label_errors(torch.zeros(4, dtype=torch.int64), p)
    with pytest.raises(ValueError, match="Row 2 of the probabilities"):
        label_errors(torch.tensor([0, 1, 1, 0]), torch.tensor([[0.5, 0.5], [0.5, 0.5], [3.0, -1.0], [0.5, 0.5]]))
    with pytest.raises(ValueError, match="has seen these records"):
        label_errors(torch.arange(30) % 2, torch.eye(2)[torch.arange(30) % 2])
    with pytest.raises(ValueError, match="method='best'"):
        label_errors(torch.tensor([0, 1, 1, 0]), p, method="best")
