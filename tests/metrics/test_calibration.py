"""Expected calibration error against a loop over the bins."""

from __future__ import annotations

import pytest
import torch

from weft.metrics import ECE
from weft.metrics.calibration import expected_calibration_error


def slow(confidence, correct, bins):
    total = 0.0
    for b in range(bins):
        inside = [i for i, c in enumerate(confidence) if (b / bins < c <= (b + 1) / bins) or (b == 0 and c == 0)]
        if inside:
            total += abs(sum(correct[i] for i in inside) - sum(confidence[i] for i in inside))
    return total / len(confidence)


@pytest.mark.parametrize("bins", [1, 4, 15])
def test_equals_the_definition(bins):
    """Closed form: bin by bin in plain Python, edges and both ends included."""
    confidence = torch.cat([torch.rand(50, dtype=torch.float64), torch.tensor([0.0, 0.25, 0.5, 1.0], dtype=torch.float64)])
    correct = torch.rand(54) > 0.4
    expected = slow(confidence.tolist(), correct.tolist(), bins)
    assert expected_calibration_error(confidence, correct, bins=bins).item() == pytest.approx(expected)


def test_a_calibrated_model_scores_near_zero_and_an_overconfident_one_does_not():
    """Property: labels drawn from the stated probabilities are calibrated; the same logits times 5 are not."""
    output = torch.randn(20_000, 3)
    target = torch.multinomial(output.softmax(1), 1)[:, 0]
    sure = ECE()
    sure.update({"output": output}, {"target": target})
    over = ECE()
    over.update({"output": 5 * output}, {"target": target})
    assert sure.compute() < 0.02 < 0.1 < over.compute()


def test_single_probability_equals_two_columns():
    p, target = torch.rand(40), torch.arange(40) % 2
    one, two = ECE(probabilities=True), ECE(probabilities=True)
    one.update({"output": p}, {"target": target})
    two.update({"output": torch.stack([1 - p, p], 1)}, {"target": target})
    assert one.compute() == pytest.approx(two.compute())
    with pytest.raises(ValueError, match="at least one bin"):
        ECE(0)
