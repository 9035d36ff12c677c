from __future__ import annotations

import pytest
import torch

import weft
from weft.recipes import reevaluate
from weft.recipes.few_labels import parts

pytest.importorskip("sklearn")


def test_a_quick_trial_ends_in_a_bundle_that_embeds(tmp_path):
    """Contract: digits_simclr goes from pictures to a bundle that gives the trained network's features, and is measured again as it was."""
    result = weft.run("digits_simclr", quick=True, run=tmp_path / "run", progress=False)
    bundle, record = weft.Bundle.open(result.bundle), parts(10, seed=0)["test"][0]
    (answer,) = bundle.embed([record])
    expected = result.method.predict({"input": bundle.codec.encode(record)["input"][None]})["embedding"][0]
    torch.testing.assert_close(torch.tensor(answer["embedding"]), expected.float().cpu(), rtol=1e-2, atol=1e-2)
    assert set(result.metrics) == {"accuracy", "untrained", "raw_pixels"} and len(answer["embedding"]) == 64
    assert reevaluate(result.run).metrics == result.metrics


def test_a_batch_is_learned_by_heart_in_two_views(tmp_path, monkeypatch):
    monkeypatch.setattr("weft.recipes.session.BY_HEART", 20)
    result = weft.run("digits_simclr", overfit=1, batch_size=20, width=8, run=tmp_path / "run", progress=False)
    assert weft.Run.open(result.run, read_only=True).finished("train")["step"] == 20
    assert result.metrics["raw_pixels"] == 1.0  # the pictures that are named are those that are asked


@pytest.mark.slow
def test_features_of_digits_need_few_labels(tmp_path):
    """SimCLR, learned: with digits_simclr a probe with 10 labels a class is 5 points better than on raw pixels and on the untrained network, mean of 5 seeds."""
    found = [weft.run("digits_simclr", seed=seed, run=tmp_path / str(seed), progress=False).metrics for seed in range(5)]
    raw, untrained, trained = (sum(metrics[name] for metrics in found) / 5 for name in ("raw_pixels", "untrained", "accuracy"))
    print(f"raw pixels {raw:.3f}, untrained {untrained:.3f}, SimCLR {trained:.3f}")
    assert trained >= raw + 0.05 and trained >= untrained + 0.05
