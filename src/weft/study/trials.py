"""The same training again: over seeds, over folds; what is done is kept."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from weft.data.folds import folds
from weft.data.state_files import write_bytes
from weft.study.spread import Spread, spread

Measured = Mapping[str, float]


@dataclass(frozen=True)
class Trials:
    """What each trial measured, by its name, and the spread of every metric over them; printed, a table."""

    values: dict[str, dict[str, float]]
    spreads: dict[str, Spread]

    def __getitem__(self, metric: str) -> list[float]:
        """The values of one metric, in the order of the trials."""
        return [measured[metric] for measured in self.values.values()]

    def __str__(self) -> str:
        names = list(self.spreads)
        rows = [["", *names], *[[trial, *(f"{measured[name]:.4g}" for name in names)] for trial, measured in self.values.items()]]
        rows.append(["all", *(str(self.spreads[name]) for name in names)])
        widths = [max(len(row[i]) for row in rows) for i in range(len(names) + 1)]
        return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def over_seeds(
    train: Callable[[int], Measured], seeds: int | Sequence[int] = 5, *, folder: str | Path | None = None, confidence: float = 0.95
) -> Trials:
    """Call ``train(seed)`` for every seed and give mean, standard deviation and interval of each metric.

    ``seeds``: how many (0, 1, ...), or which. With ``folder`` each result is written down as it comes, and a second call goes on where the first
    was interrupted.

    Errors: ``ValueError`` for no seeds, seeds named twice, or trials that measure different things.
    Use before a difference of two settings is believed: one seed says little. Cost: that many trainings.

    >>> print(over_seeds(lambda seed: {"accuracy": 0.9 + 0.01 * seed}, 3))
           accuracy
    seed 0  0.9
    seed 1  0.91
    seed 2  0.92
    all     0.91 ± 0.01 [0.8852, 0.9348]
    """
    numbers = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    if not numbers or len(set(numbers)) < len(numbers):
        raise ValueError(f"over_seeds(seeds={seeds}): expected at least one seed, each once.")
    return _gathered({f"seed {number}": lambda number=number: train(number) for number in numbers}, folder, confidence)


def cross_validate(
    train: Callable[[Tensor, Tensor, int], Measured],
    size: int,
    count: int = 5,
    *,
    parts: Iterable[tuple[Tensor, Tensor]] | None = None,
    folder: str | Path | None = None,
    confidence: float = 0.95,
) -> Trials:
    """Call ``train(training records, held-out records, fold)`` for each of ``count`` folds; every record is held out once.

    ``parts``: folds of your own, such as ``weft.data.folds(size, count, labels=...)`` with classes, groups or time; by default blocks of shuffled
    records. The interval takes folds for independent, which they are not quite: it is somewhat too narrow.

    Errors: as ``over_seeds`` and ``weft.data.folds``.
    Paper: Bengio and Grandvalet, 2004 (no unbiased estimate of the variance exists). Use for data too few to hold out; cost: ``count`` trainings.

    >>> print(cross_validate(lambda train, held, fold: {"held": float(len(held))}, 10, 2))
            held
    fold 0  5
    fold 1  5
    all     5 ± 0 [5, 5]
    """
    cut = list(parts) if parts is not None else folds(size, count, seed=0)
    trials = {f"fold {i}": lambda i=i, one=one: train(one[0], one[1], i) for i, one in enumerate(cut)}
    return _gathered(trials, folder, confidence)


def _gathered(trials: Mapping[str, Callable[[], Measured]], folder: str | Path | None, confidence: float) -> Trials:
    values: dict[str, dict[str, float]] = {}
    if folder is not None:
        Path(folder).mkdir(parents=True, exist_ok=True)
    for name, trial in trials.items():
        file = None if folder is None else Path(folder) / f"{name.replace(' ', '-')}.json"
        if file is not None and file.is_file():
            measured: dict[str, float] = json.loads(file.read_text(encoding="utf-8"))
        else:
            measured = {metric: float(value) for metric, value in trial().items()}
            if file is not None:
                write_bytes(file, json.dumps(measured, indent=2).encode())
        first = next(iter(values.values()), measured)
        if not measured or set(measured) != set(first):
            raise ValueError(f"{name} measured {sorted(measured)}, the first trial {sorted(first)}; every trial measures the same, and something.")
        values[name] = measured
    metrics = list(next(iter(values.values())))
    return Trials(values, {metric: spread([measured[metric] for measured in values.values()], confidence) for metric in metrics})


def failed(trials: Trials) -> list[str]:
    """The trials that measured something that is no number.

    >>> failed(Trials({"seed 0": {"loss": math.nan}}, {}))
    ['seed 0']
    """
    return [name for name, measured in trials.values.items() if not all(math.isfinite(value) for value in measured.values())]
