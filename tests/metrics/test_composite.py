"""Metrics made of functions and of other metrics."""

from __future__ import annotations

import pytest
import torch

from weft.metrics import F1, MAE, MSE, Accuracy, Composite, LogLoss, MeanOf, Pearson
from weft.metrics.metric import measured


def test_a_function_is_right_under_unequal_batches():
    """Closed form: MeanOf over batches of 1 and 9 is the mean over ten items, not the mean of two means."""
    metric = MeanOf(lambda output, target: (output - target).square())
    output = torch.tensor([10.0] + [0.0] * 9)
    for part in (slice(0, 1), slice(1, 10)):
        metric.update({"output": output[part]}, {"target": torch.zeros(10)[part]})
    assert metric.compute() == pytest.approx(10.0) == pytest.approx(measured(MSE(), output, torch.zeros(10)))


def test_masks_of_values_and_of_items():
    """Property: MeanOf leaves out single values and whole items; the function never sees items that are masked."""
    output, target = torch.tensor([[1.0, 5.0], [3.0, 4.0]]), torch.zeros(2, 2)
    assert measured(MeanOf(lambda o, t: o - t), output, target, torch.tensor([[True, False], [True, True]])) == pytest.approx(8 / 3)
    seen = []
    assert measured(MeanOf(lambda o, t: seen.append(len(o)) or o.sum(1)), output, target, torch.tensor([False, True])) == 7.0
    assert seen == [1]


def test_a_composite_adds_its_parts_by_weight_and_direction():
    """Closed form: content + 0.3 structure of Composite; a part that should fall is taken off where the whole should rise."""
    output, target = torch.randn(20), torch.randn(20)
    content, structure = measured(MAE(), output, target), measured(Pearson(), output, target)
    for direction, expected in (("min", content - 0.3 * structure), ("max", 0.3 * structure - content)):
        metric = Composite({"content": (MAE(), 1.0), "structure": (Pearson(), 0.3)}, direction)
        for part in torch.arange(20).split(7):
            metric.update({"output": output[part]}, {"target": target[part]})
        assert metric.compute() == pytest.approx(expected)
        assert metric.direction == direction


def test_parts_may_look_at_different_entries():
    """Property: each part of a Composite keeps the names that it was made with."""
    metric = Composite({"class": (Accuracy(), 1.0), "size": (MAE(output="size", target="length"), 0.5)})
    metric.update(
        {"output": torch.tensor([[0.0, 1.0]]), "size": torch.tensor([3.0])}, {"target": torch.tensor([1]), "length": torch.tensor([1.0])}
    )
    assert metric.compute() == pytest.approx(1.0 - 0.5 * 2.0)


def test_a_differentiable_composite_trains():
    """Learned: a Composite of LogLoss parts, used as the loss, fits a line that separates two classes."""
    x = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    y = (x[:, 0] > 0).long()
    weight = torch.zeros(2, 2, requires_grad=True)
    metric = Composite({"a": (LogLoss(), 1.0), "b": (LogLoss(), 0.5)}, "min")
    assert metric.differentiable
    for _ in range(60):
        metric.result(metric.observe(x @ weight, y, None)).backward()
        with torch.no_grad():
            weight -= weight.grad
            weight.grad = None
    assert measured(Accuracy(), x @ weight, y) > 0.95


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="one value an item, 3 of them"):
        measured(MeanOf(lambda o, t: (o - t).mean()), torch.ones(3), torch.ones(3))
    with pytest.raises(ValueError, match="direction is 'min'"):
        MeanOf(torch.sub, "down")
    with pytest.raises(ValueError, match="at least one part"):
        Composite({})
    with pytest.raises(ValueError, match="weight of 'a'"):
        Composite({"a": (MAE(), -1.0)})
    with pytest.raises(ValueError, match="Give it an average"):
        measured(Composite({"a": (F1("none"), 1.0)}), torch.randn(4, 2), torch.tensor([0, 1, 0, 1]))
