"""How masks of classes are read: shares and one-hot targets, (B, C, N) each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from weft.losses.cross_entropy import class_dimension
from weft.losses.shapes import full, out_of_range, same_shape

FORMS = ("multiclass", "multilabel", "binary")
ABSENT = ("skip", "zero", "count")


@dataclass(frozen=True)
class Regions:
    """How regions are counted.

    ``form``: "multiclass" (logits (B, C, ...), target (B, ...) class indices, softmax), "multilabel" (both (B, C, ...), sigmoid) or "binary" (both
    (B, ...), sigmoid, one class). None reads it off the shapes: equal ones are multilabel if they have a dimension after the classes, else binary.
    ``absent``: what a class costs that the target does not hold: "skip" leaves it out of the mean over classes, "zero" counts it with cost 0, "count"
    applies the formula, which then punishes every share that the prediction gives it.
    ``per_batch``: count regions over the whole batch, not each item. Every item then gets the same value, and the items see each other: say so with
    ``Loss.coupled()``.
    """

    form: str | None = None
    absent: str = "skip"
    per_batch: bool = False

    def __post_init__(self) -> None:
        if self.form not in (None, *FORMS) or self.absent not in ABSENT:
            raise ValueError(f"Regions(form={self.form!r}, absent={self.absent!r}): form is one of {FORMS} or None, absent one of {ABSENT}.")

    def read(self, prediction: Tensor, target: Tensor, mask: Tensor | None, who: str) -> tuple[Tensor, Tensor]:
        """The prediction's shares and the target, both (B, C, N), 0 where ``mask`` hides; (1, C, B N) per batch.

        Errors: ``ValueError`` for shapes that do not fit, and a class out of range (on CPU).
        """
        shares, wanted = self._split(prediction, target, who)
        shares, wanted = (x.reshape(*x.shape[:2], -1) for x in (shares, wanted))
        if mask is not None:
            places = target.shape[:1] + target.shape[2:] if self.form_of(prediction, target) == "multilabel" else target.shape
            if mask.shape != places:
                raise ValueError(f"{who} needs a mask of shape {tuple(places)}, True keeps; got {tuple(mask.shape)}.")
            keep = mask.reshape(len(mask), 1, -1)
            shares, wanted = shares.where(keep, 0), wanted.where(keep, 0)
        if self.per_batch:
            shares, wanted = (x.transpose(0, 1).flatten(1).unsqueeze(0) for x in (shares, wanted))
        return shares, wanted

    def mean(self, costs: Tensor, wanted: Tensor, weight: Tensor | None, items: int) -> Tensor:
        """The mean of (B, C) costs over the classes that count -> (B,)."""
        present = wanted.sum(2) > 0
        counted = torch.ones_like(costs) if weight is None else weight.to(costs).expand_as(costs)
        if self.absent != "count":
            costs = costs.where(present, 0)
        if self.absent == "skip":
            counted = counted.where(present, 0)
        total = counted.sum(1)
        found = (costs * counted).sum(1) / total.where(total > 0, 1)
        return found.expand(items) if self.per_batch else found

    def form_of(self, prediction: Tensor, target: Tensor) -> str:
        """The form, read off the shapes where it is not said."""
        if self.form is not None:
            return self.form
        if prediction.shape != target.shape:
            return "multiclass"
        return "binary" if prediction.ndim < 3 else "multilabel"

    def _split(self, prediction: Tensor, target: Tensor, who: str) -> tuple[Tensor, Tensor]:
        form = self.form_of(prediction, target)
        if form == "multiclass":
            if target.is_floating_point():
                same_shape(prediction, target, who)
            class_dimension(prediction, target, 1, who)
            classes = prediction.shape[1]
            if target.device.type == "cpu" and target.numel() and not (target.min() >= 0 and target.max() < classes):
                raise out_of_range(target, classes, who)
            shares = full(prediction).softmax(1)
            return shares, F.one_hot(target.long(), classes).movedim(-1, 1).to(shares.dtype)
        same_shape(prediction, target, who)
        shares = full(prediction).sigmoid()
        wanted = target.to(shares.dtype)
        return (shares.unsqueeze(1), wanted.unsqueeze(1)) if form == "binary" else (shares, wanted)
