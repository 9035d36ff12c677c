from __future__ import annotations

import pytest

import weft
from tests.recipes.measured import means, trial
from weft.recipes.digits import parts

pytest.importorskip("sklearn")
accountants = pytest.importorskip("opacus.accountants")


def test_a_quick_trial_ends_in_a_bundle_and_says_what_it_spent(tmp_path):
    """Contract: digits_private ends in a bundle that answers, in the accountant's epsilon for the steps taken, and in a codec that learnt nothing from the pictures."""
    result, answer = trial("digits_private", tmp_path, parts()["test"][0])
    accountant = accountants.RDPAccountant()
    for _ in range(2):  # of batches of 256 out of the 512 pictures of a quick trial
        accountant.step(noise_multiplier=3.0, sample_rate=0.5)
    assert answer["label"] in "0123456789" and result.metrics["epsilon"] == pytest.approx(accountant.get_epsilon(1e-5))
    codec = weft.Bundle.open(result.bundle).codec
    assert (codec.mean, codec.std) == ((0.3,), (0.4,))


@pytest.mark.slow
def test_digits_are_learnt_in_private(tmp_path):
    """Private, learned: digits_private reaches 0.90 accuracy on held-out digits at an epsilon below 3 and a delta of 1e-5, mean of 5 seeds."""
    found = means("digits_private", tmp_path)
    assert found["accuracy"] >= 0.90 and 0 < found["epsilon"] < 3
