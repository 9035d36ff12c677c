"""Windows over several sequences, none across a border."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from torch import Tensor

from weft.data.contracts import Record

LAST = ("drop", "short", "end")


class Sliding:
    """Windows of ``window`` steps every ``stride`` steps of each sequence: ``{"input": (window, …), "sequence": n, "start": s}``.

    What is left at a sequence's end is dropped ("drop"), given as a shorter window ("short"), or covered by a last whole window that ends
    there ("end"). With ``targets``, one a sequence or tensors of its length, records have ``target``: the sequence's own, or the window's.
    Sequences shorter than a window have none, but one short one with "short".
    Errors: ``ValueError`` for sizes below 1, an unknown ``last``, targets of other lengths, and for no window at all.
    Use for recordings and series that must not run into each other; instead of it, ``Windows`` for one stream of tokens. Cost: none, windows
    are slices.

    >>> import torch
    >>> windows = Sliding([torch.arange(5), torch.arange(10, 13)], window=3, stride=2)
    >>> [record["input"].tolist() for record in windows]
    [[0, 1, 2], [2, 3, 4], [10, 11, 12]]
    """

    def __init__(
        self, sequences: Sequence[Tensor], window: int, stride: int = 1, *, last: str = "drop", targets: Sequence[object] | None = None
    ) -> None:
        if window < 1 or stride < 1 or last not in LAST:
            raise ValueError(f"window={window}, stride={stride}, last={last!r}; expected at least 1, and one of {', '.join(LAST)}")
        if targets is not None and len(targets) != len(sequences):
            raise ValueError(f"{len(targets)} targets for {len(sequences)} sequences; give one for each")
        for n, (sequence, target) in enumerate(zip(sequences, targets or (), strict=False)):
            if isinstance(target, Tensor) and target.ndim and len(target) != len(sequence):
                raise ValueError(f"Sequence {n} has {len(sequence)} steps and its target {len(target)}; a target is a scalar or as long")
        self.sequences, self.window, self.targets = sequences, window, targets
        self.starts = [starts(len(sequence), window, stride, last) for sequence in sequences]
        self.ends = list(accumulate(map(len, self.starts)))
        if not self.ends or not self.ends[-1]:
            longest = max(map(len, sequences), default=0)
            raise ValueError(f"No sequence is long enough for a window of {window}; the longest has {longest} steps. Take a shorter one")

    def __len__(self) -> int:
        return self.ends[-1]

    def where(self, i: int) -> tuple[int, int]:
        """The sequence of window ``i``, and where it starts there."""
        if not -len(self) <= i < len(self):
            raise IndexError(f"Window {i} of {len(self)}")
        i %= len(self)
        n = bisect_right(self.ends, i)
        return n, self.starts[n][i - (self.ends[n - 1] if n else 0)]

    def __getitem__(self, i: int) -> Record:
        n, start = self.where(i)
        record: Record = {"input": self.sequences[n][start : start + self.window], "sequence": n, "start": start}
        if self.targets is not None:
            target = self.targets[n]
            record["target"] = target[start : start + self.window] if isinstance(target, Tensor) and target.ndim else target
        return record

    def key(self, i: int) -> str:
        """The sequence's number, so that its windows stay on one side of a split."""
        return str(self.where(i)[0])


def starts(length: int, window: int, stride: int, last: str) -> list[int]:
    """Where windows begin in a sequence.

    >>> starts(8, 3, 2, "drop"), starts(8, 3, 2, "short"), starts(8, 3, 2, "end"), starts(2, 3, 1, "short")
    ([0, 2, 4], [0, 2, 4, 6], [0, 2, 4, 5], [0])
    """
    whole = list(range(0, length - window + 1, stride))
    covered = whole[-1] + window if whole else 0
    if last == "drop" or covered >= length:
        return whole
    if last == "end":
        return [*whole, length - window] if whole else []
    return [*whole, whole[-1] + stride] if whole and whole[-1] + stride < length else whole or ([0] if length else [])
