"""Labels of a sequence whose times are not known, each depending on those before it."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from weft.losses.sequence.lengths import lengths
from weft.losses.shapes import full, out_of_range

NEVER = -1e30  # the logarithm of nothing, but a number: the gradient of logaddexp at two infinities is none


def transducer(
    prediction: Float[Tensor, "b ..."],
    target: Shaped[Tensor, " ..."],
    *,
    prediction_mask: Bool[Tensor, "b t"] | None = None,
    target_mask: Bool[Tensor, "b s"] | None = None,
    blank: int = 0,
) -> Float[Tensor, " b"]:
    """RNN transducer: -log of the sum over all paths through (frames, labels so far), each step a blank (next frame) or the next label.

    alpha(t, u) = alpha(t - 1, u) blank(t - 1, u) + alpha(t, u - 1) label(t, u - 1); the loss is -log alpha(T - 1, U) blank(T - 1, U), in
    logarithms and one diagonal t + u at a time.

    Shapes: prediction logits (B, T, U + 1, C) of frame t after u labels, normalised here; target (B, U) labels other than ``blank``; masks (B, T)
    and (B, U), True keeps, padding at the end -> (B,) nats a sequence.
    Errors: ``ValueError`` for shapes that do not fit, a label out of range (on CPU), masks with holes, or a row without a frame.
    Paper: Graves, 2012, arXiv:1211.3711.
    Use for streaming recognition; instead of it, ``ctc``, whose labels do not see each other, at 1 / U of the memory. Cost O(T U C), T + U steps
    in a row.

    >>> transducer(torch.zeros(1, 2, 2, 3), torch.tensor([[1]]))  # two paths of three steps
    tensor([2.6027])
    """
    if prediction.ndim != 4 or target.ndim != 2 or len(prediction) != len(target) or prediction.shape[2] != target.shape[1] + 1:
        raise ValueError(
            f"transducer needs logits (B, T, U + 1, C) and labels (B, U); got prediction {tuple(prediction.shape)} and target {tuple(target.shape)}."
        )
    frames = lengths(prediction_mask, prediction.shape[:2], prediction.device, "transducer's prediction_mask")
    labels = lengths(target_mask, target.shape, prediction.device, "transducer's target_mask")
    if prediction.device.type == "cpu" and (frames == 0).any():
        raise ValueError(f"transducer: sequence {int((frames == 0).nonzero()[0])} has no frame, so no path ends.")
    log_p = full(prediction).log_softmax(-1)
    silent = log_p[..., blank]
    wanted = target.long() if target_mask is None else target.long().where(target_mask, 0)
    place = wanted[:, None, :, None].expand(-1, log_p.shape[1], -1, -1)
    try:
        spoken = log_p[:, :, :-1].gather(-1, place).squeeze(-1)
    except (IndexError, RuntimeError) as error:
        raise out_of_range(wanted, log_p.shape[-1], "transducer") from error
    return -_total(silent, spoken, frames, labels)


def _total(silent: Tensor, spoken: Tensor, frames: Tensor, labels: Tensor) -> Tensor:
    """The logarithm of all paths' mass; silent (B, T, U + 1), spoken (B, T, U)."""
    batch, time, places = silent.shape
    ends = frames - 1 + labels  # the diagonal of each row's last point
    # Column u of a diagonal d is the point (t, u) with t = d - u; outside the grid stands NEVER.
    u = torch.arange(places, device=silent.device)
    border = torch.full((batch, 1), NEVER, dtype=silent.dtype, device=silent.device)
    alpha = torch.cat([torch.zeros_like(border), border.expand(-1, places - 1)], dim=1)
    diagonals = [alpha]
    for d in range(1, time + places - 1):
        before = d - 1 - u
        inside = (before >= 0) & (before < time)
        at = before.clamp(0, time - 1)
        stay = (alpha + silent[:, at, u]).masked_fill(~inside, NEVER)
        same = d - u[1:]
        step = (alpha[:, :-1] + spoken[:, same.clamp(0, time - 1), u[:-1]]).masked_fill(~((same >= 0) & (same < time)), NEVER)
        alpha = torch.logaddexp(stay, torch.cat([border, step], dim=1)).clamp(min=NEVER)
        diagonals.append(alpha)
    rows = torch.arange(batch, device=silent.device)
    return torch.stack(diagonals)[ends, rows, labels] + silent[rows, frames - 1, labels]
