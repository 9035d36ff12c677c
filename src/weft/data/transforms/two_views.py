"""Several views of the same records, for learning without labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from weft.data.contracts import Batch, Transform
from weft.data.keyed import Random


@dataclass(frozen=True)
class TwoViews:
    """Apply ``transforms`` twice with randomness of their own: once to ``input``, and once to what becomes ``view``.

    Shapes: ``input`` (B, ...) -> ``input`` and ``view`` (B, ...). Transforms that stand before it in a loader are common to both views.
    Errors: ``ValueError`` for no transforms, since both views would be one.
    Paper: Chen et al., 2020, arXiv:2002.05709.
    Use for ``simclr``, ``byol`` and their kin. Cost: the transforms, twice.

    >>> import torch
    >>> from weft.data import Noise
    >>> batch = TwoViews([Noise(0.1)])({"input": torch.zeros(2, 3)}, Random(0, 0, torch.arange(2)))
    >>> bool((batch["input"] == batch["view"]).any())
    False
    """

    transforms: Sequence[Transform]

    def __post_init__(self) -> None:
        object.__setattr__(self, "transforms", tuple(self.transforms))
        if not self.transforms:
            raise ValueError("TwoViews without transforms gives the same view twice; give at least one, such as RandomAffine().")

    def __call__(self, batch: Batch, random: Random) -> Batch:
        one, other = batch, batch
        for transform in self.transforms:
            one = transform(one, random)
        for transform in self.transforms:
            other = transform(other, random)  # the same generator, further on: other numbers
        return one | {"view": other["input"]}


@dataclass(frozen=True)
class MultiViews:
    """Many views of each record: ``wide`` ones under ``input`` (the first) and ``views`` (all), ``narrow`` ones under ``local``.

    ``wide`` and ``narrow`` are rows of transforms that end in one size each, such as [RandomResizedCrop(224, (0.4, 1))] and
    [RandomResizedCrop(96, (0.05, 0.4))]. Shapes: ``views`` (B, counts[0], C, H, W), ``local`` (B, counts[1], C, h, w).
    Raises ValueError for fewer than one wide view, or views without transforms.
    Paper: Caron et al., 2020, arXiv:2006.09882 (multi-crop). Use when small crops should agree with large ones; instead of it, ``TwoViews``.
    Cost: the transforms, once a view.

    >>> from weft.data import RandomResizedCrop
    >>> views = MultiViews([RandomResizedCrop(8)], [RandomResizedCrop(4)], counts=(2, 3))
    >>> batch = views({"input": torch.rand(5, 3, 9, 9)}, Random(0, 0, torch.arange(5)))
    >>> batch["views"].shape, batch["local"].shape
    (torch.Size([5, 2, 3, 8, 8]), torch.Size([5, 3, 3, 4, 4]))
    """

    wide: Sequence[Transform]
    narrow: Sequence[Transform] = ()
    counts: Sequence[int] = (2, 6)

    def __post_init__(self) -> None:
        for name in ("wide", "narrow", "counts"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if len(self.counts) != 2 or self.counts[0] < 1 or self.counts[1] < 0 or not self.wide:
            raise ValueError(f"counts={self.counts} of {len(self.wide)} wide transforms; expected at least one wide view and transforms for it")
        if self.counts[1] and not self.narrow:
            object.__setattr__(self, "counts", (self.counts[0], 0))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        out = dict(batch)
        for key, transforms, count in (("views", self.wide, self.counts[0]), ("local", self.narrow, self.counts[1])):
            made = []
            for _ in range(count):
                view = {"input": batch["input"]}
                for transform in transforms:
                    view = transform(view, random)
                made.append(view["input"])
            if made:
                out[key] = torch.stack(made, 1)
        return out | {"input": out["views"][:, 0]}
