"""Shift pictures a little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int, Shaped
from torch import Tensor
from torch.nn import functional as F

from weft.data.contracts import Batch
from weft.data.keyed import Random


@dataclass(frozen=True)
class RandomCrop:
    """Pad every side by ``padding`` pixels and cut the original size at a random place, the same for all ``keys`` of a record.

    ``fill`` is the value around the picture (0 is the mean colour of normalised input); ``mode`` "reflect" mirrors the border instead.
    Shapes: (B, C, H, W) -> (B, C, H, W).
    Paper: He et al., 2016, arXiv:1512.03385, section 4.2.
    Use when small shifts keep the meaning; cost: one gather.

    >>> RandomCrop(padding=1)({"input": torch.ones(2, 1, 4, 4)}, Random(0, 0, torch.arange(2)))["input"].shape
    torch.Size([2, 1, 4, 4])
    """

    padding: int = 4
    fill: float = 0.0
    mode: str = "constant"
    keys: Sequence[str] = ("input",)

    def __post_init__(self) -> None:
        if self.padding < 1:
            raise ValueError(f"padding={self.padding}; expected at least 1 pixel, else nothing moves")
        if self.mode not in ("constant", "reflect"):
            raise ValueError(f"mode={self.mode!r}; expected 'constant' or 'reflect'")
        object.__setattr__(self, "keys", tuple(self.keys))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        offset = random.integers(0, 2 * self.padding + 1, 2)
        return batch | {key: self._shift(batch[key], offset) for key in self.keys}

    def _shift(self, x: Shaped[Tensor, "b c h w"], offset: Int[Tensor, "b 2"]) -> Shaped[Tensor, "b c h w"]:
        if not len(x):
            return x
        height, width = x.shape[-2:]
        value = self.fill if self.mode == "constant" else None
        padded = F.pad(x, (self.padding,) * 4, mode=self.mode, value=value)
        windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # a view (B, C, 2 padding + 1, 2 padding + 1, H, W)
        return windows[torch.arange(len(x)), :, offset[:, 0], offset[:, 1]]
