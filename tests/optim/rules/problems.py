"""A small problem in float64, and a walk of twenty steps on it by any optimizer."""

from __future__ import annotations

import torch
from torch import nn

SHAPES = {"wide": (3, 5), "square": (4, 4), "kernel": (2, 3, 2), "bias": (4,)}


def parameters(shapes=SHAPES, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return [(n, nn.Parameter(torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype))) for n, shape in shapes.items()]


def loss(named):
    """Smooth, not quadratic, coupled across entries."""
    total = torch.zeros((), dtype=named[0][1].dtype)
    for i, (_, p) in enumerate(named):
        wanted = torch.linspace(-1, 1, p.numel(), dtype=p.dtype).reshape(p.shape)
        total = total + (i + 1) * ((p - wanted).square() / 2 + 0.1 * (p * 3).cos()).sum() + 0.05 * p.sum().square()
    return total


def walk(make, steps=20, shapes=SHAPES, before=None):
    """The parameters after ``steps`` steps of what ``make`` returns for them; ``before(optimizer, step)`` may change a rate."""
    named = parameters(shapes)
    optimizer = make(named)
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        loss(named).backward()
        if before is not None:
            before(optimizer, step)
        optimizer.step()
    return [p.detach() for _, p in named]


def assert_same_walk(make, reference, tolerance=1e-10, **options):
    """Assert that two optimizers go the same way."""
    start = [p.detach() for _, p in parameters(options.get("shapes", SHAPES))]
    ours, theirs = walk(make, **options), walk(reference, **options)
    for mine, other, before in zip(ours, theirs, start, strict=True):
        assert not torch.equal(mine, before)
        torch.testing.assert_close(mine, other, rtol=0, atol=tolerance)


def split(named, decay):
    """Matrices that decay and the rest that does not, as torch takes groups."""
    groups = [{"params": [p for _, p in named if p.ndim > 1], "weight_decay": decay}, {"params": [p for _, p in named if p.ndim < 2], "weight_decay": 0.0}]
    return groups
