"""Shapes before numbers: what a module makes of an input, without computing it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from weft.nn.freezing import eval_mode


def output_shape(module: nn.Module, *shapes: Sequence[int], dtype: torch.dtype = torch.float32) -> Any:
    """The shape, or the nest of shapes, of ``module``'s output for inputs of these shapes, batch included; nothing is computed.

    A copy without memory runs in eval mode, so a wrong shape gives the same error as a real call. ``dtype`` is that of the inputs: ``torch.long``
    for tokens.

    Use when a network is put together and sizes must fit. Modules whose path depends on the numbers themselves cannot be asked.

    >>> output_shape(nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.Flatten()), (4, 3, 9, 9))
    (4, 128)
    """
    outline = copy.deepcopy(module).to("meta")
    with eval_mode(outline), torch.no_grad():
        found = outline(*(torch.empty(tuple(shape), dtype=dtype, device="meta") for shape in shapes))
    return pytree.tree_map(lambda leaf: tuple(leaf.shape) if isinstance(leaf, Tensor) else leaf, found)
