"""Two views of the same records, for learning without labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from weft.data.contracts import Batch
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

    transforms: Sequence[Callable[[Batch, Random], Batch]]

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
