"""Shared memory that a worker process fills again and again, instead of asking for fresh pages with every batch."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.multiprocessing import get_sharing_strategy
from torch.utils.data import get_worker_info

from weft.data.contracts import Batch

DEEP = 4  # a worker has at most two batches under way (torch's prefetch_factor) while the one before is still being read
LARGE = 1 << 18  # bytes from which on it is worth it
buffers: dict[tuple[str, int], Tensor] = {}  # of this process
turn = 0


def lent(batch: Batch, keys: Iterable[str]) -> Batch:
    """The batch with some of its tensors in shared memory that will be written over ``DEEP`` batches later.

    Only for what the receiver copies at once. Outside a worker process, and where shared memory is not known by its file descriptor, the
    batch stays as it is.
    """
    global turn
    if get_worker_info() is None or get_sharing_strategy() != "file_descriptor":
        return batch
    turn = (turn + 1) % DEEP
    return batch | {key: placed((key, turn), batch[key]) for key in keys if batch[key].nbytes >= LARGE}


def placed(slot: tuple[str, int], values: Tensor) -> Tensor:
    """A copy of a tensor in the memory of a slot, laid out as it is when it is dense."""
    like = torch.empty_like(values, device="meta")
    buffer = buffers.get(slot)
    if buffer is None or len(buffer) < values.nbytes:
        buffer = buffers[slot] = torch.empty(values.nbytes, dtype=torch.uint8).share_memory_()
    return buffer[: values.nbytes].view(values.dtype).as_strided(values.shape, like.stride()).copy_(values)
