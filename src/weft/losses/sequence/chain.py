"""Tags in a row that see their neighbours: the linear-chain conditional random field."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn

from weft.losses.sequence.lengths import lengths
from weft.losses.shapes import full, out_of_range

ILLEGAL = -1e4  # a score that no legal tagging loses to, and that float32 adds up without overflow


class CRF(nn.Module):
    """Scores for which tag follows which, beside those that a network gives each step: -log p(tags) = log Z - score(tags).

    score(y) = start(y_1) + sum_t emission_t(y_t) + sum_t transition(y_t, y_t+1) + end(y_T); log Z is the logarithm of the sum of exp(score) over
    all C^T taggings, by the forward recursion.

    Shapes: called with emissions (B, T, C), tags (B, T) and a mask (B, T), True keeps, padding at the end -> (B,) nats a sequence; divide by the
    tokens with ``Loss.over(values, mask)``. ``decode`` gives the best tagging (B, T), 0 where masked. Steps that are masked are neither scored nor
    learned.
    ``legal`` (see ``legal_transitions``) rules out what a scheme forbids: such taggings get probability 0 (a score of -10,000).
    Errors: ``ValueError`` for shapes that do not fit, a tag out of range (on CPU), a mask with holes or an empty row, a tagging that ``legal``
    forbids (on CPU).
    Paper: Lafferty et al., 2001 (ICML).
    Use for named entities and other tags with a grammar; instead of it, ``cross_entropy`` when neighbours say nothing. Cost O(T C^2), T steps in a
    row.

    >>> crf = CRF(2)
    >>> bool((crf(torch.zeros(1, 3, 2), torch.tensor([[0, 1, 1]])) > 0).all())
    True
    """

    def __init__(self, num_tags: int, *, legal: tuple[Tensor, Tensor, Tensor] | None = None):
        super().__init__()
        self.start = nn.Parameter(torch.empty(num_tags).uniform_(-0.1, 0.1))
        self.transition = nn.Parameter(torch.empty(num_tags, num_tags).uniform_(-0.1, 0.1))
        self.end = nn.Parameter(torch.empty(num_tags).uniform_(-0.1, 0.1))
        starts, pairs, ends = legal or (torch.ones(num_tags), torch.ones(num_tags, num_tags), torch.ones(num_tags))
        for name, allowed, scores in (("starts", starts, self.start), ("pairs", pairs, self.transition), ("ends", ends, self.end)):
            if allowed.shape != scores.shape:
                raise ValueError(f"CRF of {num_tags} tags needs legal {name} of shape {tuple(scores.shape)}; got {tuple(allowed.shape)}.")
            self.register_buffer(f"legal_{name}", allowed.bool(), persistent=False)

    def scores(self) -> tuple[Tensor, Tensor, Tensor]:
        """Start (C,), transition (C, C) from row to column, and end (C,), with what is illegal ruled out."""
        return (
            self.start.masked_fill(~self.legal_starts, ILLEGAL),  # type: ignore[operator]
            self.transition.masked_fill(~self.legal_pairs, ILLEGAL),  # type: ignore[operator]
            self.end.masked_fill(~self.legal_ends, ILLEGAL),  # type: ignore[operator]
        )

    def forward(
        self, emissions: Float[Tensor, "b ..."], tags: Shaped[Tensor, " ..."], mask: Bool[Tensor, "b t"] | None = None
    ) -> Float[Tensor, " b"]:
        loss = crf_nll(emissions, tags, *self.scores(), mask=mask)
        if loss.device.type == "cpu" and (loss > -0.5 * ILLEGAL).any():
            self._name_what_is_illegal(tags, lengths(mask, tags.shape, tags.device, "CRF's mask"))
        return loss

    def decode(self, emissions: Float[Tensor, "b t c"], mask: Bool[Tensor, "b t"] | None = None) -> Shaped[Tensor, "b t"]:
        """The tagging of the highest score for each sequence, by Viterbi's algorithm."""
        return crf_decode(emissions, *self.scores(), mask=mask)

    def _name_what_is_illegal(self, tags: Tensor, sizes: Tensor) -> None:
        for row, size in enumerate(sizes.tolist()):
            y = tags[row, :size].long()
            if not (self.legal_starts[y[0]] and self.legal_ends[y[-1]] and self.legal_pairs[y[:-1], y[1:]].all()):  # type: ignore[index]
                raise ValueError(f"CRF: the tags of sequence {row}, {y.tolist()[:20]}, are forbidden by ``legal``; repair the labels or allow them.")


def crf_nll(
    emissions: Float[Tensor, "b ..."],
    tags: Shaped[Tensor, " ..."],
    start: Float[Tensor, " c"],
    transition: Float[Tensor, "c c"],
    end: Float[Tensor, " c"],
    *,
    mask: Bool[Tensor, "b t"] | None = None,
) -> Float[Tensor, " b"]:
    """Negative log-likelihood of tags under a linear-chain field with these scores: log Z - score; what ``CRF`` computes.

    Shapes: emissions (B, T, C), tags (B, T), start and end (C,), transition (C, C) from row to column, mask (B, T) -> (B,). Never negative.
    Errors: ``ValueError`` as for ``CRF``.
    Paper: Lafferty et al., 2001 (ICML).

    >>> crf_nll(torch.zeros(1, 3, 2), torch.tensor([[0, 1, 1]]), torch.zeros(2), torch.zeros(2, 2), torch.zeros(2))
    tensor([2.0794])
    """
    if emissions.ndim != 3 or emissions.shape[:2] != tags.shape or tags.is_floating_point():
        raise ValueError(f"crf_nll needs emissions (B, T, C) and tags (B, T); got {tuple(emissions.shape)} and {tuple(tags.shape)}, {tags.dtype}.")
    emissions = full(emissions)
    start, transition, end = (scores.to(emissions.dtype) for scores in (start, transition, end))
    mask, last = _steps(emissions, mask)
    y = tags.long().where(mask, 0)
    try:
        own = emissions.gather(2, y.unsqueeze(2)).squeeze(2)
        moves = transition[y[:, :-1], y[:, 1:]]
    except (IndexError, RuntimeError) as error:
        raise out_of_range(y, emissions.shape[2], "crf_nll") from error
    score = start[y[:, 0]] + own.where(mask, 0).sum(1) + moves.where(mask[:, 1:], 0).sum(1) + end[y.gather(1, last.unsqueeze(1)).squeeze(1)]
    return crf_log_partition(emissions, start, transition, end, mask=mask) - score


