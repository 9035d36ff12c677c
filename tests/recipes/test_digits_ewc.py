from __future__ import annotations

import math
import shutil

import pytest
import torch

import weft
from weft.recipes import reevaluate, resume
from weft.recipes.digits_ewc import parts

pytest.importorskip("sklearn")

NAMES = {"kept", "first", "first_before", "first_plain", "second", "second_plain"}


def test_a_quick_trial_ends_in_a_bundle_that_answers(tmp_path):
    """Contract: digits_ewc goes from pictures to a bundle that answers those of either task, and is measured again as it was."""
    result = weft.run("digits_ewc", quick=True, run=tmp_path / "run", progress=False)
    answers = weft.Bundle.open(result.bundle).predict([task["test"][0] for task in parts(seed=0)])
    assert all(answer["label"] in "0123456789" for answer in answers) and set(result.metrics) == NAMES
    assert reevaluate(result.run).metrics == pytest.approx(result.metrics, nan_ok=True)


def test_interrupted_between_its_tasks_it_goes_on_to_the_same(tmp_path):
    """Property: what is remembered of the first task is the same after a restart, and so are both networks at the end."""
    whole = weft.run("digits_ewc", first_epochs=1, second_epochs=1, strength=1e4, run=tmp_path / "run", progress=False)
    for name in ("result.json", "bundle.weft", "report.html"):
        (whole.run / name).unlink()
    for stage in ("second", "plain"):
        shutil.rmtree(whole.run / "checkpoints" / stage)
    again = resume(whole.run, progress=False)
    assert again.metrics == whole.metrics and torch.equal(again.method.fisher, whole.method.fisher)
    assert all(torch.equal(value, again.method.state_dict()[name]) for name, value in whole.method.state_dict().items())


def test_the_second_task_is_the_first_with_its_pixels_in_another_order():
    (first, second), (_, other) = parts(seed=0), parts(seed=1)
    assert all(torch.equal(first[name].indices, second[name].indices) for name in first)
    one, two, three = (task["train"][5]["image"].flatten() for task in (first, second, other))
    assert not torch.equal(one, two) and torch.equal(one.sort().values, two.sort().values) and not torch.equal(two, three)
    assert first["train"][5]["label"] == second["train"][5]["label"]


@pytest.mark.slow
def test_the_first_digits_are_not_forgotten(tmp_path):
    """EWC, learned: of what plain fine-tuning forgets digits_ewc keeps at least half, and is within 5 points of it on the second task, mean of 5 seeds."""
    found = [weft.run("digits_ewc", seed=seed, run=tmp_path / str(seed), progress=False).metrics for seed in range(5)]
    mean = {name: math.fsum(metrics[name] for metrics in found) / 5 for name in NAMES}
    print(mean)
    assert mean["first"] - mean["first_plain"] >= 0.5 * (mean["first_before"] - mean["first_plain"]) > 0.1
    assert mean["second"] >= mean["second_plain"] - 0.05
