"""A learning method with its own network, written outside the library in one file: R-Drop on a folder of pictures.

    weft run examples/own_method.py:train data=photos/ epochs=5
    weft resume runs/train-1
    weft predict runs/train-1 new/
    weft serve runs/train-1
    weft bundle runs/train-1 --out rdrop.weft
    weft predict rdrop.weft new/ --own examples/own_method.py

R-Drop (Liang et al., 2021, arXiv:2106.14448): every picture goes twice through the network, dropout makes the two answers differ, and the
method learns the classes and that its two answers agree.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

import weft
from weft.data import ImageCodec, ImageFolder, split_by_hash
from weft.engine import Epochs, Evaluation, Method, Update
from weft.losses import Loss, cross_entropy
from weft.metrics import Accuracy
from weft.optim import adamw, cosine, warmup


class PatchNet(nn.Module):
    """Cuts a picture into patches, mixes them in a hidden layer with dropout, and classifies them all."""

    def __init__(self, channels: int, size: int, num_classes: int, *, patch: int = 4, hidden: int = 32, dropout: float = 0.3):
        super().__init__()
        self.patches = nn.Conv2d(channels, hidden, patch, stride=patch)
        self.mix = nn.Sequential(nn.Conv2d(hidden, hidden, 3, padding=1), nn.GELU(), nn.Dropout(dropout))
        self.head = nn.Linear(hidden * (size // patch) ** 2, num_classes)

    def forward(self, input: Tensor) -> Tensor:
        return self.head(self.mix(self.patches(input).relu()).flatten(1))


class RDrop(Method):
    """Cross-entropy of two passes, and alpha times the symmetric divergence between their answers."""

    def __init__(self, network: nn.Module, alpha: float = 1.0):
        super().__init__()
        self.network, self.alpha = network, alpha

    def loss(self, batch: dict[str, Tensor]) -> Loss:
        first, second = self.network(batch["input"]), self.network(batch["input"])
        classes = (cross_entropy(first, batch["target"]) + cross_entropy(second, batch["target"])) / 2
        p, q = first.float().log_softmax(1), second.float().log_softmax(1)
        apart = ((p.exp() - q.exp()) * (p - q)).sum(1) / 2
        return Loss.mean(classes) + self.alpha * Loss.mean(apart, name="apart")


def train(session, *, data: Path, size: int = 28, hidden: int = 32, alpha: float = 1.0, epochs: int = 10, batch_size: int = 32, lr: float = 3e-3):
    """Train first on the classes alone, then with R-Drop."""
    parts = split_by_hash(ImageFolder(data), {"train": 0.7, "val": 0.1, "test": 0.2}, stratify="label")
    codec = ImageCodec(size=size, channels=1).fit(parts["train"])
    loader, val, test = session.loaders(parts, codec, batch_size)
    network = weft.own(PatchNet, {"channels": 1, "size": size, "num_classes": codec.num_classes, "hidden": hidden})
    update = Update(adamw(lr), on="network", schedule=warmup(10) | cosine())
    measured = {"accuracy": Accuracy()}

    plain = RDrop(network, alpha=0.0)
    session.fit("plain", plain, loader, update, until=Epochs(epochs), evaluate=Evaluation(val, measured)).best()
    torch.manual_seed(session.seed + 1)
    method = RDrop(network, alpha)
    state = session.fit("agreeing", method, loader, update, until=Epochs(epochs), evaluate=Evaluation(val, measured))
    return session.finish(state.best(), test, measured, codec=codec)
