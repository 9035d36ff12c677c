"""How near a sequence of tokens comes to the right one, of whatever length."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from weft.metrics.metric import Metric, counted, kept, long_float, measured, some


def packed(tokens: Int[Tensor, "b t"], keep: Bool[Tensor, "b t"]) -> tuple[Int[Tensor, "b t"], Int[Tensor, " b"]]:
    """The kept tokens moved to the front in their order, -1 behind them, and how many there are.

    >>> packed(torch.tensor([[7, 8, 9]]), torch.tensor([[False, True, True]]))
    (tensor([[ 8,  9, -1]]), tensor([2]))
    """
    order = (~keep).byte().argsort(dim=1, stable=True)
    return tokens.masked_fill(~keep, -1).gather(1, order), keep.sum(1)


def edit_distance(
    output: Int[Tensor, "b t"],
    target: Int[Tensor, "b u"],
    output_keep: Bool[Tensor, "b t"] | None = None,
    target_keep: Bool[Tensor, "b u"] | None = None,
) -> Int[Tensor, " b"]:
    """The fewest insertions, deletions and substitutions that turn each output into its target (Levenshtein), over the kept tokens.

    Row by row of the table, all sequences and columns at once: the insertions along a row are a running minimum.

    Shapes: output (B, T) and target (B, U) token ids, masks alike, True = keep -> (B,).
    Cost: O(B T U) steps, of which T follow on each other, and O(B U) memory.

    >>> edit_distance(torch.tensor([[1, 2, 3]]), torch.tensor([[2, 3, 4, 5]]))
    tensor([3])
    """
    guess, lengths = packed(output, torch.ones_like(output, dtype=torch.bool) if output_keep is None else output_keep)
    right, ends = packed(target, torch.ones_like(target, dtype=torch.bool) if target_keep is None else target_keep)
    place = torch.arange(right.shape[1] + 1, device=right.device)
    row = place.expand(len(right), -1)
    found = row
    for step in range(guess.shape[1]):
        swapped = row[:, :-1] + (guess[:, step, None] != right)
        best = torch.cat([row[:, :1] + 1, torch.minimum(swapped, row[:, 1:] + 1)], dim=1)
        row = (best - place).cummin(dim=1).values + place
        found = torch.where((lengths == step + 1)[:, None], row, found)
    return found.gather(1, ends[:, None])[:, 0]


class Sequences(Metric):
    """What the metrics of whole sequences share: ids or scores of the output, masks of both sides, ``pad``.

    ``output_mask`` names the entry of the prediction that keeps the output's tokens; without it, and on top of it, tokens that equal
    ``pad`` do not count on either side. A mask (B,) of the batch keeps whole sequences.
    """

    def __init__(
        self, *, pad: int | None = None, output: str = "output", target: str = "target", mask: str = "mask", output_mask: str = "output_mask"
    ) -> None:
        super().__init__(output, target, mask)
        self.pad, self.output_mask = pad, output_mask

    @torch.no_grad()
    def update(self, prediction, batch) -> None:
        """Take one batch in; the output's own mask is part of the prediction."""
        self.said = prediction.get(self.output_mask)
        super().update(prediction, batch)
        self.said = None

    said: Tensor | None = None

    def sides(self, output: Tensor, target: Tensor, keep: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Ids and masks of both sides, without the sequences that are masked as a whole."""
        tokens = output.argmax(-1) if output.ndim == target.ndim + 1 else output
        if target.ndim != 2 or tokens.ndim != 2 or len(tokens) != len(target):
            raise ValueError(
                f"Sequences want targets (B, U) and outputs (B, T) ids or (B, T, V) scores; got {tuple(target.shape)} and {tuple(output.shape)}."
            )
        said = torch.ones_like(tokens, dtype=torch.bool) if self.said is None else self.said.to(tokens.device)
        counts = torch.ones_like(target, dtype=torch.bool)
        if keep is not None and keep.ndim == 1:
            tokens, target, said, counts = kept(tokens, keep), kept(target, keep), kept(said, keep), kept(counts, keep)
        elif keep is not None:
            kept(target, keep)                                        # only for its errors
            counts = keep
        if self.pad is not None:
            said, counts = said & (tokens != self.pad), counts & (target != self.pad)
        return tokens.long(), target.long(), said, counts


def exact_match(
    output: Shaped[Tensor, "b t *v"], target: Shaped[Tensor, "b u"], mask: Bool[Tensor, " ..."] | None = None, *, pad: int | None = None
) -> float:
    """The share of sequences that are right to the last token; see ``ExactMatch``.

    >>> exact_match(torch.tensor([[1, 2, 0], [1, 2, 3]]), torch.tensor([[1, 2], [1, 2]]), pad=0)
    0.5
    """
    return float(measured(ExactMatch(pad=pad), output, target, mask))


class ExactMatch(Sequences):
    """The share of sequences whose kept tokens are the right ones, all of them and no more.

    Shapes: prediction output (B, T) ids or (B, T, V) scores, target (B, U) ids; the target's mask (B, U) or (B,), the output's in
    ``output_mask``, or ``pad`` for both.
    Errors: ``ValueError`` for shapes that do not fit, and for compute without any sequence.
    Use when an answer is right as a whole or not at all; instead of it, ``EditDistance``, which sees how near it came.

    >>> metric = ExactMatch(pad=0)
    >>> metric.update({"output": torch.tensor([[1, 2, 0], [1, 2, 3]])}, {"target": torch.tensor([[1, 2], [1, 2]])})
    >>> metric.compute()
    0.5
    """

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        tokens, right, said, counts = self.sides(output, target, keep)
        (guess, lengths), (wanted, ends) = packed(tokens, said), packed(right, counts)
        common = min(guess.shape[1], wanted.shape[1])
        same = (guess[:, :common] == wanted[:, :common]).all(1) & (lengths == ends)
        return {"total": long_float(same).sum(), "count": counted(len(same), same)}

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        return totals["total"] / some(totals, self)


class EditDistance(Sequences):
    """The mean edit distance of sequences of tokens; ``rate=True``: all edits / all right tokens, the token error rate.

    Shapes: prediction output (B, T) ids or (B, T, V) scores, target (B, U) ids; the target's mask (B, U) or (B,), the output's in
    ``output_mask``, or ``pad`` for both.
    Errors: ``ValueError`` for shapes that do not fit, and for compute without any sequence. The rate of no right token at all is 0 without
    an edit, else infinite.
    Use when outputs have other lengths than targets; for texts, ``WordErrorRate`` and ``CharacterErrorRate``. Cost: see ``edit_distance``.

    >>> metric = EditDistance(pad=0)
    >>> metric.update({"output": torch.tensor([[1, 2, 0], [1, 2, 3]])}, {"target": torch.tensor([[1, 2], [1, 2]])})
    >>> metric.compute()
    0.5
    """

    direction = "min"

    def __init__(
        self, *, rate: bool = False, pad: int | None = None, output: str = "output", target: str = "target", mask: str = "mask",
        output_mask: str = "output_mask",
    ) -> None:  # fmt: skip
        super().__init__(pad=pad, output=output, target=target, mask=mask, output_mask=output_mask)
        self.rate = rate

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        tokens, right, said, counts = self.sides(output, target, keep)
        edits = edit_distance(tokens, right, said, counts)
        return {"edits": long_float(edits).sum(), "length": long_float(counts).sum(), "count": counted(len(edits), edits)}

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        count = some(totals, self)
        return error_rate(totals["edits"], totals["length"]) if self.rate else totals["edits"] / count


def error_rate(edits: Float[Tensor, ""], length: Float[Tensor, ""]) -> Float[Tensor, ""]:
    """edits / length; of nothing 0 without an edit, else infinite.

    >>> error_rate(torch.tensor(2.0), torch.tensor(0.0)), error_rate(torch.tensor(0.0), torch.tensor(0.0))
    (tensor(inf), tensor(0.))
    """
    return torch.where(edits == 0, torch.zeros_like(edits), edits / length)
