"""Weights against unequal classes."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from weft.data.labels import classes_of, name_of

SCHEMES = ("inverse", "effective", "median")


def class_weights(
    labels: Iterable[Any], classes: Sequence[Any] | int | None = None, *, scheme: str = "inverse", beta: float = 0.999
) -> Float[Tensor, " c"]:
    """A weight for each class, so that classes count more alike; the mean weight over records is 1 (``median``: the median class has 1).

    Of n records in C classes that occur, class c with n_c records gets, up to a common factor:
    ``inverse``: n / (C n_c); ``effective``: (1 - beta) / (1 - beta^n_c), between no weights (beta = 0) and inverse ones (beta -> 1);
    ``median``: median(n) / n_c, not scaled further.
    ``classes`` gives the order (names, or a number for 0 … C - 1); default: as a codec orders them. A class without records gets 0.
    Raises ValueError for a label that is not among the classes, for no labels, for an unknown scheme and a beta outside [0, 1).

    Paper: King and Zeng, 2001, doi:10.1093/oxfordjournals.pan.a004868; effective number: Cui et al., 2019, arXiv:1901.05555; median
    frequency: Eigen and Fergus, 2015, arXiv:1411.4734.
    Use when rare classes matter as much as common ones; ``effective`` when classes are so rare that inverse weights would be huge. Cost:
    probabilities are no longer calibrated to the data.

    >>> class_weights(["a", "b", "b", "b"])
    tensor([2.0000, 0.6667])
    """
    if scheme not in SCHEMES or not 0 <= beta < 1:
        raise ValueError(f"scheme={scheme!r}, beta={beta}; expected one of {', '.join(SCHEMES)} and 0 <= beta < 1")
    counts = Counter(name_of(label) for label in labels)
    if not counts:
        raise ValueError("There are no labels to weigh")
    if classes is None:
        names: Sequence[str] = classes_of(counts) if not all(name.lstrip("-").isdigit() for name in counts) else classes_of(map(int, counts))
    else:
        names = [name_of(c) for c in (range(classes) if isinstance(classes, int) else classes)]
    strange = sorted(counts.keys() - set(names))
    if strange:
        raise ValueError(f"The label {strange[0]!r} is not among the classes {list(names)[:10]}")
    middle = statistics.median(counts.values())
    raw = {"inverse": lambda n: 1 / n, "effective": lambda n: (1 - beta) / (1 - beta**n), "median": lambda n: middle / n}[scheme]
    total = sum(counts.values())
    scale = 1.0 if scheme == "median" else total / sum(raw(n) * n for n in counts.values())
    return torch.tensor([raw(counts[name]) * scale if counts[name] else 0.0 for name in names])


def imbalance_advice(counts: Mapping[str, int]) -> list[str]:
    """What to do about classes of these sizes: nothing, weights, or more data.

    >>> imbalance_advice({"a": 10, "b": 12})
    []
    >>> imbalance_advice({"a": 1000, "b": 100})[0]
    'Classes are unequal (1,000 to 100): stratify the split, and give the loss class_weights(labels).'
    """
    present = {name: n for name, n in counts.items() if n > 0}
    if not present:
        return []
    rare = min(present, key=lambda name: present[name])
    most, least = max(present.values()), present[rare]
    said = []
    if most > 100 * least:
        said.append(
            f"Classes are very unequal ({most:,} to {least:,}): stratify the split, weigh with class_weights(labels, scheme='effective') or draw "
            "balanced batches, and judge by balanced accuracy or per class, never by accuracy alone."
        )
    elif most > 3 * least:
        said.append(f"Classes are unequal ({most:,} to {least:,}): stratify the split, and give the loss class_weights(labels).")
    if least < 10:
        few = [name for name, n in present.items() if n < 10]
        shown = ", ".join(map(repr, few[:5])) + (" …" if len(few) > 5 else "")
        said.append(f"{len(few)} of {len(present)} classes have fewer than 10 records ({shown}): too few to split; collect more or join classes.")
    return said
