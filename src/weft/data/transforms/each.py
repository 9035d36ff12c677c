"""One record at a time: transforms whose results differ in size, and functions that know no batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from weft.data.contracts import Batch, Transform
from weft.data.keyed import Random
from weft.data.transforms.compose import branch


def joined(values: Sequence[Tensor]) -> Tensor | list[Tensor]:
    """Values of one shape and type stacked, others as they are, in a list.

    >>> joined([torch.zeros(2), torch.ones(2)]).shape, [len(v) for v in joined([torch.zeros(2), torch.ones(3)])]
    (torch.Size([2, 2]), [2, 3])
    """
    return torch.stack(list(values)) if len({(value.shape, value.dtype) for value in values}) == 1 else list(values)


def padded(values: Sequence[Tensor], fill: float) -> Tensor:
    """Values of different sizes in one tensor, each with its own beginning and ``fill`` after its end, along every axis.

    >>> padded([torch.ones(1, 2), torch.ones(2, 1)], 0.0).tolist()
    [[[1.0, 1.0], [0.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]]
    """
    if len({(value.ndim, value.dtype) for value in values}) > 1:
        came = sorted({f"{tuple(value.shape)} {value.dtype}" for value in values})
        raise ValueError(f"Values of {', '.join(came[:4])} cannot be padded to one size; they need as many axes and one type")
    out = values[0].new_full((len(values), *(max(sizes) for sizes in zip(*(value.shape for value in values), strict=True))), fill)
    for row, value in zip(out, values, strict=True):
        row[tuple(slice(size) for size in value.shape)] = value
    return out


@dataclass(frozen=True)
class Each:
    """Apply a transform to each record as a batch of its own, so that it may draw another size for each.

    What then agrees in shape is stacked again. What does not is padded at the right and below when ``pad`` names its key and the number to pad
    with, and ``mask`` (B, H, W) is True where ``input`` is; any other key becomes a list, for a network or a further step that takes pictures of
    different sizes. Boxes and points stay right, since they are counted from the upper left. Records draw as they would alone.
    Shapes: (B, C, H, W) -> (B, C, H_max, W_max), or B of (C, H_i, W_i). Raises ValueError for records that come out with other keys.
    Use to give a transform of whole batches, such as ``MultiScale`` or ``RandomChoice(whole=True)``, a choice for each record; instead of it,
    the transform itself, which is faster. Cost: a call for each record.

    >>> from weft.data.transforms.resize import MultiScale
    >>> batch = {"input": torch.ones(8, 3, 6, 6)}
    >>> ragged = Each(MultiScale((4, 8)))(batch, Random(0, 0, torch.arange(8)))["input"]
    >>> sorted({picture.shape[-1] for picture in ragged})
    [4, 8]
    >>> even = Each(MultiScale((4, 8)), pad={"input": 0.0})(batch, Random(0, 0, torch.arange(8)))
    >>> even["input"].shape, sorted(set(even["mask"].sum((1, 2)).tolist()))
    (torch.Size([8, 3, 8, 8]), [16, 64])
    """

    transform: Transform
    pad: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "pad", None if self.pad is None else dict(self.pad))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        random.uniform()
        count = len(random.key)
        if not count:
            done = self.transform(batch, branch(random, 0))
            return (
                done | {"mask": done["input"].new_ones((0, *done["input"].shape[-2:]), dtype=torch.bool)}
                if self.pad and "input" in self.pad
                else done
            )
        made = [self.transform({key: value[i : i + 1] for key, value in batch.items()}, branch(random, 0, torch.tensor([i]))) for i in range(count)]
        strange = next((one for one in made if one.keys() != made[0].keys()), None)
        if strange is not None:
            raise ValueError(f"{type(self.transform).__name__} gave one record the keys {sorted(made[0])}, another {sorted(strange)}")
        return self._together({key: [one[key][0] for one in made] for key in made[0]})

    def _together(self, columns: dict[str, list[Any]]) -> Batch:
        pad, out = self.pad or {}, {}
        for key, values in columns.items():
            if not isinstance(values[0], Tensor):
                out[key] = values
            else:
                out[key] = padded(values, pad[key]) if key in pad else joined(values)
        if "input" in pad:
            out["mask"] = padded([torch.ones(value.shape[-2:], dtype=torch.bool, device=value.device) for value in columns["input"]], False)
        return out


@dataclass(frozen=True)
class Apply:
    """Apply a function of one value, such as another library's, to ``key`` of each record.

    A function with a method ``batch`` is given the whole tensor (B, ...) there. Otherwise it gets each record's value, and results of one shape
    are stacked, others given as a list. The function is not random, or its numbers come from elsewhere and cannot be repeated.
    Raises the function's own error with a note that names the place in the batch. Use to bring a function of the torch ecosystem into a row of
    transforms; instead of it, a transform of one's own, which draws from ``random``. Cost: a call for each record.

    >>> Apply(torch.fliplr)({"input": torch.tensor([[[1.0, 2.0]]])}, Random(0, 0, torch.arange(1)))["input"].tolist()
    [[[2.0, 1.0]]]
    """

    function: Callable[[Tensor], Tensor]
    key: str = "input"

    def __call__(self, batch: Batch, random: Random) -> Batch:
        values = batch[self.key]
        whole = getattr(self.function, "batch", None)
        if whole is not None:
            return batch | {self.key: whole(values)}
        made = []
        for number, value in enumerate(values):
            try:
                made.append(self.function(value))
            except Exception as error:
                error.add_note(f"At place {number} of the batch, on {self.key!r} of shape {tuple(value.shape)}")
                raise
        return batch | {self.key: joined(made)} if made else batch
