"""Prototypes and relations by hand."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from weft.losses import class_means, prototypical, relation


def test_prototypes_are_the_class_means():
    """class_means, closed form: the mean of each class's rows in the order of the classes; an absent class is named."""
    x, y = torch.randn(9, 3), torch.tensor([2, 0, 1, 2, 0, 1, 1, 1, 2])
    torch.testing.assert_close(class_means(x, y, 3), torch.stack([x[y == c].mean(0) for c in range(3)]))
    with pytest.raises(ValueError, match=r"no example of class \[3, 4\]"):
        class_means(x, y, 5)
    with pytest.raises(ValueError, match=r"targets lie in 0\.\.1"):
        class_means(x, y, 2)


@pytest.mark.parametrize("distance", ["squared", "cosine"])
def test_prototypical_is_cross_entropy_of_distances(distance):
    """prototypical, closed form: squared Euclidean and cosine distances by broadcasting; support rows get gradients too."""
    x, y, support = torch.randn(7, 3), torch.arange(7) % 3, torch.randn(9, 3, requires_grad=True)
    prototypes = class_means(support, torch.arange(9) % 3, 3)
    apart = (x[:, None] - prototypes).square().sum(2) if distance == "squared" else 1 - F.cosine_similarity(x[:, None], prototypes, dim=2)
    loss = prototypical(x, y, prototypes, distance=distance)
    torch.testing.assert_close(loss, F.cross_entropy(-apart, y, reduction="none"))
    loss.sum().backward()
    assert support.grad.any(1).all()
    with pytest.raises(ValueError, match=r"3 classes, so targets lie in 0\.\.2; got 3"):
        prototypical(x, y + 2, prototypes)


def test_relation_is_a_squared_error_against_one_and_zero():
    """relation, closed form: the sum over classes, one class being right."""
    scores, y = torch.rand(5, 4), torch.tensor([0, 1, 2, 3, 0])
    wanted = torch.stack([sum((s - float(c == k)) ** 2 for c, s in enumerate(row)) for row, k in zip(scores, y, strict=True)])
    torch.testing.assert_close(relation(scores, y), wanted)
    with pytest.raises(ValueError, match=r"targets lie in 0\.\.3"):
        relation(scores, y + 1)
