from __future__ import annotations

import pytest
from torch import nn

import weft
from tests.recipes.measured import means, trial
from weft.recipes.digits import parts

pytest.importorskip("sklearn")


def test_a_quick_trial_ends_in_a_bundle_of_four_bits(tmp_path):
    """Contract: digits_qat bundles plain layers of at most 15 different weights a channel, which answer."""
    result, answer = trial("digits_qat", tmp_path, parts()["test"][0])
    assert answer["label"] in "0123456789" and {"accuracy_rounded", "accuracy_full"} < set(result.metrics)
    layers = [m for m in weft.Bundle.open(result.bundle).networks["predict"].modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert {type(layer) for layer in layers} == {nn.Conv2d, nn.Linear}
    assert all(len(channel.unique()) <= 15 for layer in layers for channel in layer.weight)


@pytest.mark.slow
def test_training_with_four_bits_beats_rounding_to_them(tmp_path):
    """fake_quantize and round_weights, learned: in digits_qat 4 bits trained with are at least 2 points better than rounding afterwards and within 2 of full precision, mean of 5 seeds."""
    found = means("digits_qat", tmp_path)
    assert found["accuracy"] >= found["accuracy_rounded"] + 0.02
    assert found["accuracy"] >= found["accuracy_full"] - 0.02
