"""Masks of padded sequences, read as lengths."""

from __future__ import annotations

import torch
from torch import Tensor


def lengths(mask: Tensor | None, shape: tuple[int, ...] | torch.Size, device: torch.device, who: str) -> Tensor:
    """How many steps of each row ``mask`` (B, T) keeps; all of them without a mask.

    Errors: ``ValueError`` when the mask has another shape, or (on CPU) a row that keeps a step after one that it hides.

    >>> lengths(torch.tensor([[True, True, False]]), (1, 3), torch.device("cpu"), "mask")
    tensor([2])
    """
    if mask is None:
        return torch.full((shape[0],), shape[1], dtype=torch.long, device=device)
    if mask.shape != tuple(shape) or mask.dtype != torch.bool:
        raise ValueError(f"{who} is boolean, True keeps, and has shape {tuple(shape)}; got {tuple(mask.shape)}, {mask.dtype}.")
    if mask.device.type == "cpu" and (mask[:, 1:] & ~mask[:, :-1]).any():
        row = int((mask[:, 1:] & ~mask[:, :-1]).any(1).nonzero()[0])
        raise ValueError(f"{who}: row {row} hides a step before one that it keeps. Padding stands at the end.")
    return mask.sum(1)
