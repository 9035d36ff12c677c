"""Seeds and folds."""

from __future__ import annotations

import math

import pytest
import torch

from weft.data import folds
from weft.study import cross_validate, over_seeds
from weft.study.trials import failed

pytest.importorskip("scipy")


def test_every_seed_is_trained_once_and_summed_up():
    """Closed form: values, mean and deviation; seeds by number or by name."""
    asked = []
    found = over_seeds(lambda seed: asked.append(seed) or {"a": seed, "b": -seed}, [3, 5, 7])
    assert asked == [3, 5, 7] and found["a"] == [3, 5, 7] and list(found.values) == ["seed 3", "seed 5", "seed 7"]
    assert (found.spreads["a"].mean, found.spreads["a"].std) == (5.0, 2.0)
    assert "seed 7  7" in str(found) and "all" in str(found)


def test_what_is_done_is_not_done_again(tmp_path):
    """Property: an interrupted study goes on where it was, with the same results."""
    asked = []

    def train(seed):
        asked.append(seed)
        if seed == 2 and asked.count(2) == 1:
            raise KeyboardInterrupt
        return {"loss": 1 / (1 + seed)}

    with pytest.raises(KeyboardInterrupt):
        over_seeds(train, 4, folder=tmp_path)
    found = over_seeds(train, 4, folder=tmp_path)
    assert asked == [0, 1, 2, 2, 3]
    assert found.values == over_seeds(lambda seed: {"loss": 1 / (1 + seed)}, 4).values


def test_each_record_is_held_out_once():
    """Property: over the folds every record is tested once and never trained on then; own folds are taken as they are."""
    held = []

    def train(kept, out, fold):
        assert not set(kept.tolist()) & set(out.tolist()) and len(kept) + len(out) == 17
        held.extend(out.tolist())
        return {"size": len(out)}

    found = cross_validate(train, 17, 4)
    assert sorted(held) == list(range(17)) and sorted(found["size"]) == [4, 4, 4, 5]
    labels = torch.arange(12) % 3
    own = cross_validate(lambda kept, out, fold: {"classes": len(set(labels[out].tolist()))}, 12, parts=folds(12, 4, labels=labels.tolist()))
    assert own["classes"] == [3, 3, 3, 3]


def test_trials_that_cannot_be_compared_are_refused_and_failures_named():
    with pytest.raises(ValueError, match=r"seed 1 measured \['b'\], the first trial \['a'\]"):
        over_seeds(lambda seed: {"ab"[seed]: 1.0}, 2)
    for seeds in (0, [1, 1]):
        with pytest.raises(ValueError, match="at least one seed, each once"):
            over_seeds(lambda seed: {"a": 1.0}, seeds)
    assert failed(over_seeds(lambda seed: {"a": math.inf if seed else 1.0}, 2)) == ["seed 1"]
