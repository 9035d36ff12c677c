"""What features that were learned without labels are worth when labels are few, on handwritten digits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from weft.catalogue import build
from weft.data import Batch, ImageCodec, Loader, Noise, RandomAffine, Source, Subset, TwoViews, split_by_hash
from weft.data import digits as pictures
from weft.data.keyed import shuffled
from weft.engine import Epochs, Method
from weft.methods.contrastive import linear_probe
from weft.optim import adamw
from weft.recipes.session import Result, Session


def encoder(width: int) -> tuple[nn.Module, int]:
    """A small convolutional network from pictures to features, and their number."""
    return build("simple_cnn", {"in_channels": 1, "num_classes": 0, "width": width, "num_stages": 2, "dropout": 0.0}), 2 * width


def projector(before: int, after: int) -> nn.Module:
    """A hidden layer with batch norm, whose output only the loss sees."""
    return build("mlp", {"in_dim": before, "hidden": [128], "out_dim": after, "norm": "batch"})


def parts(labels: int, seed: int) -> dict[str, Subset]:
    """Digits to learn from, ``labels`` of each class among them that may be named, chosen by the seed, and those held out for every seed."""
    shares = split_by_hash(pictures(), {"train": 0.7, "test": 0.3}, stratify="label")
    return {"train": shares["train"], "few": few(shares["train"], labels, seed), "test": shares["test"]}


def few(source: Source, labels: int, seed: int) -> Subset:
    """The first ``labels`` records of each class in an order that the seed decides."""
    chosen: dict[int, list[int]] = defaultdict(list)
    for i in shuffled(len(source), seed, 0).tolist():
        of_class = chosen[int(source[i]["label"])]
        if len(of_class) < labels:
            of_class.append(i)
    return Subset(source, [i for of_class in chosen.values() for i in of_class])


def learn(session: Session, method: Method, *, epochs: int, batch_size: int, lr: float, labels: int) -> Result:
    """Train on two views of each picture, then measure what a linear probe makes of the features, of untrained ones and of raw pixels."""
    shares = parts(labels, session.seed)
    codec = ImageCodec(size=8, channels=1, mean=[0.0], std=[1.0]).fit(shares["train"])
    views = TwoViews([RandomAffine(degrees=20, scale=0.2, shear=0.3, shift=0.12), Noise(0.15)])
    train, named, test = session.loaders(shares, codec, batch_size, always=[views])

    def embedding(batch: Batch) -> Tensor:
        return method.predict(batch)["embedding"]

    beside = {
        "raw_pixels": probed(lambda batch: batch["input"].flatten(1), named, test),
        "untrained": probed(embedding, named, test),
    }
    update = replace(method.updates()["all"], optimizer=adamw(lr, weight_decay=1e-4))
    session.fit("train", method, train, update, until=Epochs(epochs))
    return session.finish(method, lambda _: {"accuracy": probed(embedding, named, test)}, beside, codec=codec)


def probed(features: Callable[[Batch], Tensor], named: Loader, test: Loader) -> float:
    """Accuracy on ``test`` of logistic regression on the features of ``named``."""

    def read(loader: Loader) -> tuple[Tensor, Tensor]:
        pairs = [(features(batch).float().cpu().flatten(1), batch["target"]) for batch in loader]
        return torch.cat([x for x, _ in pairs]), torch.cat([y for _, y in pairs])

    layer = linear_probe(*read(named), num_classes=10)
    x, y = read(test)
    return float((layer(x).argmax(1) == y).float().mean())
