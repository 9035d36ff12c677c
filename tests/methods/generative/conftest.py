"""Digits, and an independent judge of them."""

from __future__ import annotations

import pytest
import torch

from weft.engine import Epochs, Update, fit
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.models.vision import SimpleCNN
from weft.optim import adamw, cosine


class Judge:
    """A classifier that has seen the second half of the digits, while generators learn from the first."""

    def __init__(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        torch.manual_seed(0)
        self.method = Supervised(SimpleCNN(1, 10, width=16, num_stages=2), cross_entropy)
        data = list(zip(images.split(64), labels.split(64), strict=True))
        fit(self.method, data, Update(adamw(4e-3), on="", schedule=cosine()), until=Epochs(40))

    def probabilities(self, images: torch.Tensor) -> torch.Tensor:
        return self.method.predict({"input": images})["output"].softmax(1)

    def recognised(self, images: torch.Tensor) -> tuple[float, list[float]]:
        """The share of pictures that it is more than 90 % sure of, and each digit's part in that share."""
        sure, digit = self.probabilities(images).max(1)
        counts = torch.bincount(digit[sure > 0.9], minlength=10)
        return float(counts.sum()) / len(images), (counts / len(images)).tolist()


@pytest.fixture(scope="session")
def digits() -> tuple[torch.Tensor, torch.Tensor]:
    """The first 900 digits, (900, 1, 8, 8) in [0, 1], and their labels."""
    images, labels = every_digit()
    return images[:900], labels[:900]


@pytest.fixture(scope="session")
def judge() -> Judge:
    images, labels = every_digit()
    return Judge(images[900:], labels[900:])


def every_digit() -> tuple[torch.Tensor, torch.Tensor]:
    pytest.importorskip("sklearn")
    from weft.data import digits

    columns = digits().columns
    return columns["image"].float()[:, None] / 255, columns["label"]
