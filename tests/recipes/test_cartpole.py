from __future__ import annotations

import pytest
import torch

import weft
from weft.serve import Bundle

pytest.importorskip("gymnasium")


@pytest.mark.parametrize("name", ["cartpole", "cartpole_dqn"])
def test_a_quick_trial_ends_in_a_bundle_that_acts(name, tmp_path):
    """Contract: cartpole and cartpole_dqn go from the first step to a bundle that answers an observation with an action."""
    result = weft.run(name, quick=True, episodes=2, progress=False, run=tmp_path / "run")
    assert 0 < result.metrics["return"] <= 500 and result.metrics["return"] == result.metrics["length"]
    (answer,) = Bundle.open(result.bundle).ask("act", [{"input": [0.0, 0.1, 0.2, 0.3]}])
    expected = result.method.predict({"input": torch.tensor([[0.0, 0.1, 0.2, 0.3]])})["action"].item()
    assert answer["action"] == expected and len(answer["score"]) == 2


def returns(name, folder):
    """The result of three seeds, best first; at most 300,000 steps of the environment each."""
    found = []
    for seed in range(3):
        result = weft.run(name, seed=seed, device="cpu", precision="float32", progress=False, run=folder / str(seed))
        found.append(result.metrics["return"])
    return sorted(found, reverse=True)


@pytest.mark.slow
def test_ppo_balances_the_pole(tmp_path):
    """Learned: PPO's cartpole returns 475 and more with at least two of three seeds, on episodes apart from training."""
    assert returns("cartpole", tmp_path)[1] >= 475


@pytest.mark.slow
def test_dqn_balances_the_pole(tmp_path):
    """Learned: DQN's cartpole_dqn returns 400 and more with at least two of three seeds, on episodes apart from training."""
    assert returns("cartpole_dqn", tmp_path)[1] >= 400
