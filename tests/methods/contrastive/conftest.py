"""What self-supervision is worth on digits: 1,200 pictures to learn from, 10 labels a class for the probe, the rest to test."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn

from weft.data import Arrays, Loader, Noise, RandomAffine, TwoViews
from weft.engine import Epochs, Method, Update, fit
from weft.methods.contrastive import linear_probe
from weft.nn import ConvBlock
from weft.optim import adamw, cosine, warmup


def encoder() -> nn.Module:
    blocks = ConvBlock(1, 24), ConvBlock(24, 48), nn.MaxPool2d(2), ConvBlock(48, 96)
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def head(before: int, after: int) -> nn.Module:
    return nn.Sequential(nn.Linear(before, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, after))


@pytest.fixture
def advantage() -> Callable[[Callable[[nn.Module], Method], int], tuple[float, float, float]]:
    """Accuracy of a linear probe on (raw pixels, the untrained encoder, the trained one), for one seed."""
    pytest.importorskip("sklearn")
    from weft.data import digits

    columns = digits().columns
    x, y = columns["image"].float()[:, None] / 255, columns["label"]

    def measure(make: Callable[[nn.Module], Method], seed: int) -> tuple[float, float, float]:
        torch.manual_seed(seed)
        order = torch.randperm(len(x))
        train, test = order[:1200], order[1200:]
        labelled = torch.cat([train[y[train] == digit][:10] for digit in range(10)])
        method = make(encoder())
        views = TwoViews([RandomAffine(degrees=20, scale=0.2, shear=0.3, shift=0.12), Noise(0.15)])
        data = Loader(Arrays({"input": x[train]}), batch_size=200, shuffle=True, transforms=[views], seed=seed)

        def probed(features: Callable[[torch.Tensor], torch.Tensor]) -> float:
            layer = linear_probe(features(x[labelled]), y[labelled])
            return float((layer(features(x[test])).argmax(1) == y[test]).float().mean())

        def embedded(pictures: torch.Tensor) -> torch.Tensor:
            return method.predict({"input": pictures})["embedding"].clone()

        raw, untrained = probed(lambda pictures: pictures.flatten(1)), probed(embedded)
        after = method.updates()["all"].after
        fit(method, data, Update(adamw(3e-3, weight_decay=1e-4), on="", schedule=warmup(20) | cosine(), after=copy.copy(after)), until=Epochs(80))
        return raw, untrained, probed(embedded)

    return measure
