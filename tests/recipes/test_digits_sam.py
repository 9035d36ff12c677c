from __future__ import annotations

import pytest
import torch

import weft
from tests.recipes.measured import means, trial
from weft.recipes.digits import columns, parts
from weft.recipes.digits_sam import mislabelled

pytest.importorskip("sklearn")


def test_a_quick_trial_ends_in_a_bundle_that_answers(tmp_path):
    """Contract: digits_sam goes from pictures with wrong labels to a bundle that answers one."""
    result, answer = trial("digits_sam", tmp_path, parts()["test"][0])
    assert answer["label"] in "0123456789" and {"accuracy", "accuracy_plain"} < set(result.metrics)


def test_the_asked_share_of_labels_is_wrong():
    part = parts()["train"]
    right, found = columns(part), mislabelled(part, 0.3, seed=1).columns
    assert torch.equal(found["image"], right["image"])
    wrong = found["label"] != right["label"]
    assert float(wrong.float().mean()) == pytest.approx(0.3, abs=0.04)
    assert set(found["label"][wrong].tolist()) == set(range(10))
    assert torch.equal(found["label"], mislabelled(part, 0.3, seed=1).columns["label"])
    assert not torch.equal(found["label"], mislabelled(part, 0.3, seed=2).columns["label"])


def test_a_share_is_a_share(tmp_path):
    with pytest.raises(ValueError, match="expected a share of the labels"):
        weft.run("digits_sam", wrong=1.0, run=tmp_path / "run", progress=False)


@pytest.mark.slow
def test_sharpness_aware_minimisation_withstands_wrong_labels(tmp_path):
    """SharpnessAware (SAM), learned: in digits_sam, with 30 % wrong labels, at least 5 points better than plain training of as many steps, mean of 5 seeds."""
    found = means("digits_sam", tmp_path)
    assert found["accuracy"] >= found["accuracy_plain"] + 0.05
