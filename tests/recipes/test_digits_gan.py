from __future__ import annotations

import statistics

import pytest

import weft
from tests.recipes.material import png

pytest.importorskip("sklearn")


def test_a_quick_trial_ends_in_a_bundle_that_draws(tmp_path):
    """Contract: the digits_gan recipe goes from raw pictures to a bundle that makes a picture of a seed, and a report that shows some."""
    result = weft.run("digits_gan", quick=True, run=tmp_path / "run", progress=False)
    assert set(result.metrics) == {"recognised", "rarest", "real"}
    first, again, other = weft.Bundle.open(result.bundle).generate([{"seed": 3}, {"seed": 3}, {"seed": 4}])
    assert first == again != other and png(first["image"]).size == (8, 8)
    assert "data:image/png" in result.report.read_text()


@pytest.mark.slow
def test_samples_are_recognised_as_digits(tmp_path):
    """GAN, learned: the digits_gan recipe's samples are recognised at a rate of 0.65 and more (real digits: 0.96), mean of 5 seeds, all ten digits among them."""
    fixed = {"device": "cpu", "precision": "float32", "progress": False}
    found = [weft.run("digits_gan", seed=seed, run=tmp_path / str(seed), **fixed).metrics for seed in range(5)]
    assert statistics.mean(metrics["recognised"] for metrics in found) >= 0.65
    assert min(metrics["rarest"] for metrics in found) >= 0.02 and min(metrics["real"] for metrics in found) > 0.9
