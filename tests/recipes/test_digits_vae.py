from __future__ import annotations

import statistics

import pytest
import torch

import weft
from tests.recipes.material import png

pytest.importorskip("sklearn")


def test_a_quick_trial_ends_in_a_bundle_that_draws(tmp_path):
    """Contract: the digits_vae recipe goes from raw pictures to a bundle that makes a picture of a seed, in shares of white."""
    result = weft.run("digits_vae", quick=True, device="cpu", run=tmp_path / "run", progress=False)
    assert set(result.metrics) == {"loss", "elbo", "nats", "kl", "baseline"} and "data:image/png" in result.report.read_text()
    bundle = weft.Bundle.open(result.bundle)
    first, again, other = bundle.generate([{"seed": 3}, {"seed": 3}, {"seed": 4}])
    assert first == again != other and png(first["image"]).size == (8, 8)
    z = torch.randn(5, 8)
    torch.testing.assert_close(bundle.networks["generate"](z), result.method.decoder(z).sigmoid())


@pytest.mark.slow
def test_digits_are_explained_better_than_pixel_by_pixel(tmp_path):
    """VAE, learned: the digits_vae recipe needs a fifth fewer nats for an unseen digit than the best independent pixels, mean of 5 seeds."""
    fixed = {"device": "cpu", "precision": "float32", "progress": False}
    found = [weft.run("digits_vae", seed=seed, run=tmp_path / str(seed), **fixed).metrics for seed in range(5)]
    assert statistics.mean(metrics["elbo"] for metrics in found) >= 0.8 * found[0]["baseline"]
    assert min(metrics["kl"] for metrics in found) > 1 and found[0]["baseline"] == pytest.approx(-25.2, abs=0.1)
