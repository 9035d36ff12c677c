"""Made points and rows: seeded, with a signal that a baseline can find."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from weft.data.arrays import Arrays
from weft.data.keyed import Random


def drawn(size: int, seed: int, stream: int) -> Random:
    """The random numbers of ``size`` records, the same for the first records whatever the size."""
    if size < 1:
        raise ValueError(f"size={size}; expected at least 1")
    return Random(seed, 0, torch.arange(size), stream)


def regression_rows(size: int = 1000, features: int = 20, *, noise: float = 0.1, seed: int = 0) -> Arrays:
    """Rows with a linear signal: y = x · w + noise · e, with x, e standard normal and w normal of length 1; ``input`` (F,), ``target`` (1,).

    Baseline: least squares reaches R² = 1 / (1 + noise²).

    >>> regression_rows(3).columns["input"].shape
    torch.Size([3, 20])
    """
    w = drawn(features, seed, 1).normal()
    random = drawn(size, seed, 2)
    x = random.normal(features)
    return Arrays({"input": x, "target": (x @ (w / w.norm()) + noise * random.normal())[:, None]})


def blobs(size: int = 1000, features: int = 2, classes: int = 3, *, spread: float = 0.5, seed: int = 0) -> Arrays:
    """Normal clouds around centres of length 3, one a class: ``input`` (F,), ``target`` 0 … classes - 1. Baseline: the nearest class mean.

    >>> blobs(4).columns["target"].tolist()
    [0, 1, 2, 0]
    """
    centres = drawn(classes, seed, 3).normal(features)
    if features == 2:  # evenly around the circle, so that none overlap
        turn = 2 * math.pi * (torch.arange(classes) / classes + drawn(1, seed, 3).uniform())
        centres = torch.stack([turn.cos(), turn.sin()], 1)
    target = torch.arange(size) % classes
    centres = 3 * centres / centres.norm(dim=1, keepdim=True)
    return Arrays({"input": centres[target] + spread * drawn(size, seed, 4).normal(features), "target": target})


def moons(size: int = 1000, *, noise: float = 0.1, seed: int = 0) -> Arrays:
    """Two half circles that reach into each other: ``input`` (2,), ``target`` 0 or 1. Baseline: nearest neighbours; no straight line divides them.

    >>> moons(4).columns["target"].tolist()
    [0, 1, 0, 1]
    """
    random, target = drawn(size, seed, 5), torch.arange(size) % 2
    turn = math.pi * random.uniform()
    upper, lower = torch.stack([turn.cos(), turn.sin()], 1), torch.stack([1 - turn.cos(), 0.5 - turn.sin()], 1)
    return Arrays({"input": torch.where(target[:, None] == 0, upper, lower) + noise * random.normal(2), "target": target})


def xor(size: int = 1000, *, noise: float = 0.0, seed: int = 0) -> Arrays:
    """Points of the square [-1, 1]², class 1 where the signs differ: ``input`` (2,), ``target`` 0 or 1. Baseline: the sign of x · y.

    >>> points = xor(100).columns
    >>> bool(((points["input"].prod(1) < 0) == points["target"].bool()).all())
    True
    """
    random = drawn(size, seed, 6)
    x = 2 * random.uniform(2) - 1
    return Arrays({"input": x + noise * random.normal(2), "target": (x.prod(1) < 0).long()})


def spirals(size: int = 1000, classes: int = 2, *, turns: float = 2.0, noise: float = 0.03, seed: int = 0) -> Arrays:
    """Arms of a spiral, one a class: ``input`` (2,) within a circle of 1, ``target``.

    Baseline: nearest neighbours; a line is right on two in three at most.

    >>> spirals(4, 4).columns["target"].tolist()
    [0, 1, 2, 3]
    """
    random, target = drawn(size, seed, 7), torch.arange(size) % classes
    radius = 0.1 + 0.9 * random.uniform().sqrt()
    turn = 2 * math.pi * (turns * radius + target / classes)
    return Arrays({"input": radius[:, None] * torch.stack([turn.cos(), turn.sin()], 1) + noise * random.normal(2), "target": target})


def communities(size: int = 200, classes: int = 4, *, inside: float = 0.1, outside: float = 0.005, seed: int = 0) -> dict[str, Tensor]:
    """A graph of groups (a stochastic block model): two nodes are joined with probability ``inside`` in a group, else ``outside``.

    ``x`` (N, 8) float32 weak features, ``label`` (N,), ``edges`` (2, E) both ways, without loops. Baseline: the commonest class among the
    neighbours. Holland, Laskey, Leinhardt, 1983, doi:10.1016/0378-8733(83)90021-7.

    >>> communities(8)["label"].tolist()
    [0, 1, 2, 3, 0, 1, 2, 3]
    """
    label = torch.arange(size) % classes
    chance = torch.where(label[:, None] == label, inside, outside)
    joined = (drawn(size, seed, 8).uniform(size) < chance).triu(1)
    features = drawn(classes, seed, 9).normal(8)[label] + 2 * drawn(size, seed, 10).normal(8)
    edges = (joined | joined.T).nonzero().T.contiguous()
    return {"x": features, "label": label, "edges": edges}
