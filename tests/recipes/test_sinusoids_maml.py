from __future__ import annotations

import pytest
import torch

import weft
from weft.recipes import reevaluate
from weft.recipes.sinusoids_maml import points, sinusoids


def test_a_quick_trial_ends_in_a_bundle_that_answers(tmp_path):
    """Contract: sinusoids_maml ends in a bundle with the weights from which to adapt, and is measured again as it was."""
    result = weft.run("sinusoids_maml", quick=True, run=tmp_path / "run", progress=False)
    (answer,) = weft.Bundle.open(result.bundle).predict([{"input": [0.5]}])
    expected = result.method.network(torch.tensor([[0.5]], device=next(result.method.parameters()).device))
    assert answer["output"] == pytest.approx(expected[0].tolist(), abs=1e-5)
    assert set(result.metrics) == {"error", "joint_error"} and reevaluate(result.run).metrics == result.metrics


def test_what_is_adapted_on_says_what_is_asked():
    """Closed form: y = a cos(p) sin(x) - a sin(p) cos(x), so least squares on a task's first points gives its others, and a and p in their ranges."""
    tasks = {key: value.double() for key, value in sinusoids(50, 10, seed=0).items()}
    known, asked = (torch.cat([x.sin(), x.cos()], 2) for x in (tasks["support_input"], tasks["input"]))
    found = torch.linalg.lstsq(known, tasks["support_target"]).solution
    torch.testing.assert_close(asked @ found, tasks["target"], rtol=1e-4, atol=1e-4)
    amplitude, phase = found[:, :, 0].norm(dim=1), torch.atan2(-found[:, 1, 0], found[:, 0, 0])
    assert amplitude.min() > 0.099 and amplitude.max() < 5.001 and amplitude.max() - amplitude.min() > 4
    assert phase.min() > -1e-3 and phase.max() < torch.pi + 1e-3 and phase.max() - phase.min() > 2.5


def test_points_are_those_of_the_tasks():
    tasks = sinusoids(3, 4, seed=1)
    flat = points(tasks)
    assert flat["input"].shape == (24, 1)
    assert torch.equal(flat["target"][8:12], tasks["support_target"][1]) and torch.equal(flat["input"][12:16], tasks["input"][1])


@pytest.mark.slow
def test_five_steps_are_enough_for_a_new_sinusoid(tmp_path):
    """MAML, learned: in sinusoids_maml at most half the error of a jointly trained network after five steps of its own, at its best step size, mean of 5 seeds."""
    found = [weft.run("sinusoids_maml", seed=seed, run=tmp_path / str(seed), progress=False).metrics for seed in range(5)]
    learned, joint = (sum(metrics[name] for metrics in found) / 5 for name in ("error", "joint_error"))
    print(f"squared error after five steps: {learned:.3f}, jointly trained {joint:.3f}")
    assert learned <= 0.5 * joint
