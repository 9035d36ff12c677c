"""Cross validation, the same folds as scikit-learn's where both mean the same."""

from __future__ import annotations

import numpy as np
import pytest

from weft.data import folds

RNG = np.random.default_rng(0)
LABELS = RNG.choice(["c", "a", "b"], 103, p=[0.6, 0.3, 0.1]).tolist()
GROUPS = RNG.integers(0, 23, 103).tolist()


def numbers(parts):
    return [(train.tolist(), held.tolist()) for train, held in parts]


def theirs(splitter, **given):
    return [(train.tolist(), held.tolist()) for train, held in splitter.split(np.zeros((103, 1)), **given)]


@pytest.mark.parametrize("count", [2, 5, 7])
def test_folds_equal_scikit_learn(count):
    """folds, parity with KFold, StratifiedKFold and TimeSeriesSplit."""
    selection = pytest.importorskip("sklearn.model_selection")
    assert numbers(folds(103, count)) == theirs(selection.KFold(count))
    assert numbers(folds(103, count, labels=LABELS)) == theirs(selection.StratifiedKFold(count), y=LABELS)
    assert numbers(folds(103, count, ordered=True)) == theirs(selection.TimeSeriesSplit(count))


def test_grouped_folds_weigh_as_scikit_learn():
    """folds, parity with GroupKFold in the sizes of the folds (equal groups may change places); no group is divided."""
    selection = pytest.importorskip("sklearn.model_selection")
    ours, other = numbers(folds(103, 5, groups=GROUPS)), theirs(selection.GroupKFold(5), groups=GROUPS)
    assert sorted(len(held) for _, held in ours) == sorted(len(held) for _, held in other)
    assert all(not {GROUPS[i] for i in train} & {GROUPS[i] for i in held} for train, held in ours)


@pytest.mark.parametrize("options", [{}, {"labels": LABELS}, {"groups": GROUPS}])
def test_shuffled_folds_are_a_partition_that_a_seed_decides(options):
    first, second, other = (numbers(folds(103, 4, seed=seed, **options)) for seed in (1, 1, 2))
    assert first == second != other
    assert sorted(i for _, held in first for i in held) == list(range(103))
    assert all(sorted(train + held) == list(range(103)) for train, held in first)
    if "labels" in options:
        counts = [[sum(LABELS[i] == label for i in held) for label in "abc"] for _, held in first]
        assert np.ptp(counts, axis=0).max() <= 1


@pytest.mark.parametrize(
    ("size", "count", "options", "message"),
    [
        (5, 1, {}, "at least 2"),
        (5, 6, {}, "no more than"),
        (4, 2, {"labels": "ab"}, "came with 2 labels"),
        (4, 3, {"labels": "aabb"}, "The largest class has 2"),
        (4, 3, {"groups": "aabb"}, "There are 2 groups"),
        (4, 2, {"groups": "aabb", "labels": "abab"}, "exclude each other"),
        (4, 2, {"ordered": True, "seed": 1}, "not shuffled"),
        (4, 4, {"ordered": True}, "more records than folds"),
    ],
)
def test_what_cannot_be_folded_is_refused(size, count, options, message):
    with pytest.raises(ValueError, match=message):
        folds(size, count, **options)
