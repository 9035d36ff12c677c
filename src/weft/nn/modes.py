"""Training and eval mode for a while, every module's own flag put back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from torch import nn


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[nn.Module]:
    """Eval mode inside; afterwards each module is in the mode in which it was, also after an error.

    Use around measuring; ``with model.eval():`` is no context manager and leaves the network in eval mode. Cost: one walk over the modules.

    >>> net = nn.Sequential(nn.Dropout(), nn.Dropout().eval())
    >>> with evaluating(net):
    ...     [module.training for module in net]
    [False, False]
    >>> [module.training for module in net]
    [True, False]
    """
    with _mode(model, False):
        yield model


@contextlib.contextmanager
def training(model: nn.Module) -> Iterator[nn.Module]:
    """Training mode inside, as ``evaluating`` is for eval mode: Monte-Carlo dropout in a network that predicts.

    >>> net = nn.Dropout().eval()
    >>> with training(net):
    ...     net.training
    True
    >>> net.training
    False
    """
    with _mode(model, True):
        yield model


@contextlib.contextmanager
def _mode(model: nn.Module, mode: bool) -> Iterator[None]:
    before = [(module, module.training) for module in model.modules()]
    try:
        model.train(mode)
        yield
    finally:
        for module, flag in before:
            module.training = flag


@contextlib.contextmanager
def without_gradients(model: nn.Module) -> Iterator[nn.Module]:
    """No parameter wants a gradient inside; afterwards those do that did before. Gradients still flow through to the inputs.

    Use for a critic while its generator learns, or a fixed network within a loss; instead of it, ``freeze`` for good. Cost: one walk.

    >>> net = nn.Linear(1, 1)
    >>> with without_gradients(net):
    ...     net.weight.requires_grad
    False
    >>> net.weight.requires_grad
    True
    """
    before = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    try:
        model.requires_grad_(False)
        yield model
    finally:
        for parameter, flag in before:
            parameter.requires_grad_(flag)
