"""What a method answered on held-out data: the matter of a report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Outcome:
    """Answers beside the truth, in the order in which the data came.

    ``target``: (N,) class numbers, or (N,) / (N, K) values. ``output``: (N, C) logits or probabilities, or values shaped like ``target``.
    ``index``: (N,) where each sample lies in ``source``, whose raw records a report shows. ``classes``: names; with classes it is a classification.
    Raises ValueError when the shapes do not fit.
    """

    target: Tensor
    output: Tensor
    classes: tuple[str, ...] = ()
    index: Tensor | None = None
    source: Any = None
    name: str = "val"
    probabilities: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        target, output = self.target.detach().cpu(), self.output.detach().float().cpu()
        if self.classes:
            if output.dim() == 1 or output.shape[1:] == (1,):  # one logit for two classes
                output = torch.stack([torch.zeros_like(output.reshape(-1)), output.reshape(-1)], dim=1)
            if output.dim() != 2 or output.shape[1] != len(self.classes) or target.shape != output.shape[:1]:
                raise ValueError(
                    f"A classification with {len(self.classes)} classes needs output (N, {len(self.classes)}) and target (N,); "
                    f"got output {tuple(self.output.shape)} and target {tuple(self.target.shape)}."
                )
            target = target.long()
            if len(target) and not (int(target.min()) >= 0 and int(target.max()) < len(self.classes)):
                raise ValueError(f"Targets run from {int(target.min())} to {int(target.max())}, but there are {len(self.classes)} classes.")
        else:
            target = target.float()
            output = output.reshape(target.shape) if output.numel() == target.numel() else output
            if output.shape != target.shape:
                raise ValueError(f"A regression needs output and target of one shape; got {tuple(self.output.shape)} and {tuple(self.target.shape)}.")
        if self.index is not None and len(self.index) != len(target):
            raise ValueError(f"The index has {len(self.index)} entries for {len(target)} samples.")
        object.__setattr__(self, "target", target)
        object.__setattr__(self, "output", output)
        object.__setattr__(self, "probabilities", as_probabilities(output) if self.classes else output)

    @property
    def answer(self) -> Tensor:
        """(N,) the class with the highest output, or the values."""
        return self.output.argmax(1) if self.classes else self.output

    def confusion(self) -> list[list[int]]:
        """Counts, [truth][answer]."""
        size = len(self.classes)
        return torch.bincount(self.target * size + self.answer, minlength=size * size).reshape(size, size).tolist()

    def per_class(self) -> list[dict[str, Any]]:
        """Precision, recall, F1 and support of each class; NaN where nothing was answered or there was nothing to find."""
        counts = torch.tensor(self.confusion(), dtype=torch.float64).reshape(len(self.classes), -1)
        right, truth, answered = counts.diagonal(), counts.sum(1), counts.sum(0)
        precision, recall, f1 = right / answered, right / truth, 2 * right / (truth + answered)
        columns = zip(self.classes, precision.tolist(), recall.tolist(), f1.tolist(), truth.long().tolist(), strict=True)
        return [{"class": name, "precision": p, "recall": r, "f1": f, "support": n} for name, p, r, f, n in columns]

    def worst(self, most: int = 24) -> list[int]:
        """Positions of the worst answers: mistakes by how little the truth was given, or the largest errors."""
        if self.classes:
            given = self.probabilities.gather(1, self.target[:, None]).squeeze(1)
            wrong = (self.answer != self.target).nonzero().squeeze(1)
            return wrong[given[wrong].argsort(stable=True)][:most].tolist()
        errors = (self.output - self.target).abs().reshape(len(self.target), -1).sum(1).nan_to_num(nan=float("inf"))
        return errors.argsort(descending=True, stable=True)[:most].tolist()

    def record(self, position: int) -> Any:
        """The raw record of one sample, or None when it is unknown."""
        if self.source is None or self.index is None:
            return None
        return self.source[int(self.index[position])]


def collect(
    method: Any, data: Iterable[Any], *, classes: Sequence[str] = (), source: Any = None, output: str = "output", name: str = "val"
) -> Outcome:
    """Run ``method.predict`` over ``data`` and keep answers, targets and indices; masked-out samples are left out.

    ``source`` holds the raw records that ``batch["index"]`` counts. Raises ValueError for data without a target or without a batch.
    """
    from weft.data.batch import as_batch

    kept: dict[str, list[Tensor]] = {"output": [], "target": [], "index": []}
    for raw in data:
        batch = as_batch(raw)
        prediction = method.predict(batch)
        if output not in prediction or "target" not in batch:
            raise ValueError(
                f"An outcome needs prediction {output!r} and batch 'target'; got prediction {sorted(prediction)} and batch {sorted(batch)}."
            )
        keep = batch["mask"].cpu().bool() if "mask" in batch and batch["mask"].shape == batch["target"].shape[:1] else slice(None)
        kept["output"].append(prediction[output].detach().cpu()[keep])
        kept["target"].append(batch["target"].detach().cpu()[keep])
        if "index" in batch:
            kept["index"].append(torch.as_tensor(batch["index"]).cpu()[keep])
    if not kept["target"]:
        raise ValueError("The data held no batch, so there is nothing to report.")
    index = torch.cat(kept["index"]) if len(kept["index"]) == len(kept["target"]) else None
    return Outcome(torch.cat(kept["target"]), torch.cat(kept["output"]), tuple(map(str, classes)), index, source, name)


def as_probabilities(output: Tensor) -> Tensor:
    """Rows as they are when each is already a distribution, else their softmax."""
    distribution = bool((output >= 0).all()) and bool(((output.sum(1) - 1).abs() < 1e-4).all())
    return output if distribution else output.softmax(1)
