"""Supervised learning: a network, a target, a loss."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from weft.engine import Method
from weft.losses import Loss


class Supervised(Method):
    """Minimise the mean of ``loss(network(input), target)`` over the items of a batch.

    ``loss`` maps (output, target) to per-item values (``weft.losses``), shapes (B, ...). The batch may bring a ``mask`` (True keeps) or ``weight``.
    Errors: ``ValueError`` for a batch without ``target``, and for a loss that has already taken its mean over the batch.
    Use when every sample has its answer.

    >>> import torch
    >>> from weft.losses import cross_entropy
    >>> method = Supervised(nn.Linear(2, 3), cross_entropy)
    >>> method.predict({"input": torch.zeros(4, 2)})["output"].shape
    torch.Size([4, 3])
    """

    def __init__(self, network: nn.Module, loss: Callable[[Tensor, Tensor], Tensor]):
        super().__init__()
        self.network, self.criterion = network, loss

    def loss(self, batch: dict[str, Tensor]) -> Loss:
        if "target" not in batch:
            raise ValueError(
                f"Supervised needs a target for each input; the batch has {', '.join(batch)}. A loader yields (input, target), or a dict."
            )
        per_item = self.criterion(self.network(batch["input"]), batch["target"])
        if per_item.ndim == 0:  # its mean is taken: masks, weights and microbatches would be wrong without a word
            raise ValueError(
                "The loss returned one number for the whole batch; expected a value for each item, so that masks, microbatches and ranks add up."
                " Take it from weft.losses, or say reduction='none'."
            )
        return Loss.mean(per_item, batch.get("mask", batch.get("weight")))
