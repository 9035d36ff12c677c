"""Watching the weights themselves: size, zeros, and how many directions they still use."""

# pyright: reportUnknownMemberType=false
# (torch is annotated in part)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from weft.observe.health.gradients import gathered
from weft.observe.health.monitor import Chosen, Monitor, chosen

LARGEST = 4096  # the shorter side of a matrix whose singular values are still taken


class WeightMonitor(Monitor):
    """Watches the trained weights: ``norm/ mean/ std/ zero/<name>`` of each, and of each matrix ``rank/`` and ``stable/<name>``.

    ``rank`` is the effective rank exp(-sum p log p) of the singular values' shares p, ``stable`` is |W|_F^2 / |W|_2^2, both divided by the most that
    the shape allows: what falls towards 0 has lost directions to learn in (loss of plasticity). ``weight/norm`` is that of everything,
    ``weight/rank`` the smallest share.
    Paper: Roy and Vetterli, The effective rank, EUSIPCO 2007; Kumar et al., 2021, arXiv:2010.14498 (rank and plasticity).
    Use in long or continual training; instead of it, ``ActivationMonitor`` for dormant units. Cost: one singular value decomposition of each
    matrix in a report, so the interval is long.

    >>> from types import SimpleNamespace
    >>> monitor = WeightMonitor(every=2)
    >>> update = SimpleNamespace(named=[("w", torch.nn.Parameter(torch.ones(3, 3)))])
    >>> for step in (1, 2):
    ...     monitor(SimpleNamespace(step=step, updates={"all": update}), {})
    >>> round(monitor.history[0]["rank/w"], 3)
    0.333
    """

    name = "weights"

    def __init__(self, every: int = 500, *, layers: Chosen = None, limit: int = 16) -> None:
        super().__init__(every)
        if limit < 1:
            raise ValueError(f"WeightMonitor needs limit >= 1 layers, got {limit}.")
        self.layers, self.limit = layers, limit

    @torch.no_grad()
    def read(self, state: Any, logs: Mapping[str, Any]) -> dict[str, float]:
        named = {name: p.detach() for update in state.updates.values() for name, p in update.named}
        values: dict[str, Tensor] = {"weight/norm": torch.stack([p.float().norm() for p in named.values()]).norm()}
        for name in chosen(list(named), self.layers, self.limit):
            p = named[name].float()
            values |= {
                f"norm/{name}": p.norm(), f"mean/{name}": p.mean(), f"std/{name}": p.std(correction=0), f"zero/{name}": (p == 0).float().mean(),
            }  # fmt: skip
            if p.ndim > 1 and min(p.flatten(1).shape) <= LARGEST:
                values[f"rank/{name}"], values[f"stable/{name}"] = ranks(p.flatten(1))
        found = dict(zip(values, gathered(list(values.values())), strict=True))
        shares = [value for name, value in found.items() if name.startswith("rank/")]
        return found | ({"weight/rank": min(shares)} if shares else {})


def ranks(matrix: Float[Tensor, "m n"]) -> tuple[Tensor, Tensor]:
    """Effective and stable rank as shares of the smaller side; of zeros, zero.

    >>> effective, stable = ranks(torch.eye(4))
    >>> round(effective.item(), 4), round(stable.item(), 4)
    (1.0, 1.0)
    """
    size = min(matrix.shape)
    singular = torch.linalg.svdvals(matrix)
    whole = singular.sum()
    if not bool(whole > 0) or not bool(torch.isfinite(whole)):
        return whole.new_zeros(()), whole.new_zeros(())
    share = singular / whole
    effective = torch.special.entr(share).sum().exp() / size
    return effective, singular.square().sum() / singular.amax().square() / size
