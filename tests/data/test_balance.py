"""Class weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from weft.data import class_weights


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
