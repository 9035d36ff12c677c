"""Whether one input value alone tells the answer: the sign of a label that stands in the input."""

from __future__ import annotations

import torch
from torch import Tensor

FEATURES = 4096  # of an input that are looked at; of a larger one evenly chosen
CLASSES = 64
ENOUGH = 128  # samples: that many are kept, and before there are as many nothing is said


class Leak:
    """Gathers, over several batches, how the values of the input are spread within and between the classes that the network answers.

    ``purity`` of a feature is its between-class share of variance, sum_c n_c (mean_c - mean)^2 / sum (x - mean)^2 (the correlation ratio): 1 for
    a column that is a function of the class.
    Only the last 128 samples count.

    >>> leak = Leak()
    >>> label = torch.arange(400) % 4
    >>> leak.add(torch.stack([torch.randn(400), label.float()], 1), torch.nn.functional.one_hot(label, 4).float())
    >>> leak.read()["leak/purity"].item() > 0.999
    True
    """

    def __init__(self) -> None:
        self.batches: list[tuple[Tensor, Tensor, Tensor]] = []  # per class: count, sums, sums of squares
        self.sizes: list[int] = []

    def add(self, given: Tensor, output: Tensor) -> None:
        """One batch: inputs (B, ...), outputs (B, K)."""
        classes = output.shape[-1]
        if not 2 <= classes <= CLASSES or len(given) != len(output):
            return
        flat = given.flatten(1)
        if flat.shape[1] > FEATURES:
            flat = flat[:, :: -(-flat.shape[1] // FEATURES)]
        flat = flat.float()
        answer = torch.nn.functional.one_hot(output.argmax(-1), classes).to(flat)
        self.batches.append((answer.sum(0), answer.T @ flat, answer.T @ flat.square()))
        self.sizes.append(len(given))
        while sum(self.sizes[1:]) >= ENOUGH:  # what an untrained network answered is forgotten
            del self.batches[0], self.sizes[0]

    def read(self) -> dict[str, Tensor]:
        """``leak/purity`` of the purest value, ``leak/feature`` its place, ``leak/samples``; nothing before there are enough samples."""
        if not self.batches:
            return {}
        width = min(sums.shape[1] for _, sums, _ in self.batches)  # texts of several lengths: their first places
        counts = torch.stack([count for count, _, _ in self.batches]).sum(0)
        sums, squares = (torch.stack([batch[i][:, :width] for batch in self.batches]).sum(0) for i in (1, 2))
        total = counts.sum()
        mean = sums.sum(0) / total
        whole = (squares.sum(0) - total * mean.square()).clamp(min=0)
        within = (squares - sums.square() / counts.clamp(min=1)[:, None]).clamp(min=0).sum(0)
        moving = whole > 1e-6 * (squares.sum(0) + 1e-12)
        purity = torch.where(moving, 1 - within / whole.clamp(min=1e-12), torch.zeros_like(whole))
        best, place = purity.max(0)
        several = (counts >= 5).sum() >= 2
        return {"leak/purity": best * several * (total >= ENOUGH), "leak/feature": place.float(), "leak/samples": total}
