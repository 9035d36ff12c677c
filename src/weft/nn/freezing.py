"""Freezing: no gradient, no optimizer, and no moving buffers either."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from torch import nn

MARK = "_weft_frozen"


def freeze(module: nn.Module) -> nn.Module:
    """Freeze ``module`` in place: its parameters need no gradient, and it stays in eval mode while its owner trains.

    Use for teachers, averaged copies and backbones; ``thaw`` undoes it. Batch norm keeps its statistics, dropout stays off.

    >>> layer = freeze(nn.BatchNorm1d(2))
    >>> layer.training, any(p.requires_grad for p in layer.parameters())
    (False, False)
    """
    setattr(module, MARK, True)
    module.eval()
    return module.requires_grad_(False)


def thaw(module: nn.Module) -> nn.Module:
    """Undo ``freeze`` for ``module`` and everything in it.

    >>> thaw(freeze(nn.Linear(1, 1))).weight.requires_grad
    True
    """
    for part in module.modules():
        if MARK in part.__dict__:
            delattr(part, MARK)
    return module.requires_grad_(True).train()


def is_frozen(module: nn.Module) -> bool:
    """Whether ``freeze`` marked this very module.

    >>> is_frozen(freeze(nn.Linear(1, 1)))
    True
    """
    return MARK in module.__dict__


def keep_frozen(module: nn.Module) -> None:
    """Put every marked part inside ``module`` back into eval mode."""
    for part in module.modules():
        if MARK in part.__dict__ and part is not module:
            part.eval()


@contextlib.contextmanager
def eval_mode(module: nn.Module) -> Iterator[None]:
    """Put every part in eval mode, and each back into its own mode afterwards."""
    training = [m for m in module.modules() if m.training]
    for part in training:
        part.training = False
    try:
        yield
    finally:
        for part in training:
            part.training = True
