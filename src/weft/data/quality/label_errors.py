"""Which labels are probably wrong, by confident learning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

METHODS = ("count", "confusion")


@dataclass(frozen=True)
class LabelErrors:
    """What ``label_errors`` found.

    ``indices`` the suspected records (K,), worst first; ``quality`` (N,) the score of every label, low is bad; ``suggested`` (N,) the class
    that the probabilities favour; ``joint`` (C, C) the estimated joint distribution of given and true labels; ``noise`` its off-diagonal mass.
    """

    indices: Int[Tensor, " k"]
    quality: Float[Tensor, " n"]
    suggested: Int[Tensor, " n"]
    joint: Float[Tensor, "c c"]

    @property
    def noise(self) -> float:
        """The estimated share of wrong labels."""
        return float(1 - self.joint.diagonal().sum())


def label_errors(labels: Int[Tensor, " n"], probabilities: Float[Tensor, "n c"], *, method: str = "count") -> LabelErrors:
    """Records whose label the probabilities contradict with confidence.

    A record counts for class j when its probability of j reaches the mean probability of j among records labelled j (of several such
    classes the most probable one). Counts by (given, counted) make the confident joint; scaled to the class sizes and divided by N it
    estimates the joint distribution of given and true labels. ``count`` picks from each cell (i, j) the N joint[i, j] records with the
    largest margin p_j - p_i, among those whose label is not the most probable class; ``confusion`` picks what counts for another class than
    given. ``quality`` is the margin (p_given - largest other + 1) / 2.
    Probabilities (N, C) must be out of fold: of a model that did not see the record (``folds`` cuts them). Raises ValueError for labels
    outside 0 … C - 1, a class without records, rows that do not sum to 1, and for probabilities that are plainly not of held-out data
    (each label has probability above 0.999).

    Paper: Northcutt, Jiang, Chuang, 2021, arXiv:1911.00068.
    Use when labels were given by hand or by rule; instead of it, ``cohen_kappa`` where several people labelled the same records. Cost: cross
    validation of a model, then O(N C).

    >>> labels = torch.tensor([0, 0, 0, 1, 1, 1])
    >>> p = torch.tensor([0.9, 0.8, 0.1, 0.2, 0.1, 0.1])
    >>> label_errors(labels, torch.stack([p, 1 - p], 1)).indices
    tensor([2])
    """
    if method not in METHODS:
        raise ValueError(f"method={method!r}; expected one of {', '.join(METHODS)}")
    given, p = labels.cpu().numpy(), probabilities.detach().cpu().double().numpy()
    checked(given, p)
    size, classes = p.shape
    counts = np.bincount(given, minlength=classes)
    thresholds = np.bincount(given, p[np.arange(size), given], minlength=classes) / counts
    confident = p >= thresholds - 1e-6
    counted = np.where(confident.any(1), np.where(confident, p, -1).argmax(1), -1)
    pairs = np.zeros((classes, classes))
    np.add.at(pairs, (given[counted >= 0], counted[counted >= 0]), 1)
    # each class has at least its own diagonal; rows are scaled to the class sizes, so that unconfident records are shared out alike
    np.fill_diagonal(pairs, np.maximum(pairs.diagonal(), 1))
    joint = pairs / pairs.sum(1, keepdims=True) * counts[:, None] / size
    if method == "confusion":
        picked = (counted >= 0) & (counted != given)
    else:
        picked = noisiest(given, p, joint, counts) & (p.argmax(1) != given)
    own = p[np.arange(size), given]
    others = p.copy()
    others[np.arange(size), given] = -1
    quality = (own - others.max(1) + 1) / 2
    indices = np.flatnonzero(picked)
    order = indices[np.argsort(quality[indices], kind="stable")]
    return LabelErrors(torch.from_numpy(order), torch.from_numpy(quality).float(), torch.from_numpy(p.argmax(1)), torch.from_numpy(joint).float())


def noisiest(given: np.ndarray, p: np.ndarray, joint: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """From each off-diagonal cell of the joint as many records as it says, those of the largest margin; a class keeps at least one record."""
    size, classes = p.shape
    picked = np.zeros(size, dtype=bool)
    for i in range(classes):
        members = np.flatnonzero(given == i)
        for j in range(classes):
            wanted = min(round(float(joint[i, j] * size)), counts[i] - 1)
            if i != j and wanted > 0:
                margin = p[members, j] - p[members, i]
                picked[members[np.argsort(-margin, kind="stable")[:wanted]]] = True
    return picked


def checked(given: np.ndarray, p: np.ndarray) -> None:
    """Raise ValueError for labels and probabilities that do not fit each other."""
    if len(given) != len(p) or not len(p):
        raise ValueError(f"{len(given)} labels came with probabilities of {len(p)} records; expected one row for each label")
    if given.min() < 0 or given.max() >= p.shape[1]:
        raise ValueError(f"Labels go from {given.min()} to {given.max()}; the probabilities have {p.shape[1]} classes, numbered from 0")
    empty = np.flatnonzero(np.bincount(given, minlength=p.shape[1]) == 0)
    if len(empty):
        raise ValueError(f"Class {empty[0]} has no records; leave its column out and number the classes anew")
    if not np.isfinite(p).all() or p.min() < -1e-6 or np.abs(p.sum(1) - 1).max() > 1e-3:
        row = int(np.argmax(~np.isfinite(p).all(1) | (p.min(1) < -1e-6) | (np.abs(p.sum(1) - 1) > 1e-3)))
        raise ValueError(f"Row {row} of the probabilities is {p[row][:5].tolist()}; expected numbers from 0 that sum to 1. Apply a softmax to logits")
    if len(p) > 20 and (p[np.arange(len(p)), given] > 0.999).all():
        raise ValueError("Every label has probability above 0.999: the model has seen these records. Give out-of-fold probabilities (see folds)")
