"""What a detector is told about its answers as a set: who is matched with whom, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from weft.losses.cross_entropy import cross_entropy
from weft.losses.dense.boxes import giou
from weft.losses.loss import Loss
from weft.losses.shapes import full, same_shape


def quality_focal(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, power: float = 2.0) -> Float[Tensor, " ..."]:
    """Focal loss for answers in degrees: |y - sigmoid(z)|^power times binary cross-entropy, with y in [0, 1] such as an IoU.

    Shapes: logits prediction and target (B, ...) -> (B, ...). It is 0 only where sigmoid(z) = y.
    Errors: ``ValueError`` when the shapes differ or the power is not positive.
    Paper: Li et al., 2020, arXiv:2006.04388.
    Use when a score should say how good a box is; instead of it, ``binary_focal`` for yes or no.

    >>> quality_focal(torch.tensor([0.0, 0.0]), torch.tensor([0.5, 1.0]))
    tensor([0.0000, 0.1733])
    """
    if power <= 0:
        raise ValueError(f"quality_focal needs a power > 0; got {power}.")
    same_shape(prediction, target, "quality_focal")
    logits = full(prediction)
    wanted = target.to(logits.dtype)
    apart = (wanted - logits.sigmoid()).abs()
    return apart.clamp(min=torch.finfo(logits.dtype).tiny) ** power * F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")


def centre_focal(
    prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, gamma: float = 2.0, beta: float = 4.0
) -> Float[Tensor, " ..."]:
    """Focal loss of heat maps with a bump around each centre: (1 - p)^gamma -log p at y = 1, else (1 - y)^beta p^gamma -log(1 - p).

    Shapes: logits prediction and target in [0, 1] (B, ...) -> (B, ...). They divide by the number of centres: ``Loss.over(values, target == 1)``.
    Errors: ``ValueError`` when the shapes differ.
    Papers: Law and Deng, 2018, arXiv:1808.01244; Zhou et al., 2019, arXiv:1904.07850.
    Use for the centres of things; beside ``l1`` of the offsets, masked to the centres.

    >>> centre_focal(torch.tensor([0.0, 0.0]), torch.tensor([1.0, 0.5]))
    tensor([0.1733, 0.0108])
    """
    same_shape(prediction, target, "centre_focal")
    logits = full(prediction)
    wanted = target.to(logits.dtype)
    centre = logits.neg().sigmoid() ** gamma * F.softplus(-logits)
    beside = (1 - wanted) ** beta * logits.sigmoid() ** gamma * F.softplus(logits)
    return torch.where(wanted == 1, centre, beside)


def match(cost: Float[Tensor, "q g"]) -> tuple[Shaped[Tensor, " n"], Shaped[Tensor, " n"]]:
    """The pairs (row, column) of least total cost, each used once: the Hungarian method, by scipy, without a gradient.

    Errors: ``ImportError`` with the remedy where scipy is missing.
    Paper: Kuhn, 1955, doi:10.1002/nav.3800020109.

    >>> match(torch.tensor([[1.0, 2.0], [0.0, 5.0], [9.0, 9.0]]))
    (tensor([0, 1]), tensor([1, 0]))
    """
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError as error:
        raise ImportError("match needs scipy: pip install scipy.") from error
    wild = torch.nan_to_num(full(cost.detach()), nan=1e8, posinf=1e8, neginf=-1e8)  # a diverging network gets an answer, not an error
    rows, columns = linear_sum_assignment(wild.cpu().numpy())
    return torch.as_tensor(rows, device=cost.device), torch.as_tensor(columns, device=cost.device)


def set_prediction(
    logits: Float[Tensor, "b q classes"],
    boxes: Float[Tensor, "b q 4"],
    targets: Sequence[tuple[Tensor, Tensor]],
    *,
    weights: tuple[float, float, float] = (1.0, 5.0, 2.0),
    nothing: float = 0.1,
) -> Loss:
    """The loss of a set of guesses: each true box is matched with one guess, all other guesses should say "nothing".

    Matching costs -w_c p_class + w_1 |box - box'|_1 - w_g GIoU; the loss is w_c cross-entropy of all guesses, those for nothing weighed by
    ``nothing``, plus w_1 L1 and w_g (1 - GIoU) of the matched ones, each over the number of true boxes. Terms ``class``, ``l1``, ``giou``.

    Shapes: logits (B, Q, C + 1), the last class being nothing; boxes (B, Q, 4) as centre x, y, width, height in 0 … 1; targets one (labels (G,),
    boxes (G, 4)) an item. Errors: ``ValueError`` when the number of targets differs, or there are more true boxes than guesses.
    Paper: Carion et al., 2020, arXiv:2005.12872.
    Use for detectors without anchors and without suppression.

    >>> logits, boxes = torch.zeros(1, 3, 3), torch.rand(1, 3, 4)
    >>> sorted(set_prediction(logits, boxes, [(torch.tensor([1]), boxes[0, 2:])]).terms)
    ['class', 'giou', 'l1']
    """
    if len(targets) != len(logits) or logits.shape[:2] != boxes.shape[:2]:
        came = f"logits {tuple(logits.shape)}, boxes {tuple(boxes.shape)}, {len(targets)} targets"
        raise ValueError(f"set_prediction needs one target an item; got {came}.")
    logits, boxes = full(logits), full(boxes)
    wanted = torch.full(logits.shape[:2], logits.shape[2] - 1, dtype=torch.long, device=logits.device)
    found, true = [boxes.new_zeros(0, 4)], [boxes.new_zeros(0, 4)]
    for item, (labels, places) in enumerate(targets):
        if len(labels) > boxes.shape[1]:
            raise ValueError(f"set_prediction: item {item} has {len(labels)} true boxes and {boxes.shape[1]} guesses.")
        places = places.to(boxes.dtype)
        rows, columns = match(matching_cost(logits[item], boxes[item], labels, places, weights)) if len(labels) else (labels[:0], labels[:0])
        wanted[item, rows] = labels.long()[columns]
        found.append(boxes[item, rows])
        true.append(places[columns])
    near, right = torch.cat(found), torch.cat(true)
    count = torch.ones(len(right), device=boxes.device)
    share = torch.where(wanted == logits.shape[2] - 1, nothing, 1.0)
    return (
        Loss.mean(cross_entropy(logits, wanted, dim=-1), share, weight=weights[0], name="class")
        + Loss.over((near - right).abs().sum(1), count, weight=weights[1], name="l1")
        + Loss.over(giou(corners(near), corners(right)), count, weight=weights[2], name="giou")
    )


def matching_cost(logits: Tensor, boxes: Tensor, labels: Tensor, places: Tensor, weights: tuple[float, float, float]) -> Tensor:
    """What it costs to match each of Q guesses with each of G true boxes: (Q, G)."""
    with torch.no_grad():
        kind = -logits.softmax(1)[:, labels.long()]
        apart = torch.cdist(boxes, places, p=1)
        shape = (len(boxes), len(places), 4)
        overlap = giou(corners(boxes)[:, None].expand(shape), corners(places)[None].expand(shape)) - 1
        return weights[0] * kind + weights[1] * apart + weights[2] * overlap


def corners(boxes: Float[Tensor, "... 4"]) -> Float[Tensor, "... 4"]:
    """Centre x, y, width, height as x1, y1, x2, y2."""
    middle, half = boxes[..., :2], 0.5 * boxes[..., 2:]
    return torch.cat([middle - half, middle + half], dim=-1)
