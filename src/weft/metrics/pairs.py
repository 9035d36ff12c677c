"""Whether the two sides of a pair find each other: a picture and its caption, a question and its answer."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import normalize

from weft.metrics.metric import Metric, counted, kept, long_float, measured, some

ROWS = 1024  # pairs compared with all others at a time


def retrieval_recall(query: Float[Tensor, "n d"], item: Float[Tensor, "n d"], mask: Bool[Tensor, " n"] | None = None, *, k: int = 1) -> float:
    """The share of queries whose own item is among the ``k`` nearest; see ``RetrievalRecall``.

    >>> retrieval_recall(torch.eye(2), torch.eye(2))
    1.0
    """
    return float(measured(RetrievalRecall(k), query, item, mask))


class RetrievalRecall(Metric):
    """R@k: the share of queries whose own item is among the ``k`` of highest cosine; an item that is equally near stands before it.

    Shapes: prediction output (B, D) queries, batch target (B, D) items, row by row a pair; mask (B,). Other way round: swap the names.
    Errors: ``ValueError`` for ``k`` < 1, for shapes that differ, and for compute without any pair. NaN finds nothing.
    Use when two kinds of data share a space; the figure falls as the gallery grows, so name its size beside it.
    Cost: keeps all embeddings; O(N^2 D) at the end, 1024 queries at a time.

    >>> metric = RetrievalRecall()
    >>> metric.update({"output": torch.tensor([[1.0, 0.0], [1.0, 0.1]])}, {"target": torch.tensor([[1.0, 0.0], [0.0, 1.0]])})
    >>> metric.compute()
    0.5
    """

    def __init__(self, k: int = 1, *, output: str = "output", target: str = "target", mask: str = "mask") -> None:
        super().__init__(output, target, mask)
        if k < 1:
            raise ValueError(f"RetrievalRecall looks at the k nearest, at least 1; got {k}.")
        self.k = k

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        first, second = unit_pairs(output, target, keep)
        return {"pairs": torch.stack([first, second], dim=1)}

    def combine(self, mine: dict[str, Tensor], theirs: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"pairs": torch.cat([mine["pairs"], theirs["pairs"].to(mine["pairs"].device)])}

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        query, item = totals["pairs"].unbind(1)
        if len(query) == 0:
            raise ValueError("RetrievalRecall has seen only masked items, so there is nothing to compute.")
        found = 0
        for start in range(0, len(query), ROWS):
            near = query[start : start + ROWS] @ item.T
            own = torch.arange(start, start + len(near), device=near.device)[:, None]
            before = (~(near < near.gather(1, own))).sum(1) - 1       # its own item is not before itself
            found += int((before < self.k).logical_and(near.gather(1, own)[:, 0].isfinite()).sum())
        return long_float(torch.tensor(found, device=query.device)) / len(query)


def unit_pairs(output: Tensor, target: Tensor, keep: Tensor | None) -> tuple[Tensor, Tensor]:
    """Both sides at length one, in float64, those that the mask keeps."""
    if output.shape != target.shape or output.ndim != 2:
        raise ValueError(f"Pairs want two embeddings (B, D) of one shape; got {tuple(output.shape)} and {tuple(target.shape)}.")
    if keep is not None and keep.ndim > 1:
        raise ValueError(f"Pairs take a mask of whole rows (B,); got {tuple(keep.shape)}.")
    return normalize(long_float(kept(output, keep)), dim=1), normalize(long_float(kept(target, keep)), dim=1)


def alignment(first: Float[Tensor, "n d"], second: Float[Tensor, "n d"], mask: Bool[Tensor, " n"] | None = None) -> float:
    """The mean squared distance of the two sides of a pair at length one; see ``Alignment``.

    >>> alignment(torch.eye(2), torch.eye(2).flip(0))
    2.0
    """
    return float(measured(Alignment(), first, second, mask))


class Alignment(Metric):
    """The mean squared distance of the two sides of a pair, each at length one: 2 - 2 cos, in [0, 4], 0 the same.

    Shapes: prediction output (B, D), batch target (B, D), row by row a pair; mask (B,).
    Errors: ``ValueError`` for shapes that differ, and for compute without any pair.
    Paper: Wang and Isola, 2020, arXiv:2005.10242.
    Use beside ``RetrievalRecall``: a space in which everything lies on one point is perfectly aligned and finds nothing.

    >>> metric = Alignment()
    >>> metric.update({"output": torch.tensor([[2.0, 0.0]])}, {"target": torch.tensor([[0.0, 3.0]])})
    >>> metric.compute()
    2.0
    """

    direction = "min"
    differentiable = True

    def observe(self, output: Tensor, target: Tensor, keep: Tensor | None) -> dict[str, Tensor]:
        first, second = unit_pairs(output, target, keep)
        return {"total": (first - second).square().sum(), "count": counted(len(first), first)}

    def result(self, totals: dict[str, Tensor]) -> Tensor:
        return totals["total"] / some(totals, self)
