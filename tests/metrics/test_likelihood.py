"""Log loss against scikit-learn; perplexity and bits per byte by hand."""

from __future__ import annotations

import math

import pytest
import torch

from weft.metrics import BitsPerByte, LogLoss, Perplexity


def measure(metric, output, target, **extra):
    metric.update({"output": output}, {"target": target, **extra})
    return metric.compute()


def test_equals_scikit_learn():
    """Parity: logits, probabilities, probabilities of exactly 0 and 1, and a single probability."""
    sklearn = pytest.importorskip("sklearn.metrics")
    output, target = torch.randn(30, 4, dtype=torch.float64), torch.arange(30) % 4
    expected = sklearn.log_loss(target, output.softmax(1))
    assert measure(LogLoss(), output, target) == pytest.approx(expected)
    assert measure(LogLoss(probabilities=True), output.softmax(1), target) == pytest.approx(expected)
    hard = torch.eye(4, dtype=torch.float64)[(torch.arange(30) + (torch.arange(30) % 5 == 0)) % 4]
    assert measure(LogLoss(probabilities=True), hard, target) == pytest.approx(sklearn.log_loss(target, hard))
    single, answer = torch.rand(30, dtype=torch.float64), torch.arange(30) % 2
    assert measure(LogLoss(probabilities=True), single, answer) == pytest.approx(sklearn.log_loss(answer, single))
    assert measure(LogLoss(), single.logit(), answer) == pytest.approx(sklearn.log_loss(answer, single))


def test_extreme_logits_stay_finite_and_exact():
    """Closed form: a logit of 1e4 against 0 costs 1e4 when wrong and nothing when right."""
    output = torch.tensor([[1e4, 0.0], [1e4, 0.0]])
    assert measure(LogLoss(), output, torch.tensor([0, 1])) == pytest.approx(5e3)


def test_perplexity_counts_kept_tokens_only():
    """Closed form: exp of the mean over kept tokens of all batches, not the mean of the batches' perplexities."""
    metric = Perplexity()
    output = torch.zeros(1, 3, 4)
    metric.update({"output": output}, {"target": torch.zeros(1, 3, dtype=torch.long), "mask": torch.tensor([[True, False, False]])})
    metric.update({"output": torch.tensor([[[math.log(3.0), 0.0]]])}, {"target": torch.tensor([[0]])})
    assert metric.compute() == pytest.approx(math.exp((math.log(4) + math.log(4 / 3)) / 2))


def test_bits_per_byte_divides_by_bytes():
    """Closed form: 8 equally likely tokens of 2 bytes each are 1.5 bits a byte; masked tokens bring neither bits nor bytes."""
    output, target = torch.zeros(1, 4, 8), torch.zeros(1, 4, dtype=torch.long)
    keep = torch.tensor([[True, True, False, True]])
    assert measure(BitsPerByte(), output, target, bytes=torch.full((1, 4), 2), mask=keep) == pytest.approx(1.5)
    with pytest.raises(ValueError, match=r"holds each token's bytes"):
        measure(BitsPerByte(), output, target, bytes=torch.tensor([8]))
