"""Cross validation: which records are held out in turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from weft.data.keyed import shuffled
from weft.data.labels import name_of


def folds(
    size: int,
    count: int = 5,
    *,
    labels: Sequence[Any] | None = None,
    groups: Sequence[Any] | None = None,
    ordered: bool = False,
    seed: int | None = None,
) -> list[tuple[Int[Tensor, " a"], Int[Tensor, " b"]]]:
    """(training, held-out) record numbers of ``count`` folds; every record is held out once (``ordered``: nearly).

    Blocks in the given order; with ``labels`` each class is spread evenly; with ``groups`` (patients, pages) a group is never divided and
    folds are filled from the largest group on; ``ordered`` trains only on what comes before the held-out block, and holds out equal blocks.
    ``seed`` shuffles first. Raises ValueError for fewer than two folds, more folds than records, groups, or records of the largest class,
    a length that does not fit, and for what cannot be combined.

    Use for out-of-fold probabilities (``label_errors``) and for data too few to hold out; instead of it, ``split_by_hash`` for a test set that
    stays. Cost: ``count`` trainings.

    >>> [held.tolist() for _, held in folds(5, 2)]
    [[0, 1, 2], [3, 4]]
    """
    if sum((labels is not None, groups is not None, ordered)) > 1 or (ordered and seed is not None):
        raise ValueError("labels, groups and ordered exclude each other, and what is ordered is not shuffled; choose one")
    for name, given in (("labels", labels), ("groups", groups)):
        if given is not None and len(given) != size:
            raise ValueError(f"{size} records came with {len(given)} {name}")
    if not 2 <= count <= size:
        raise ValueError(f"{count} folds of {size} records; expected at least 2, and no more than there are records")
    if ordered:
        return _ordered(size, count)
    order: Any = np.arange(size) if seed is None else shuffled(size, seed, 0).numpy()
    if labels is not None:
        fold = _stratified([name_of(labels[i]) for i in order], count)
    elif groups is not None:
        fold = _grouped([str(groups[i]) for i in order], count)
    else:
        fold = np.repeat(np.arange(count), [size // count + (i < size % count) for i in range(count)])
    where = np.empty(size, np.int64)
    where[order] = fold
    return [(torch.from_numpy(np.flatnonzero(where != i)), torch.from_numpy(np.flatnonzero(where == i))) for i in range(count)]


def _stratified(names: list[str], count: int) -> np.ndarray:
    """The fold of each record: class sizes in the folds differ by at most one, and so do the folds."""
    classes = {name: i for i, name in enumerate(dict.fromkeys(names))}
    numbers = np.array([classes[name] for name in names])
    if np.bincount(numbers).max() < count:
        raise ValueError(f"The largest class has {np.bincount(numbers).max()} records, fewer than the {count} folds")
    sorted_numbers = np.sort(numbers)
    share = np.array([np.bincount(sorted_numbers[i::count], minlength=len(classes)) for i in range(count)])
    fold = np.empty(len(numbers), np.int64)
    for each in range(len(classes)):
        fold[numbers == each] = np.repeat(np.arange(count), share[:, each])
    return fold


def _grouped(names: list[str], count: int) -> np.ndarray:
    """The fold of each record: groups from the largest on, each into the lightest fold."""
    groups = {name: i for i, name in enumerate(dict.fromkeys(names))}  # in the order in which they come, which a shuffle changes
    members = np.array([groups[name] for name in names])
    sizes = np.bincount(members)
    if len(groups) < count:
        raise ValueError(f"There are {len(groups)} groups, fewer than the {count} folds")
    weight, of_group = np.zeros(count), np.empty(len(groups), np.int64)
    for group in np.argsort(-sizes, kind="stable"):
        lightest = int(weight.argmin())
        weight[lightest] += sizes[group]
        of_group[group] = lightest
    return of_group[members]


def _ordered(size: int, count: int) -> list[tuple[Tensor, Tensor]]:
    block = size // (count + 1)
    if not block:
        raise ValueError(f"{count} ordered folds of {size} records; expected more records than folds")
    starts = range(size - count * block, size, block)
    return [(torch.arange(start), torch.arange(start, start + block)) for start in starts]
