"""Any cell over time, step by step."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.utils import _pytree as pytree


class Unrolled(nn.Module):
    """A cell applied to each step of a sequence in turn: (y_t, s_t) = cell(x_t, s_{t-1}).

    Shapes: x (B, T, in), mask (B, T) True = keep -> outputs (B, T, dim) and the last state, whatever the cell's is. At a masked step the state
    stays and the output is 0, so padding anywhere changes nothing. ``state`` goes on from another call: chunks give what the whole gives.
    ``reverse`` reads from the end; outputs stand at the steps that they belong to.
    Errors: ``ValueError`` for a sequence without steps or a mask of another shape.
    Use when the cell is your own or not in torch; instead of it, ``Recurrent``, one kernel for all steps. Cost: one call of the cell a step.

    >>> from weft.nn.recurrent.cells import GRUCell
    >>> outputs, state = Unrolled(GRUCell(3, 5))(torch.randn(2, 7, 3))
    >>> outputs.shape, torch.equal(outputs[:, -1], state)
    (torch.Size([2, 7, 5]), True)
    """

    def __init__(self, cell: nn.Module, *, reverse: bool = False) -> None:
        super().__init__()
        self.cell, self.reverse = cell, reverse

    def forward(self, x: Float[Tensor, "b t in"], state: Any = None, mask: Bool[Tensor, "n s"] | None = None) -> tuple[Float[Tensor, "b t out"], Any]:
        if x.shape[1] == 0:
            raise ValueError(f"Unrolled needs a sequence with at least one step; got x of shape {tuple(x.shape)}.")
        if mask is not None and mask.shape != x.shape[:2]:
            raise ValueError(f"The mask speaks of {tuple(mask.shape)} steps, x of {tuple(x.shape[:2])}; give a mask (B, T), True = keep.")
        steps = range(x.shape[1])
        outputs: list[Tensor] = []
        for t in reversed(steps) if self.reverse else steps:
            y, after = self.cell(x[:, t], state)
            if mask is not None:
                y, after = _kept(mask[:, t, None], y, after, state)
            outputs.append(y)
            state = after
        return torch.stack(outputs[::-1] if self.reverse else outputs, dim=1), state


def _kept(keep: Tensor, y: Tensor, after: Any, before: Any) -> tuple[Tensor, Any]:
    """The new output and state where a step counts; nothing and the old state where it does not (a first state is zero)."""
    old = pytree.tree_map(torch.zeros_like, after) if before is None else before
    return torch.where(keep, y, torch.zeros_like(y)), pytree.tree_map(lambda new, was: torch.where(keep, new, was), after, old)
