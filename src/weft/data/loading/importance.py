"""Records that still teach something are drawn more often, and weighted so that the gradient stays unbiased."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from weft.data.loading.weighted import drawn


class Importance:
    """Draws record i with probability p_i = (1 - smoothing) s_i / sum(s) + smoothing / n and weighs it by 1 / (n p_i).

    The weighted mean over draws is then the plain mean over records, whatever the scores s (losses or gradient norms). ``learn(index,
    scores)`` notes new scores, in which a record's old one keeps the share ``memory``; they count from the next epoch on, so that an epoch
    under way can be resumed.
    ``weights(index)`` are the weights of a batch: put them into it as ``weight``. Until something was learned all are drawn alike.
    Errors: ``ValueError`` for scores that are negative or not finite, ``smoothing`` outside (0, 1].
    Paper: Katharopoulos and Fleuret, 2018, arXiv:1803.00942.
    Use when many records are learned early and cost time; instead of it, ``Curriculum`` for an order known before. Cost: a sort an epoch.

    >>> plan = Importance(4, batch_size=2)
    >>> plan.learn(torch.tensor([0]), torch.tensor([9.0]))
    >>> round(float((plan.probabilities() * plan.weights(torch.arange(4))).sum()), 6)  # weighted draws count as records do
    1.0
    """

    def __init__(self, size: int, batch_size: int = 32, *, smoothing: float = 0.2, memory: float = 0.5, num_samples: int | None = None) -> None:
        if not 0 < smoothing <= 1 or not 0 <= memory < 1 or size < 1 or batch_size < 1:
            raise ValueError(
                f"size={size}, batch_size={batch_size}, smoothing={smoothing}, memory={memory}: expected sizes from 1 on, smoothing in (0, 1],"
                " memory in [0, 1)"
            )
        self.size, self.batch_size, self.smoothing, self.memory, self.num_samples = size, batch_size, smoothing, memory, num_samples
        self.used = torch.ones(size, dtype=torch.float64)  # what this epoch is drawn by
        self.learned = self.used.clone()
        self.epoch: int | None = None

    def learn(self, index: Int[Tensor, " b"], scores: Float[Tensor, " b"]) -> None:
        """Note scores of some records; they count from the next epoch on."""
        new = scores.detach().double().cpu()
        if not bool(torch.isfinite(new).all()) or (len(new) and float(new.min()) < 0):
            raise ValueError("Scores must be finite and not negative: losses per record, or norms of gradients")
        rows = index.cpu()
        self.learned[rows] = self.memory * self.learned[rows] + (1 - self.memory) * new

    def probabilities(self) -> Float[Tensor, " n"]:
        """p of the epoch under way."""
        total = self.used.sum()
        uneven = self.used / total if float(total) > 0 else torch.full_like(self.used, 1 / self.size)
        return (1 - self.smoothing) * uneven + self.smoothing / self.size

    def weights(self, index: Int[Tensor, " b"]) -> Float[Tensor, " b"]:
        """1 / (n p) of the records of a batch."""
        return (1 / (self.size * self.probabilities()[index.cpu()])).float()

    def batches(self, size: int, seed: int, epoch: int) -> Sequence[Tensor]:
        if size != self.size:
            raise ValueError(f"This plan is for {self.size} records; the source has {size}")
        if self.epoch != epoch:
            self.used, self.epoch = self.learned.clone(), epoch
        return drawn(self.probabilities(), self.num_samples, True, seed, epoch).split(self.batch_size)

    def describe(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("size", "batch_size", "smoothing", "memory", "num_samples")}

    def state_dict(self) -> dict[str, Any]:
        return {"used": self.used.clone(), "learned": self.learned.clone(), "epoch": self.epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.used, self.learned, self.epoch = state["used"].clone(), state["learned"].clone(), state["epoch"]
