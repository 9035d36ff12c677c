"""Expected calibration error against a loop over the bins; Brier's score against scikit-learn."""

from __future__ import annotations

import pytest
import torch

from weft.metrics import ECE, Brier
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


@pytest.mark.parametrize("classes", [2, 4])
def test_brier_equals_scikit_learn(classes):
    """Parity: Brier of logits, of probabilities and of a class that never occurs."""
    sklearn = pytest.importorskip("sklearn.metrics")
    output, target = torch.randn(40, classes, dtype=torch.float64), torch.arange(40) % (classes - (classes > 2))
    chances = output.softmax(1)
    expected = sklearn.brier_score_loss(target, chances[:, 1] if classes == 2 else chances, labels=list(range(classes)))
    for metric, given in ((Brier(), output), (Brier(probabilities=True), chances)):
        metric.update({"output": given[:15]}, {"target": target[:15]})
        metric.update({"output": given[15:]}, {"target": target[15:]})
        assert metric.compute() == pytest.approx(expected)
    if classes == 2:
        single = Brier(probabilities=True)
        single.update({"output": chances[:, 1]}, {"target": target})
        assert single.compute() == pytest.approx(expected)
