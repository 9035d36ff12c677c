"""Class names: label to number, prediction to names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from weft._lazy import hint


def name_of(label: Any) -> str:
    """The class name of a label: text as it is, 3 and 3.0 and a tensor of 3 are all "3".

    >>> name_of(3.0), name_of(True), name_of("cat")
    ('3', 'True', 'cat')
    """
    value = label.item() if hasattr(label, "item") else label
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)


def classes_of(labels: Iterable[Any]) -> tuple[str, ...]:
    """The class names of labels: numbers in their order, text in alphabetical order.

    Raises ValueError for fewer than two classes.

    >>> classes_of([10, 9, 10])
    ('9', '10')
    """
    values = {name_of(label): label.item() if hasattr(label, "item") else label for label in labels}
    numbers = all(isinstance(value, (int, float)) for value in values.values())
    names = sorted(values, key=lambda name: values[name]) if numbers else sorted(values)
    if len(names) < 2:
        raise ValueError(f"The labels hold {len(names)} class ({', '.join(map(repr, names)) or 'none'}); a classifier needs at least two")
    return tuple(names)


def target_of(label: Any, classes: Sequence[str]) -> Tensor:
    """The number of a label as an int64 scalar; raises ValueError for a class that training did not have."""
    name = name_of(label)
    try:
        return torch.tensor(classes.index(name))
    except ValueError:
        raise ValueError(f"Class {name!r} was not among the training classes. {hint(name, classes)}") from None


def decode_classes(prediction: dict[str, Tensor], classes: Sequence[str]) -> list[dict[str, Any]]:
    """``{"label", "score", "scores"}`` of logits (B, C), or of (B,) or (B, 1) logits of the second of two classes.

    >>> decode_classes({"output": torch.tensor([[0.0, 0.0, 50.0]])}, ["a", "b", "c"])
    [{'label': 'c', 'score': 1.0, 'scores': {'a': 0.0, 'b': 0.0, 'c': 1.0}}]
    """
    logits = prediction["output"].detach().float().cpu()
    if len(classes) == 2 and (logits.ndim == 1 or logits.shape[1:] == (1,)):
        logits = torch.stack([torch.zeros(len(logits)), logits.reshape(-1)], 1)
    if logits.ndim != 2 or logits.shape[1] != len(classes):
        raise ValueError(f"The network's output has shape {tuple(logits.shape)}; expected (B, {len(classes)}), one logit per class")
    records = []
    for row in logits.softmax(1):
        scores = {name: round(p, 6) for name, p in zip(classes, row.tolist(), strict=True)}
        best = classes[int(row.argmax())]
        records.append({"label": best, "score": scores[best], "scores": scores})
    return records


def targets_of(labels: Iterable[Any], classes: Sequence[str]) -> Tensor:
    """Several labels as a float32 row, 1 at each of them; raises ValueError for a text in place of a list and for an unknown class.

    >>> targets_of(["b", "c"], ["a", "b", "c"])
    tensor([0., 1., 1.])
    """
    if isinstance(labels, str):
        raise ValueError(f"{labels!r} is one text; several labels are a list, such as ['sports', 'news']")
    row = torch.zeros(len(classes))
    for label in labels:
        row[target_of(label, classes)] = 1.0
    return row


def decode_labels(prediction: dict[str, Tensor], classes: Sequence[str], threshold: float = 0.5) -> list[dict[str, Any]]:
    """``{"labels", "scores"}`` of logits (B, C), each class on its own: those whose probability reaches ``threshold``.

    >>> decode_labels({"output": torch.tensor([[9.0, -9.0, 9.0]])}, ["a", "b", "c"])[0]["labels"]
    ['a', 'c']
    """
    logits = prediction["output"].detach().float().cpu()
    if logits.ndim != 2 or logits.shape[1] != len(classes):
        raise ValueError(f"The network's output has shape {tuple(logits.shape)}; expected (B, {len(classes)}), one logit per class")
    scores = [{name: round(p, 6) for name, p in zip(classes, row, strict=True)} for row in logits.sigmoid().tolist()]
    return [{"labels": [name for name, p in each.items() if p >= threshold], "scores": each} for each in scores]
