"""What every metric shares: where it looks, and how parts of a data set add up."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor


class Metric:
    """A number over a data set, gathered batch by batch: ``update``, ``merge``, ``compute``, ``reset``.

    A metric says what one batch adds (``observe``) and what follows from all of it (``result``). ``state`` is a dict of tensors,
    ``merge`` takes another one's state (of another rank or shard), so that the parts give what the whole would have given.
    ``direction`` says which way is better, ``differentiable`` whether ``result(observe(...))`` of one batch has a gradient to train by.
    The state is sums, whose size does not grow with the data, unless a metric's cost says otherwise.

    ``output`` names an entry of the prediction, ``target`` and ``mask`` entries of the batch. Without the mask entry every item
    counts; a mask has the shape of the target or of its first dimensions, True = keep.

    Errors: ``KeyError`` naming the keys there are, ``ValueError`` for shapes that do not fit, and for ``compute`` before any item.
    """

    direction = "max"
    differentiable = False

    def __init__(self, output: str = "output", target: str = "target", mask: str = "mask") -> None:
        self.output, self.target, self.mask = output, target, mask
        self.totals: dict[str, Tensor] = {}

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        """What one batch adds."""
        raise TypeError(f"{type(self).__name__} must define observe(output, target, keep).")

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        """What follows from all that was added."""
        raise TypeError(f"{type(self).__name__} must define result(totals).")

    def combine(self, mine: dict[str, Tensor], theirs: dict[str, Tensor]) -> dict[str, Tensor]:
        """The totals of two parts together; sums, unless a metric keeps something else."""
        return {key: mine[key] + theirs[key].to(mine[key].device) for key in mine}

    @torch.no_grad()
    def update(self, prediction: Mapping[str, Tensor], batch: Mapping[str, Tensor]) -> None:
        """Take one batch in."""
        output = pick(prediction, self.output, "prediction", type(self).__name__)
        target = pick(batch, self.target, "batch", type(self).__name__).to(output.device)
        keep = batch.get(self.mask)
        self.merge(self.observe(output.detach(), target, keep.to(output.device) if keep is not None else None))

    def merge(self, state: Mapping[str, Tensor]) -> None:
        """Take in what another metric of this kind has gathered."""
        if state:
            self.totals = self.combine(self.totals, dict(state)) if self.totals else dict(state)

    def state(self) -> dict[str, Tensor]:
        """What has been gathered; empty before the first batch."""
        return dict(self.totals)

    def reset(self) -> None:
        """Forget everything."""
        self.totals = {}

    def compute(self) -> float | Tensor:
        """The number; a tensor when there is one for each class."""
        if not self.totals:
            raise ValueError(f"{type(self).__name__} has seen no batch; call update(prediction, batch) before compute().")
        value = self.result(self.totals)
        if value.isnan().any():
            warnings.warn(
                f"{type(self).__name__} is NaN: the outputs hold NaN, or a class never occurs, or a column is constant, so that it is undefined.",
                stacklevel=2,
            )
        return value.item() if value.ndim == 0 else value


@torch.no_grad()
def measured(
    metric: Metric, output: Shaped[Tensor, " ..."], target: Shaped[Tensor, " ..."], mask: Bool[Tensor, " ..."] | None = None
) -> float | Tensor:
    """What ``metric`` gives for these items alone: every metric as a function.

    >>> from weft.metrics import MAE
    >>> measured(MAE(), torch.tensor([1.0, 2.0]), torch.tensor([0.0, 2.0]))
    0.5
    """
    metric.merge(metric.observe(output, target, mask))
    return metric.compute()


def some(totals: Mapping[str, Tensor], who: Metric) -> Tensor:
    """The number of items, of which there must be some."""
    if totals["count"] == 0:
        raise ValueError(f"{type(who).__name__} has seen only masked items, so there is nothing to compute.")
    return totals["count"]


def counted(number: int, like: Shaped[Tensor, " ..."]) -> Float[Tensor, ""]:
    """A count as a state holds it: float64 beside the sums.

    >>> counted(3, torch.zeros(1))
    tensor(3., dtype=torch.float64)
    """
    return long_float(torch.tensor(number, device=like.device))


def pick(source: Mapping[str, Any], key: str, kind: str, who: str) -> Any:
    """The entry ``key``, or an error that lists the keys there are."""
    if key not in source:
        raise KeyError(f"{who} looks for {key!r} in the {kind}, which has {sorted(source)}. Name the right one when making the metric.")
    return source[key]


def long_float(x: Shaped[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """``x`` in float64, so that sums over millions of items stay exact (float32 where the device has no float64).

    >>> long_float(torch.zeros(1)).dtype
    torch.float64
    """
    return x.to(torch.float32 if x.device.type == "mps" else torch.float64)


def kept(values: Shaped[Tensor, " ..."], keep: Bool[Tensor, " ..."] | None) -> Shaped[Tensor, " ..."]:
    """The values that ``keep`` keeps; the mask has the shape of the values or of their first dimensions.

    Shapes: values (B, ...) and keep (B, ...) -> (N, ...); without a mask the values as they are.
    Errors: ``ValueError`` with both shapes when they do not fit; ``TypeError`` for a mask that is not boolean.

    >>> kept(torch.tensor([[1, 2], [3, 4]]), torch.tensor([False, True]))
    tensor([[3, 4]])
    """
    if keep is None:
        return values
    if keep.dtype != torch.bool:
        raise TypeError(f"A mask is boolean (True = keep); got {keep.dtype}. Compare it, e.g. mask > 0.")
    if keep.shape != values.shape[: keep.ndim]:
        raise ValueError(f"A mask of shape {tuple(keep.shape)} does not fit values of shape {tuple(values.shape)}.")
    return values[keep]


def scores_and_classes(
    output: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], keep: Bool[Tensor, " ..."] | None = None, dim: int = 1
) -> tuple[Float[Tensor, "n c"], Shaped[Tensor, " n"]]:
    """Flatten outputs and targets of any classification into rows.

    Shapes: output (B, C, ...) with C at ``dim`` and target (B, ...) class indices -> ((N, C), (N,)). A single logit, output of the
    target's shape or with a last dimension of 1, becomes the two logits (0, z), so that binary needs no special case after this.
    Errors: ``ValueError`` with both shapes, or naming a class index out of range.

    >>> scores_and_classes(torch.tensor([[0.5], [-2.0]]), torch.tensor([1, 0]))
    (tensor([[ 0.0000,  0.5000],
            [ 0.0000, -2.0000]]), tensor([1, 0]))
    """
    axis = dim % output.ndim if output.ndim else 0
    if is_single(output, target):
        output = output.reshape(target.shape)
        rows = torch.stack([torch.zeros_like(output), output], dim=-1)
    elif output.ndim == target.ndim + 1 and output.shape[:axis] + output.shape[axis + 1 :] == target.shape:
        rows = output.movedim(axis, -1)
    else:
        advice = " The classes seem to be last: pass dim=-1." if output.shape[:-1] == target.shape else ""
        raise ValueError(
            f"Outputs of shape {tuple(output.shape)} with classes at dimension {axis} do not fit targets of shape {tuple(target.shape)}.{advice}"
        )
    rows, classes = kept(rows, keep), kept(target, keep)
    rows, classes = rows.reshape(-1, rows.shape[-1]), classes.reshape(-1).long()
    wrong = (classes < 0) | (classes >= rows.shape[1])
    if wrong.any():
        last = rows.shape[1] - 1
        raise ValueError(f"{last + 1} classes want targets in 0..{last}; got {classes[wrong][0].item()}. Padding belongs in a mask.")
    return rows, classes


def is_single(output: Shaped[Tensor, " ..."], target: Shaped[Tensor, " ..."]) -> bool:
    """Whether each item has one score, of class 1 against class 0, instead of one a class.

    >>> is_single(torch.zeros(2, 1), torch.zeros(2)), is_single(torch.zeros(2, 3), torch.zeros(2))
    (True, False)
    """
    return output.shape == target.shape or output.shape == (*target.shape, 1)


def probabilities_and_classes(
    output: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], keep: Bool[Tensor, " ..."] | None, dim: int, *, probabilities: bool
) -> tuple[Float[Tensor, "n c"], Shaped[Tensor, " n"]]:
    """The probability of each class and the right class, flat as ``scores_and_classes``; logits go through a softmax in float64.

    >>> probabilities_and_classes(torch.tensor([0.9]), torch.tensor([1]), None, 1, probabilities=True)[0]
    tensor([[0.1000, 0.9000]])
    """
    rows, classes = scores_and_classes(output, target, keep, dim)
    if not probabilities:
        return long_float(rows).softmax(1), classes
    if is_single(output, target):
        rows = torch.stack([1 - rows[:, 1], rows[:, 1]], dim=1)
    return rows, classes
