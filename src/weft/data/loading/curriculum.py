"""From easy to hard: which records take part in which epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from weft.data.keyed import hashed
from weft.data.loading.fingerprint import fingerprint

PACES = ("linear", "root", "step", "exponential")


@dataclass(frozen=True, eq=False)
class Curriculum:
    """In epoch e only the easiest share g(e) of the records takes part, shuffled; from epoch ``epochs`` on all do.

    g goes from ``start`` to 1 with t = min(1, e / epochs): linear start + (1 - start) t; root sqrt(start² + (1 - start²) t);
    exponential start^(1 - t); step: ``stages`` equal stages. At least one batch takes part. ``hard_share`` gives that part of every batch to
    the hardest of those allowed, so that neither easy nor hard ones are missed; ``reverse`` begins with the hardest.
    Errors: ``ValueError`` for scores that are not finite or fewer than the records, or shares outside (0, 1].
    Paper: Bengio et al., 2009, doi:10.1145/1553374.1553380; root: Platanios et al., 2019, arXiv:1903.09848.
    Use when hard records disturb the beginning; instead of it, plain shuffling, which is often as good. Cost: a sort.

    >>> plan = Curriculum([0.1, 0.9, 0.2, 0.8], batch_size=2, epochs=4, start=0.5)
    >>> sorted(i for batch in plan.batches(4, seed=0, epoch=0) for i in batch.tolist())
    [0, 2]
    """

    difficulty: Sequence[float] | Tensor
    batch_size: int = 32
    epochs: int = 10
    start: float = 0.2
    pace: str = "linear"
    stages: int = 4
    hard_share: float = 0.0
    reverse: bool = False

    def __post_init__(self) -> None:
        scores = torch.as_tensor(self.difficulty, dtype=torch.float64)
        if scores.ndim != 1 or not bool(torch.isfinite(scores).all()):
            raise ValueError(f"Difficulty is one finite number for each record; got shape {tuple(scores.shape)} with NaN or infinity, or not a list")
        object.__setattr__(self, "difficulty", scores)
        if self.pace not in PACES:
            raise ValueError(f"pace={self.pace!r}; expected one of {', '.join(PACES)}")
        if not 0 < self.start <= 1 or not 0 <= self.hard_share < 1 or min(self.batch_size, self.epochs, self.stages) < 1:
            raise ValueError(
                f"start={self.start}, hard_share={self.hard_share}, batch_size={self.batch_size}, epochs={self.epochs}, stages={self.stages}:"
                " expected start in (0, 1], hard_share in [0, 1), the others at least 1"
            )

    def share(self, epoch: int) -> float:
        """The share of the records that takes part in an epoch."""
        t = min(1.0, epoch / self.epochs)
        if self.pace == "root":
            return math.sqrt(self.start**2 + (1 - self.start**2) * t)
        if self.pace == "exponential":
            return self.start ** (1 - t)
        if self.pace == "step":
            t = math.floor(t * self.stages) / self.stages
        return self.start + (1 - self.start) * t

    def batches(self, size: int, seed: int, epoch: int) -> Sequence[Tensor]:
        scores: Any = self.difficulty
        if len(scores) != size:
            raise ValueError(f"{len(scores)} difficulties for {size} records; give one for each")
        allowed = scores.argsort(stable=True, descending=self.reverse)[: max(min(self.batch_size, size), round(size * self.share(epoch)))]
        hard = round(len(allowed) * self.hard_share)
        easy_part, hard_part = (mixed(part, seed, epoch) for part in (allowed[: len(allowed) - hard], allowed[len(allowed) - hard :]))
        if not hard:
            return easy_part.split(self.batch_size)
        places = [(torch.arange(len(part)) + 0.5) / len(part) for part in (easy_part, hard_part)]
        return torch.cat([easy_part, hard_part])[torch.cat(places).argsort(stable=True)].split(self.batch_size)

    def describe(self) -> dict[str, Any]:
        names = ("batch_size", "epochs", "start", "pace", "stages", "hard_share", "reverse")
        return {"difficulty": fingerprint(self.difficulty)} | {name: getattr(self, name) for name in names}


def mixed(rows: Tensor, seed: int, epoch: int) -> Tensor:
    """The rows in an order keyed by their numbers."""
    return rows[hashed(seed, epoch, rows).argsort(stable=True)] if len(rows) else rows
