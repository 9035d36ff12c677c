from __future__ import annotations

import statistics

import pytest

import weft
from weft.recipes.digits import parts

pytest.importorskip("sklearn")


def test_a_quick_trial_ends_in_a_bundle(tmp_path):
    """Contract: the digits recipe goes from raw pictures to a bundle that answers one."""
    result = weft.run("digits", quick=True, run=tmp_path / "run", progress=False)
    (answer,) = weft.Bundle.open(result.bundle).predict([parts()["test"][0]])
    assert answer["label"] in "0123456789" and set(result.metrics) == {"loss", "accuracy", "log_loss"}


def test_no_picture_is_on_two_sides():
    found = [set(part.indices.tolist()) for part in parts().values()]
    assert len(set.union(*found)) == sum(map(len, found)) == 1797


@pytest.mark.slow
def test_digits_are_recognised(tmp_path):
    """Learned: the digits recipe reaches 0.975 accuracy on held-out digits, mean of 5 seeds."""
    found = [weft.run("digits", seed=seed, run=tmp_path / str(seed), progress=False).metrics["accuracy"] for seed in range(5)]
    assert statistics.mean(found) >= 0.975
