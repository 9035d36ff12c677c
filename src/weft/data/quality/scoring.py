"""One score of quality a record, from several signals, and who stays by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from weft.data.quality.findings import Problem


@dataclass(frozen=True)
class Quality:
    """What ``quality_scores`` made: ``score`` (n,) in [0, 1], high is good; ``parts`` the signals on that scale; ``worst`` (n,) the number of the
    signal in ``names`` that costs each record most."""

    score: Float[Tensor, " n"]
    parts: Float[Tensor, "n s"]
    names: tuple[str, ...]
    worst: Int[Tensor, " n"]

    def keep(self, *, threshold: float | None = None, best: int | None = None) -> Int[Tensor, " k"]:
        """The records of at least this score, or the ``best`` so many (equal ones in their order), by number; nothing is moved or changed.

        Raises ValueError unless exactly one of the two is given.
        """
        if (threshold is None) == (best is None):
            raise ValueError(f"threshold={threshold}, best={best}; give one of the two")
        if threshold is not None:
            return (self.score >= threshold).nonzero()[:, 0]
        return self.score.argsort(descending=True, stable=True)[:best].sort().values

    def problems(self, kept: Int[Tensor, " k"], files: Sequence[str]) -> list[Problem]:
        """A problem for each record that was not kept, worst first: what ``quarantine`` takes; ``files`` names the records.

        Raises ValueError for another number of names than records.
        """
        if len(files) != len(self.score):
            raise ValueError(f"{len(files)} names for {len(self.score)} records; give one for each")
        gone = torch.ones(len(self.score), dtype=torch.bool)
        gone[kept] = False
        rows = [i for i in self.score.argsort(stable=True).tolist() if gone[i]]
        reasons = {i: f"score {self.score[i]:.3f}, mostly for {self.names[int(self.worst[i])]}" for i in rows}
        return [Problem("low quality", reason, file=str(files[i])) for i, reason in reasons.items()]


def quality_scores(
    signals: Mapping[str, Float[Tensor, " n"]], weights: Mapping[str, float] | None = None, *, low_is_good: Sequence[str] = ()
) -> Quality:
    """One score a record: the weighted mean of its signals' ranks, each rank the share of records that are worse (equal ones count half).

    Ranks make signals of any unit comparable and outliers harmless. Signals may be rules (1 passed, 0 failed), measures (sharpness, length),
    or a model's (label quality, minus outlier score); those named in ``low_is_good`` are turned round. NaN is unknown: the signal is left out of
    that record's mean. Raises ValueError for no signals, other lengths, negative weights, unknown names, and a record without any signal.

    Use to look at the worst first and to drop a part; what is dropped can go to ``quarantine`` and come back. Cost: a sort a signal.

    >>> found = quality_scores({"sharp": torch.tensor([3.0, 1.0, 2.0]), "errors": torch.tensor([0.0, 5.0, 0.0])}, low_is_good=["errors"])
    >>> found.keep(best=2).tolist(), [found.names[i] for i in found.worst]
    ([0, 2], ['errors', 'sharp', 'sharp'])
    """
    sizes = {name: len(values) for name, values in signals.items()}
    strange = sorted(({*(weights or {}), *low_is_good}) - signals.keys())
    if not signals or len(set(sizes.values())) > 1 or strange:
        no_such = f"There is no signal {strange[0]!r} among {sorted(sizes)}" if strange else ""
        raise ValueError(no_such or f"Signals are of equal length, at least one; got {sizes}")
    shares = torch.tensor([1.0 if weights is None else float(weights.get(name, 0.0)) for name in signals], dtype=torch.float64)
    if float(shares.min()) < 0 or float(shares.sum()) == 0:
        raise ValueError(f"Weights are not negative and not all 0; got {weights}")
    parts = torch.stack([ranks(-values if name in low_is_good else values) for name, values in signals.items()], 1)
    known = parts.isfinite() * shares
    unknown = (known.sum(1) == 0).nonzero()[:, 0]
    if len(unknown):
        raise ValueError(f"Record {int(unknown[0])} has no signal at all; give it one, or leave it out")
    score = (parts.nan_to_num() * known).sum(1) / known.sum(1)
    return Quality(score, parts, tuple(signals), ((1 - parts.nan_to_num(1.0)) * known).argmax(1))


def ranks(values: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """The share of known values that are smaller, equal ones counting half; NaN stays."""
    x = values.detach().cpu().double()
    known = x[~x.isnan()].sort().values
    below, upto = torch.searchsorted(known, x), torch.searchsorted(known, x, right=True)
    made = (below + (upto - below - 1) / 2) / max(1, len(known) - 1)
    return torch.where(x.isnan(), torch.nan, made if len(known) > 1 else torch.ones_like(x))
