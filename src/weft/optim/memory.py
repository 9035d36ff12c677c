"""Going on when memory runs out: the same batch in more microbatches."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from weft.data import random_state
from weft.data.batch import size
from weft.losses.loss import Loss

FULL = ("out of memory", "can't allocate memory", "not enough memory", "alloc_cpu")


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on whatever device.

    >>> out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")), out_of_memory(RuntimeError("shapes differ"))
    (True, False)
    """
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or (
        isinstance(error, RuntimeError) and any(word in str(error).lower() for word in FULL)
    )


class MemoryFallback:
    """Plain back-propagation that cuts a batch which does not fit into twice as many microbatches, and tries again.

    The effective batch stays as it was: gradients are those of the whole batch, randomness and batch-norm statistics those of its first
    microbatch, as with ``Update(microbatches=n)``. What it learned it keeps, also over a resume. It gives up at microbatches of ``smallest`` rows.

    Errors: what ran out of memory, with advice, at the smallest microbatch or with several ranks (they would no longer agree);
    ``ValueError`` from the engine for a loss that couples its samples.
    Use when batches differ in size (long texts) or the memory of the machine is unknown; instead of it, ``find_batch_size`` beforehand. Cost: a
    copy of the buffers a step, and the failed attempts.

    >>> MemoryFallback().parts
    1
    """

    def __init__(self, smallest: int = 1) -> None:
        if smallest < 1:
            raise ValueError(f"MemoryFallback(smallest={smallest}): a microbatch has at least one row.")
        self.smallest, self.parts = smallest, 1

    def bind(self, method: nn.Module) -> None:
        """A training begins: whole batches are tried again."""
        self.parts = 1

    def __call__(self, update: Any, objective: Callable[[Any], Loss], batch: Any) -> Loss:
        buffers = [(buffer, buffer.clone()) for buffer in update.method.buffers()]
        states = random_state.capture()
        while True:
            if self.parts > update.spec.microbatches:
                update.cut(self.parts)
            try:
                return update.gradient(objective, batch)
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
                self.parts = max(self.parts, update.spec.microbatches)
                rows = -(-size(batch) // self.parts)
                if rows <= self.smallest or update.world > 1:
                    remedy = "let all ranks use Update(microbatches=n)" if update.world > 1 else "use a smaller network, bfloat16 or a shorter input"
                    raise RuntimeError(f"Memory ran out with {rows} rows in a microbatch ({error}); {remedy}.") from error
            self.parts *= 2
            warnings.warn(
                f"Memory ran out: batches now go in {self.parts} microbatches of at most {-(-size(batch) // self.parts)} rows.", stacklevel=2
            )
            for p in update.parameters:
                p.grad = None
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            with torch.no_grad():
                for buffer, old in buffers:
                    buffer.copy_(old)
            random_state.restore(states)

    def state_dict(self) -> dict[str, Any]:
        return {"parts": self.parts}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.parts = int(state["parts"])
