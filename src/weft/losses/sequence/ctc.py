"""Labels of a sequence whose times are not known: every alignment counts."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from weft.losses.cross_entropy import cross_entropy
from weft.losses.sequence.lengths import lengths
from weft.losses.shapes import full


def ctc(
    prediction: Float[Tensor, "b ..."],
    target: Shaped[Tensor, " ..."],
    *,
    prediction_mask: Bool[Tensor, "b t"] | None = None,
    target_mask: Bool[Tensor, "b s"] | None = None,
    blank: int = 0,
    skip_impossible: bool = False,
) -> Float[Tensor, " b"]:
    """Connectionist temporal classification: -log of the sum over all paths that read as the target, once repeats and then blanks are dropped.

    Shapes: prediction logits (B, T, C), normalised here; target (B, S) labels other than ``blank``; masks (B, T) and (B, S), True keeps, padding
    at the end -> (B,) nats a sequence (torch's mean divides each by its number of labels first).
    A sequence needs a frame a label and one between equal neighbours. Where there are fewer the loss is infinite: ``ValueError`` naming the row, or,
    with ``skip_impossible``, loss and gradient 0.
    Errors: ``ValueError`` for shapes that do not fit, labels out of range or equal to ``blank`` (on CPU), masks with holes.
    Paper: Graves et al., 2006, doi:10.1145/1143844.1143891.
    Use for speech and handwriting, where labels come in the order of the frames; instead of it, ``transducer`` when a label should depend on those
    before it. Cost O(T S).

    >>> ctc(torch.zeros(1, 2, 3), torch.tensor([[1]]))  # three of nine paths: 11, 01, 10
    tensor([1.0986])
    """
    if prediction.ndim != 3 or target.ndim != 2 or len(prediction) != len(target) or target.is_floating_point():
        raise ValueError(
            f"ctc needs logits (B, T, C) and labels (B, S); got prediction {tuple(prediction.shape)} and target {tuple(target.shape)}, "
            f"{target.dtype}."
        )
    frames = lengths(prediction_mask, prediction.shape[:2], prediction.device, "ctc's prediction_mask")
    labels = lengths(target_mask, target.shape, prediction.device, "ctc's target_mask")
    if prediction.device.type == "cpu":
        _check(target, frames, labels, prediction.shape[2], blank, skip_impossible)
    if target_mask is not None:
        target = target.where(target_mask, 0 if blank else 1)
    log_p = full(prediction).log_softmax(-1).transpose(0, 1)
    return F.ctc_loss(log_p, target, frames, labels, blank=blank, reduction="none", zero_infinity=skip_impossible)


def _check(target: Tensor, frames: Tensor, labels: Tensor, classes: int, blank: int, skip: bool) -> None:
    inside = torch.arange(target.shape[1]) < labels.unsqueeze(1)
    wrong = inside & ((target < 0) | (target >= classes) | (target == blank))
    if wrong.any():
        row, place = wrong.nonzero()[0].tolist()
        raise ValueError(
            f"ctc has labels 0..{classes - 1} without the blank {blank}; got {target[row, place].item()} at {(row, place)}. "
            "Padding belongs in target_mask."
        )
    repeats = ((target[:, 1:] == target[:, :-1]) & inside[:, 1:]).sum(1)
    short = frames < labels + repeats
    if short.any() and not skip:
        row = int(short.nonzero()[0])
        raise ValueError(
            f"ctc: sequence {row} has {frames[row].item()} frames for {labels[row].item()} labels with {repeats[row].item()} equal neighbours; "
            f"it needs {(labels + repeats)[row].item()}. Subsample less, drop such records, or pass skip_impossible=True."
        )


def hybrid_ctc(
    prediction: Float[Tensor, "b ..."],
    target: Shaped[Tensor, " ..."],
    decoder: Float[Tensor, " ..."],
    *,
    share: float = 0.3,
    prediction_mask: Bool[Tensor, "b t"] | None = None,
    target_mask: Bool[Tensor, "b s"] | None = None,
    label_smoothing: float = 0.0,
) -> Float[Tensor, " b"]:
    """CTC of an encoder beside cross-entropy of a decoder: share CTC + (1 - share) sum over labels of the decoder's cross-entropy.

    Shapes: prediction the encoder's logits (B, T, C), decoder logits (B, S, V), target (B, S) labels for both, masks as for ``ctc`` -> (B,) nats a
    sequence. The blank is 0.
    Errors: those of ``ctc`` and ``cross_entropy``; ``ValueError`` when ``share`` is no share.
    Paper: Watanabe et al., 2017, doi:10.1109/JSTSP.2017.2763455.
    Use for speech with an attending decoder: CTC keeps its alignment in order.

    >>> hybrid_ctc(torch.zeros(1, 2, 3), torch.tensor([[1]]), torch.zeros(1, 1, 3), share=0.5)
    tensor([1.0986])
    """
    if not 0 <= share <= 1:
        raise ValueError(f"hybrid_ctc(share={share}): the share of CTC lies between 0 and 1.")
    aligned = ctc(prediction, target, prediction_mask=prediction_mask, target_mask=target_mask)
    tokens = cross_entropy(decoder, target if target_mask is None else target.where(target_mask, 0), label_smoothing=label_smoothing, dim=-1)
    if target_mask is not None:
        tokens = tokens.where(target_mask, 0)
    return share * aligned + (1 - share) * tokens.sum(1)
