from __future__ import annotations

import pytest
import torch

import weft
from weft.serve import Bundle

pytest.importorskip("gymnasium")


def test_a_quick_trial_ends_in_a_bundle_that_acts(tmp_path):
    """Contract: pendulum goes from the first step to a bundle that answers an observation with a torque within the bounds."""
    result = weft.run("pendulum", quick=True, episodes=2, progress=False, run=tmp_path / "run")
    assert result.metrics["return"] < 0 and result.metrics["length"] == 200
    (answer,) = Bundle.open(result.bundle).ask("act", [{"input": [1.0, 0.0, 0.5]}])
    expected = result.method.predict({"input": torch.tensor([[1.0, 0.0, 0.5]])})["action"].item()
    assert answer["action"] == [pytest.approx(expected)] and abs(expected) <= 2


@pytest.mark.slow
def test_sac_swings_the_pendulum_up(tmp_path):
    """Learned: SAC's pendulum returns -200 and more with at least two of three seeds, on episodes apart from training."""
    found = [weft.run("pendulum", seed=seed, device="cpu", precision="float32", progress=False, run=tmp_path / str(seed)).metrics["return"] for seed in range(3)]
    assert sorted(found)[1] >= -200
