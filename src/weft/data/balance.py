"""Weights against unequal classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from weft.data.labels import classes_of, name_of


def class_weights(labels: Iterable[Any], classes: Sequence[Any] | int | None = None) -> Float[Tensor, " c"]:
    """n / (C n_c): the weight of class c among C that occur, so that classes count alike and the mean weight over records is 1.

    ``classes`` gives the order (names, or a number for 0 … C - 1); default: as a codec orders them. A class without records gets 0.
    Raises ValueError for a label that is not among the classes, and for no labels.

    Paper: King and Zeng, 2001, doi:10.1093/oxfordjournals.pan.a004868.
    Use when rare classes matter as much as common ones; cost: probabilities are no longer calibrated to the data.

    >>> class_weights(["a", "b", "b", "b"])
    tensor([2.0000, 0.6667])
    """
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
    total = sum(counts.values())
    return torch.tensor([total / (len(counts) * counts[name]) if counts[name] else 0.0 for name in names])