def crf_log_partition(
    emissions: Float[Tensor, "b t c"],
    start: Float[Tensor, " c"],
    transition: Float[Tensor, "c c"],
    end: Float[Tensor, " c"],
    *,
    mask: Bool[Tensor, "b t"] | None = None,
) -> Float[Tensor, " b"]:
    """log Z: the logarithm of the sum of exp(score) over all taggings, by the forward recursion.

    >>> crf_log_partition(torch.zeros(1, 3, 2), torch.zeros(2), torch.zeros(2, 2), torch.zeros(2))
    tensor([2.0794])
    """
    emissions = full(emissions)
    mask, _ = _steps(emissions, mask)
    alpha = start + emissions[:, 0]
    for t in range(1, emissions.shape[1]):
        going_on = torch.logsumexp(alpha.unsqueeze(2) + transition, dim=1) + emissions[:, t]
        alpha = going_on.where(mask[:, t].unsqueeze(1), alpha)
    return torch.logsumexp(alpha + end, dim=1)


def crf_decode(
    emissions: Float[Tensor, "b t c"],
    start: Float[Tensor, " c"],
    transition: Float[Tensor, "c c"],
    end: Float[Tensor, " c"],
    *,
    mask: Bool[Tensor, "b t"] | None = None,
) -> Shaped[Tensor, "b t"]:
    """The tagging of the highest score, by Viterbi's algorithm; 0 where masked.

    >>> crf_decode(torch.tensor([[[0.0, 1.0], [2.0, 0.0]]]), torch.zeros(2), torch.zeros(2, 2), torch.zeros(2))
    tensor([[1, 0]])
    """
    emissions = full(emissions)
    mask, _ = _steps(emissions, mask)
    with torch.no_grad():
        best, came = start + emissions[:, 0], []
        itself = torch.arange(emissions.shape[2], device=emissions.device).expand_as(best)
        for t in range(1, emissions.shape[1]):
            found, source = (best.unsqueeze(2) + transition).max(1)
            keep = mask[:, t].unsqueeze(1)
            best = (found + emissions[:, t]).where(keep, best)
            came.append(source.where(keep, itself))  # a masked step hands the tag through
        tag = (best + end).argmax(1)
        path = [tag]
        for source in reversed(came):
            tag = source.gather(1, tag.unsqueeze(1)).squeeze(1)
            path.append(tag)
    return torch.stack(path[::-1], dim=1).where(mask, 0)


def legal_transitions(tags: Sequence[str], scheme: str = "BIO") -> tuple[Bool[Tensor, " c"], Bool[Tensor, "c c"], Bool[Tensor, " c"]]:
    """Which tags may begin, which may follow which, and which may end, for names such as "O", "B-PER", "I-PER".

    ``scheme``: "BIO" (an I- follows a B- or I- of its own type) or "BIOES" (E- ends what B- began, S- stands alone).
    Errors: ``ValueError`` for an unknown scheme or a tag that is not of it.
    Use as ``CRF(len(tags), legal=legal_transitions(tags))``.

    >>> starts, pairs, ends = legal_transitions(["O", "B-PER", "I-PER"])
    >>> starts.tolist(), pairs[0].tolist()
    ([True, True, False], [True, True, False])
    """
    if scheme not in ("BIO", "BIOES"):
        raise ValueError(f"legal_transitions: unknown scheme {scheme!r}. Known: BIO, BIOES.")
    parts = [(tag.partition("-")[0], tag.partition("-")[2]) for tag in tags]
    wrong = [tag for tag, (sign, _) in zip(tags, parts, strict=True) if sign not in scheme or len(sign) != 1]
    if wrong:
        expected = ", ".join(f"{sign}-…" for sign in scheme if sign != "O")
        raise ValueError(f"legal_transitions: {wrong[0]!r} is no tag of {scheme}; expected O or one of {expected}.")
    inside = ("I", "E")  # what goes on with something begun
    closes = scheme == "BIOES"  # whether something begun must be ended

    def follows(a: tuple[str, str], b: tuple[str, str]) -> bool:
        if a[0] in ("B", "I"):
            return a[1] == b[1] if b[0] in inside else not closes
        return b[0] not in inside

    pairs = torch.tensor([[follows(a, b) for b in parts] for a in parts])
    starts = torch.tensor([sign not in inside for sign, _ in parts])
    ends = torch.tensor([not (closes and sign in ("B", "I")) for sign, _ in parts])
    return starts, pairs, ends


def _steps(emissions: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """The mask, made if absent, and the last step of each row."""
    sizes = lengths(mask, emissions.shape[:2], emissions.device, "the mask of tags")
    if mask is None:
        mask = torch.ones(emissions.shape[:2], dtype=torch.bool, device=emissions.device)
    if emissions.device.type == "cpu" and (sizes == 0).any():
        raise ValueError(f"The mask of tags keeps nothing of sequence {int((sizes == 0).nonzero()[0])}; leave empty sequences out of the batch.")
    return mask, sizes - 1
