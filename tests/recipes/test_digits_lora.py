from __future__ import annotations

import pytest
import torch

import weft
from tests.recipes.measured import means, trial
from weft.recipes.digits import parts
from weft.recipes.digits_lora import lying

pytest.importorskip("sklearn")


def test_a_quick_trial_ends_in_a_bundle_without_adapters(tmp_path):
    """Contract: digits_lora bundles a plain network, the differences merged into its weights, that answers a lying digit."""
    result, answer = trial("digits_lora", tmp_path, lying(parts()["test"])[0])
    assert answer["label"] in "0123456789" and {"trained", "accuracy_before", "accuracy_full"} < set(result.metrics)
    network = weft.Bundle.open(result.bundle).networks["predict"]
    assert not [name for name in network.state_dict() if name.endswith((".down", ".up"))]
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in result.method.network.state_dict().items())


def test_lying_digits_are_turned_by_a_quarter():
    part = parts()["val"]
    assert torch.equal(lying(part)[3]["image"], part[3]["image"].T.flip(0))
    assert lying(part)[3]["label"] == part[3]["label"]


@pytest.mark.slow
def test_few_weights_learn_to_read_lying_digits(tmp_path):
    """lora and merge_lora, learned: in digits_lora less than 7 % of the weights bring accuracy on lying digits to 0.95, from below 0.2 and within 2 points of full fine-tuning, mean of 5 seeds."""
    found = means("digits_lora", tmp_path)
    assert found["trained"] < 0.07 and found["accuracy_before"] < 0.2
    assert found["accuracy"] >= 0.95 and found["accuracy"] >= found["accuracy_full"] - 0.02
