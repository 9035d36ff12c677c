from __future__ import annotations

import shutil

import pytest
import torch

import weft
from tests.recipes.measured import means, trial
from weft.recipes import resume
from weft.recipes.digits import parts

pytest.importorskip("sklearn")


def test_a_quick_trial_ends_in_a_bundle_of_the_student(tmp_path):
    """Contract: digits_distillation trains teacher and student in one run and bundles the student alone."""
    result, answer = trial("digits_distillation", tmp_path, parts()["test"][0])
    assert answer["label"] in "0123456789" and {"accuracy", "accuracy_alone", "accuracy_teacher"} < set(result.metrics)
    student, teacher = (sum(p.numel() for p in part.parameters()) for part in (result.method.network, result.method.teacher))
    assert list(weft.Bundle.open(result.bundle).networks) == ["predict"] and 30 * student < teacher


def test_a_run_killed_before_the_student_goes_on_with_the_same_teacher(tmp_path):
    """Contract: digits_distillation without its last stage is resumed to the same weights, bit for bit."""
    whole = weft.run("digits_distillation", quick=True, run=tmp_path / "run", progress=False)
    (whole.run / "result.json").unlink()
    shutil.rmtree(whole.run / "checkpoints" / "student")
    again = resume(whole.run, progress=False)
    assert again.metrics == whole.metrics
    assert all(torch.equal(v, again.method.state_dict()[k]) for k, v in whole.method.state_dict().items())


@pytest.mark.slow
def test_the_student_learns_from_pictures_without_labels(tmp_path):
    """Distillation, learned: in digits_distillation, with 10 labels a class, the taught student is at least 5 points better than alone and within 5 points of its teacher, mean of 5 seeds."""
    found = means("digits_distillation", tmp_path)
    assert found["accuracy"] >= found["accuracy_alone"] + 0.05
    assert found["accuracy"] >= found["accuracy_teacher"] - 0.05
