"""A trial that leaves no trace."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from weft.data import random_state
from weft.engine import Method


@contextlib.contextmanager
def untouched(method: Method, data: Any = None) -> Iterator[None]:
    """Whatever happens inside, afterwards the method's parameters, buffers, modes and gradients, the random state and the data's position are
    as they were.

    Cost: a copy of the method's parameters and buffers.

    >>> import torch
    >>> from weft.methods import Supervised
    >>> method = Supervised(torch.nn.Linear(1, 1), None)
    >>> with untouched(method):
    ...     _ = torch.nn.init.zeros_(method.network.weight)
    >>> bool(method.network.weight != 0)
    True
    """
    kept = [(tensor, tensor.detach().clone(), tensor.grad) for tensor in [*method.parameters(), *method.buffers()]]
    modes = {module: module.training for module in method.modules()}
    runtime, states = method.__dict__.get("runtime"), random_state.capture()
    position = data.state_dict() if hasattr(data, "state_dict") else None
    try:
        yield
    finally:
        for tensor, old, grad in kept:
            tensor.detach().copy_(old)  # also where the trial moved it to another device
            tensor.grad = grad
        for module, training in modes.items():
            module.training = training
        if runtime is None:
            method.__dict__.pop("runtime", None)
        else:
            method.runtime = runtime
        random_state.restore(states)
        if position is not None:
            data.load_state_dict(position)
