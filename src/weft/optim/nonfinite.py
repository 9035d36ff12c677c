"""When a loss or gradient is not finite: which update, which parameter, which samples."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from weft.data.batch import Batch, size, split
from weft.losses.loss import Loss
from weft.optim.estimators import Objective, Update


class NonFinite(ArithmeticError):
    """A loss or gradient was NaN or infinite; the message names update, parameters and samples."""

    def __init__(self, report: str, skips: int):
        tail = (
            f"Gave up after {skips} such steps in a row."
            if skips > 1
            else 'Nothing was changed by this step. Try a lower learning rate, clip_norm, or Runtime(nonfinite="skip").'
        )
        super().__init__(f"{report} {tail}")


class RollBack(Exception):
    """Asks the loop to return to the last good snapshot."""


def culprit(update: Update, loss: Loss, objective: Objective, batch: Batch) -> str:
    """Say what is not finite: the loss terms, the parameters, their gradients, and the samples, found by replay one by one."""
    bad = [f"loss term {k!r} is {float(t.total.detach())}" for k, t in loss.terms.items() if not math.isfinite(t.total.detach())]
    weights = [n for n, p in update.named if not torch.isfinite(p).all()]
    gradients = [n for n, p in update.named if p.grad is not None and not torch.isfinite(p.grad).all()]
    if weights:
        bad.append(f"parameters were already non-finite: {_some(weights)}")
    if gradients:
        bad.append(f"gradients of {_some(gradients)}")
    samples = [] if weights or update.world > 1 else _samples(update, objective, batch)
    if samples:
        bad.append(f"samples {_some(samples)} of the batch alone give it")
    return f"Update {update.key!r} met a non-finite step: {'; '.join(bad)}."


def _samples(update: Update, objective: Objective, batch: Batch) -> list[str]:
    """Indices of the samples whose own loss or gradient is not finite; empty when single samples cannot be evaluated."""
    found: list[str] = []
    for position, sample in enumerate(split(batch, size(batch))):
        try:
            loss = update.value(objective, sample)
            fine = all(math.isfinite(t.total.detach()) for t in loss.terms.values())
            if fine:
                for p in update.parameters:
                    p.grad = None
                update.gradient(objective, sample)
                fine = all(p.grad is None or bool(torch.isfinite(p.grad).all()) for p in update.parameters)
        except (RuntimeError, ValueError):  # a network that needs more than one sample, such as batch norm
            return []
        if not fine:
            found.append(_name(sample, position))
    return found if len(found) < size(batch) else []


def _name(sample: Any, position: int) -> str:
    index = sample.get("index") if isinstance(sample, dict) else None
    return f"{position} (index {int(index.reshape(-1)[0])})" if isinstance(index, Tensor) else str(position)


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
