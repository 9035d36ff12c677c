"""Accuracy against scikit-learn and by hand."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.metrics import Accuracy, TokenAccuracy, TopKError
from weft.metrics.accuracy import accuracy, hits, top_k_error


@given(seed=st.integers(0, 10_000), top_k=st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_equals_scikit_learn(seed, top_k):
    """Parity: top_k_accuracy_score on random scores without ties."""
    sklearn = pytest.importorskip("sklearn.metrics")
    random = torch.Generator().manual_seed(seed)
    output, target = torch.rand(23, 5, generator=random), torch.randint(0, 5, (23,), generator=random)
    expected = sklearn.top_k_accuracy_score(target.numpy(), output.numpy(), k=top_k, labels=range(5))
    assert accuracy(output, target, top_k=top_k) == pytest.approx(expected)


def test_ties_and_nan_are_never_generous():
    """Property: equal scores give one hit for one guess, as argmax does; a network of NaN has no hit at all."""
    assert accuracy(torch.zeros(4, 4), torch.arange(4)) == 0.25
    assert accuracy(torch.zeros(4, 4), torch.arange(4), top_k=2) == 0.5
    assert not hits(torch.full((3, 4), float("nan")), torch.tensor([0, 1, 2]), top_k=4).any()
    assert not hits(torch.tensor([[5.0, float("nan"), 1.0]]), torch.tensor([0]), top_k=3).any()


def test_shapes_of_every_kind():
    """Closed form: tokens (classes last), pictures (classes second), single logits, multi-label."""
    tokens = torch.tensor([[[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]])
    assert accuracy(tokens, torch.tensor([[1, 1, 1]]), dim=-1) == pytest.approx(2 / 3)
    assert accuracy(tokens.movedim(-1, 1), torch.tensor([[1, 1, 1]])) == pytest.approx(2 / 3)
    assert accuracy(torch.tensor([[3.0], [-1.0]]), torch.tensor([1, 1])) == 0.5
    assert accuracy(torch.tensor([[3.0, -1.0]]), torch.tensor([[1.0, 0.0]])) == 1.0


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"The classes seem to be last: pass dim=-1"):
        accuracy(torch.zeros(2, 3, 5), torch.zeros(2, 3, dtype=torch.long))
    with pytest.raises(ValueError, match=r"3 classes want targets in 0\.\.2; got 7"):
        accuracy(torch.zeros(2, 3), torch.tensor([0, 7]))
    with pytest.raises(ValueError, match="top_k is how many guesses"):
        Accuracy(0)
    with pytest.raises(ValueError, match="only masked items"):
        accuracy(torch.zeros(2, 3), torch.tensor([0, 1]), torch.tensor([False, False]))


def test_top_k_error_is_what_accuracy_leaves():
    """Closed form: TopKError of random scores is 1 - accuracy, lower is better, and 0 where every class is among the guesses."""
    output, target = torch.randn(40, 7), torch.arange(40) % 7
    metric = TopKError(3)
    metric.update({"output": output}, {"target": target})
    assert metric.compute() == pytest.approx(1 - accuracy(output, target, top_k=3)) == pytest.approx(top_k_error(output, target, top_k=3))
    assert 0 < metric.compute() < 1 and metric.direction == "min"
    assert top_k_error(output, target, top_k=7) == 0.0


def test_token_accuracy_does_not_see_padding():
    """Property: TokenAccuracy of two batches is over kept tokens, however many padded ones stand beside them."""
    output, target = torch.randn(2, 5, 4), torch.randint(0, 4, (2, 5))
    keep = torch.tensor([[True] * 5, [True, True, False, False, False]])
    short, padded = TokenAccuracy(), TokenAccuracy()
    short.update({"output": output[:1]}, {"target": target[:1]})
    short.update({"output": output[1:, :2]}, {"target": target[1:, :2]})
    padded.update({"output": output}, {"target": target, "mask": keep})
    right = (output.argmax(-1) == target) & keep
    assert padded.compute() == pytest.approx(short.compute()) == pytest.approx(right.sum().item() / 7)
