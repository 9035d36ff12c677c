"""Dropout by name, its rate over time, and dropout while predicting."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from weft._lazy import unknown
from weft.nn.regularise.dropping import DropBlock, DropPath, checked

DROPOUTS: dict[str, type[nn.Module]] = {
    "elements": nn.Dropout,
    "channels_1d": nn.Dropout1d,
    "channels_2d": nn.Dropout2d,
    "channels_3d": nn.Dropout3d,
    "alpha": nn.AlphaDropout,
    "feature_alpha": nn.FeatureAlphaDropout,
    "path": DropPath,
    "block": DropBlock,
}
RANDOM = (_DropoutNd, DropPath, DropBlock)


def dropout(name: str = "elements", p: float = 0.5) -> nn.Module:
    """Make the dropout called ``name`` with probability ``p`` of being dropped.

    Names: ``elements`` (single numbers), ``channels_1d``, ``channels_2d``, ``channels_3d`` (whole channels of a sample), ``alpha`` and
    ``feature_alpha`` (to SELU's lower bound, so that mean 0 and variance 1 stay), ``path`` (a sample's whole branch), ``block`` (regions of 7).

    Shapes: those of the layer; in eval mode the identity. p = 1 gives zeros.
    Errors: ``ValueError`` naming the nearest for an unknown name, or unless 0 <= p <= 1.
    Papers: Srivastava et al., 2014; Tompson et al., 2014, arXiv:1411.4280 (channels); Klambauer et al., 2017, arXiv:1706.02515 (alpha).
    Use when a network takes its dropout from a spec; instead of it, torch's classes where code builds code.

    >>> dropout("channels_2d", 0.2)
    Dropout2d(p=0.2, inplace=False)
    """
    if name not in DROPOUTS:
        raise unknown("dropout", name, DROPOUTS)
    return DROPOUTS[name](checked(p, f"dropout {name!r}"))


def set_dropout(module: nn.Module, p: float) -> int:
    """Give every dropout within ``module`` the probability ``p``; return how many there are.

    Use between stages, or from a follow-up to raise or lower it while learning: ``set_dropout(network, 0.5 * progress.step / progress.total)``.

    Errors: ``ValueError`` unless 0 <= p <= 1, or when ``module`` holds no dropout.

    >>> set_dropout(nn.Sequential(nn.Dropout(0.5), nn.Linear(1, 1), DropPath()), 0.1)
    2
    """
    checked(p, "set_dropout")
    found = [part for part in module.modules() if isinstance(part, RANDOM)]
    if not found:
        raise ValueError(f"{type(module).__name__} holds no dropout to set.")
    for part in found:
        part.p = p
    return len(found)


@contextlib.contextmanager
def dropout_on(module: nn.Module) -> Iterator[nn.Module]:
    """Within the block every part of ``module`` predicts, except that dropout drops; afterwards each part is in its own mode again.

    Errors: ``ValueError`` when ``module`` holds no dropout, since every answer would then be the same.
    Paper: Gal and Ghahramani, 2015, arXiv:1506.02142 (Monte Carlo dropout).

    >>> network = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout())
    >>> with dropout_on(network):
    ...     [part.training for part in network]
    [False, True]
    """
    if not any(isinstance(part, RANDOM) for part in module.modules()):
        raise ValueError(f"{type(module).__name__} holds no dropout, so all its answers would be the same.")
    before = [(part, part.training) for part in module.modules()]
    for part, _ in before:
        part.training = isinstance(part, RANDOM)
    try:
        yield module
    finally:
        for part, mode in before:
            part.training = mode


@torch.no_grad()
def monte_carlo(module: nn.Module, *inputs: Tensor, samples: int = 20) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of a network's answers under dropout, over ``samples`` passes: what it thinks, and how sure it is.

    Shapes: both as the network's output.
    Errors: ``ValueError`` when ``module`` holds no dropout, or for fewer than two samples.
    Paper: Gal and Ghahramani, 2015, arXiv:1506.02142.
    Use when a trained network should say where it is unsure; instead of it, several networks (deeper, dearer). Cost: ``samples`` passes.

    >>> mean, deviation = monte_carlo(nn.Sequential(nn.Linear(2, 3), nn.Dropout()), torch.ones(4, 2))
    >>> mean.shape, bool((deviation > 0).any())
    (torch.Size([4, 3]), True)
    """
    if samples < 2:
        raise ValueError(f"monte_carlo needs two samples or more; got {samples}.")
    with dropout_on(module):
        answers = torch.stack([module(*inputs) for _ in range(samples)])
    return answers.mean(0), answers.std(0)
