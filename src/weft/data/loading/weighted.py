"""Drawing some records more often than others: by weight, by class, by domain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from weft.data.keyed import uniform
from weft.data.loading.fingerprint import fingerprint

DRAWS = 0x5EED  # keeps these numbers apart from those that order records and augment them


@dataclass(frozen=True, eq=False)
class Weighted:
    """Batches of records drawn with probability proportional to their weights.

    P(i) = w_i / sum(w). With ``replacement`` (default) ``num_samples`` independent draws (default: as many as records), else a random
    subset of that size in which heavier records come earlier and surer (Efraimidis and Spirakis, 2006, doi:10.1016/j.ipl.2005.11.003).
    Errors: ``ValueError`` for a weight that is negative or not finite, for weights that sum to nothing, for a length other than the source's.
    Use when some records should count more often; instead of it, ``class_weights`` in the loss, which draws nothing twice. Cost: a sort.

    >>> plan = Weighted([0.0, 1.0, 1.0], batch_size=2)
    >>> sum((batch.tolist() for batch in plan.batches(3, seed=0, epoch=0)), []).count(0)
    0
    """

    weights: Sequence[float] | Tensor
    batch_size: int = 32
    num_samples: int | None = None
    replacement: bool = True

    def __post_init__(self) -> None:
        w = torch.as_tensor(self.weights, dtype=torch.float64)
        if w.ndim != 1 or not len(w) or not bool(torch.isfinite(w).all()) or float(w.min()) < 0 or float(w.sum()) == 0:
            raise ValueError(f"Weights must be finite numbers, none negative, not all 0; got {w.tolist()[:5]} of {tuple(w.shape)}")
        object.__setattr__(self, "weights", w)
        positive = int((w > 0).sum())
        if not self.replacement and self.num_samples is not None and self.num_samples > positive:
            raise ValueError(f"{self.num_samples} samples without replacement from {positive} records of positive weight; draw fewer")
        if self.batch_size < 1 or (self.num_samples is not None and self.num_samples < 1):
            raise ValueError(f"batch_size={self.batch_size}, num_samples={self.num_samples}; expected at least 1")

    def batches(self, size: int, seed: int, epoch: int) -> Sequence[Tensor]:
        w: Any = self.weights
        if len(w) != size:
            raise ValueError(f"{len(w)} weights for {size} records; give one for each")
        return drawn(w, self.num_samples, self.replacement, seed, epoch).split(self.batch_size)

    def describe(self) -> dict[str, Any]:
        return {
            "weights": fingerprint(self.weights), "batch_size": self.batch_size, "num_samples": self.num_samples, "replacement": self.replacement,
        }  # fmt: skip


def drawn(w: Float[Tensor, " n"], num_samples: int | None, replacement: bool, seed: int, epoch: int) -> Int[Tensor, " m"]:
    """Record numbers drawn by weight, keyed by seed and epoch."""
    if replacement:
        total = w.cumsum(0)
        points = uniform(num_samples or len(w), seed, epoch, DRAWS) * total[-1]
        return torch.searchsorted(total, points, right=True).clamp(max=int((w > 0).nonzero()[-1]))
    lateness = -uniform(len(w), seed, epoch, DRAWS).clamp(min=2.0**-53).log() / w  # an exponential clock each: the heavy ring first
    return lateness.argsort(stable=True)[: num_samples if num_samples is not None else int((w > 0).sum())]


def inverse_frequency(labels: Sequence[Any] | Tensor, power: float = 1.0) -> Float[Tensor, " n"]:
    """A weight 1 / count(label)^power for each record: with ``power=1`` every class is drawn equally often, with 0 none is favoured.

    Labels may be anything that can be counted: text, negative numbers; a class that is absent takes no part. A record with several labels (a
    list, tuple or set, or a row of a boolean (n, classes) table) weighs as the mean of theirs, so that a rare one lifts it; then classes come
    more alike, not equally often, since they come together. One without labels weighs as if having none were a class of its own.

    >>> inverse_frequency(["a", "a", "b"]).tolist()
    [0.5, 0.5, 1.0]
    >>> inverse_frequency([["a"], ["a", "b"]]).tolist()
    [0.5, 0.75]
    """
    if isinstance(labels, Tensor) and labels.ndim == 2:
        if labels.dtype != torch.bool:
            raise ValueError(f"Several labels a record are a boolean table (n, classes); got {labels.dtype} of shape {tuple(labels.shape)}")
        labels = [row.nonzero()[:, 0].tolist() for row in labels]
    names = labels.tolist() if isinstance(labels, Tensor) else list(labels)
    if any(isinstance(name, list | tuple | set | frozenset) for name in names):
        sets = [set(name) if isinstance(name, list | tuple | set | frozenset) else {name} for name in names]
        several = Counter(label for labels_of in sets for label in labels_of) | Counter({None: sum(not labels_of for labels_of in sets)})
        shares = [[float(several[label]) ** -power for label in labels_of or {None}] for labels_of in sets]
        return torch.tensor([sum(each) / len(each) for each in shares], dtype=torch.float64)
    counts = Counter(names)
    return torch.tensor([float(counts[name]) ** -power for name in names], dtype=torch.float64)


def domain_weights(domains: Sequence[Hashable], shares: Mapping[Any, float] | None = None, *, temperature: float = 1.0) -> Float[Tensor, " n"]:
    """A weight for each record so that domains are drawn by ``shares``, or by count^(1 / temperature): 1 as they are, large: all alike.

    Errors: ``ValueError`` for a domain without a share, a share without records, or a temperature that is not positive.

    >>> domain_weights(["web", "web", "book"], {"web": 0.5, "book": 0.5}).tolist()
    [0.25, 0.25, 0.5]
    """
    counts = Counter(domains)
    if temperature <= 0:
        raise ValueError(f"temperature={temperature}; expected more than 0")
    wanted = dict(shares) if shares is not None else {name: n ** (1 / temperature) for name, n in counts.items()}
    if wanted.keys() != counts.keys():
        raise ValueError(f"Shares are given for {sorted(map(str, wanted))}; the records are of {sorted(map(str, counts))}")
    return torch.tensor([wanted[name] / counts[name] for name in domains], dtype=torch.float64)

