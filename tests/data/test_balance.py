"""Class weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from weft.data import class_weights, imbalance_advice


def test_weights_equal_scikit_learn():
    """Parity with compute_class_weight("balanced")."""
    pytest.importorskip("sklearn")
    from sklearn.utils.class_weight import compute_class_weight

    labels = np.random.default_rng(0).choice(5, 300, p=[0.5, 0.3, 0.1, 0.05, 0.05])
    assert np.allclose(class_weights(labels), compute_class_weight("balanced", classes=np.arange(5), y=labels))


def test_classes_count_alike_and_the_mean_weight_is_one():
    """Closed form: n_c w_c is the same for all classes and sums to n."""
    labels = ["a"] * 7 + ["b"] * 2 + ["c"]
    total = class_weights(labels) * torch.tensor([7.0, 2.0, 1.0])
    assert torch.allclose(total, torch.full((3,), 10 / 3))


def test_text_negative_and_absent_classes():
    assert class_weights([-1, -1, 1]).tolist() == [0.75, 1.5]
    assert class_weights(["b", "a", "a"], classes=["b", "a", "c"]).tolist() == [1.5, 0.75, 0.0]
    assert class_weights(torch.tensor([0, 2, 2]), classes=4).tolist() == [1.5, 0.0, 0.75, 0.0]
    assert class_weights([10, 9, 9]).tolist() == [0.75, 1.5]


def test_strange_and_no_labels_are_named():
    with pytest.raises(ValueError, match="'7' is not among"):
        class_weights([0, 7], classes=2)
    with pytest.raises(ValueError, match="no labels"):
        class_weights([])


def test_effective_numbers_lie_between_none_and_inverse():
    """Closed form: (1 - beta) / (1 - beta^n), scaled to a mean of 1 over records; beta 0 gives no weights, beta near 1 the inverse ones."""
    labels = ["a"] * 900 + ["b"] * 90 + ["c"] * 10
    counts = torch.tensor([900.0, 90.0, 10.0])
    raw = (1 - 0.999) / (1 - 0.999 ** counts.double())
    expected = raw * 1000 / (raw * counts).sum()
    assert torch.allclose(class_weights(labels, scheme="effective").double(), expected, rtol=1e-5)
    assert class_weights(labels, scheme="effective", beta=0.0).tolist() == pytest.approx([1, 1, 1])
    assert torch.allclose(class_weights(labels, scheme="effective", beta=1 - 1e-9), class_weights(labels), rtol=1e-3)


def test_median_frequency_gives_the_median_class_one():
    """Closed form: median(n) / n_c."""
    assert class_weights(["a"] * 8 + ["b"] * 4 + ["c"] * 2, scheme="median").tolist() == [0.5, 1.0, 2.0]
    with pytest.raises(ValueError, match="scheme='mean'"):
        class_weights(["a", "b"], scheme="mean")


def test_advice_follows_the_imbalance():
    assert imbalance_advice({"a": 100, "b": 90}) == [] and imbalance_advice({}) == []
    assert "class_weights(labels)" in imbalance_advice({"a": 100, "b": 20})[0]
    very = imbalance_advice({"a": 5000, "b": 20, "c": 3, "d": 0})
    assert "scheme='effective'" in very[0] and "never by accuracy alone" in very[0] and "1 of 3 classes have fewer than 10 records ('c')" in very[1]
