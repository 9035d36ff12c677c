from __future__ import annotations

import pytest

import weft
from weft.recipes import reevaluate
from weft.recipes.few_labels import parts

pytest.importorskip("sklearn")


def test_a_quick_trial_ends_in_a_bundle_that_embeds(tmp_path):
    """Contract: digits_byol goes from pictures to a bundle that holds the online network alone, and is measured again as it was."""
    result = weft.run("digits_byol", quick=True, run=tmp_path / "run", progress=False)
    bundle = weft.Bundle.open(result.bundle)
    (answer,) = bundle.embed([parts(10, seed=0)["test"][0]])
    online = result.method.network.state_dict()
    assert len(answer["embedding"]) == 64 and all((value == online[name].cpu()).all() for name, value in bundle.networks["embed"].state_dict().items())
    assert reevaluate(result.run).metrics == result.metrics


@pytest.mark.slow
def test_features_of_digits_need_few_labels(tmp_path):
    """BYOL, learned: with digits_byol a probe with 10 labels a class is 5 points better than on raw pixels and on the untrained network, mean of 5 seeds."""
    found = [weft.run("digits_byol", seed=seed, run=tmp_path / str(seed), progress=False).metrics for seed in range(5)]
    raw, untrained, trained = (sum(metrics[name] for metrics in found) / 5 for name in ("raw_pixels", "untrained", "accuracy"))
    print(f"raw pixels {raw:.3f}, untrained {untrained:.3f}, BYOL {trained:.3f}")
    assert trained >= raw + 0.05 and trained >= untrained + 0.05
