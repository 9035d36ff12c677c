"""One long token stream as training windows."""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor

from weft.data.contracts import Batch, Record


class Windows:
    """Windows of a stream: ``input`` = tokens s … s + length - 1, ``target`` = the same, one later.

    Windows start every ``stride`` tokens (default: ``length``, so that each target occurs once). With ``cover`` the rest at the end gets a last
    window and every record a ``mask``, False where a target was in the window before: each of the n - 1 targets counts exactly once.
    Shapes: tokens (N,) -> input, target, mask (length,).
    Raises ValueError when the stream is shorter than one window.

    Use when a language model learns from running text; ``stride=1`` shows every offset. Cost: batches are gathered from the stream, nothing is
    copied beforehand.

    >>> windows = Windows(torch.arange(8), length=3, cover=True)
    >>> [w["input"].tolist() for w in windows], windows[2]["mask"].tolist()
    ([[0, 1, 2], [3, 4, 5], [4, 5, 6]], [False, False, True])
    """

    def __init__(self, tokens: Int[Tensor, " n"], length: int, stride: int | None = None, *, cover: bool = False) -> None:
        stride = length if stride is None else stride
        if length < 1 or stride < 1:
            raise ValueError(f"length={length}, stride={stride}; both must be at least 1")
        if cover and stride != length:
            raise ValueError(f"cover counts each target once and needs stride = length; got stride={stride}, length={length}")
        if len(tokens) < length + 1:
            raise ValueError(
                f"The stream has {len(tokens)} tokens; one window of {length} and its next token need {length + 1}. Give more text or shorten it"
            )
        self.tokens, self.length, self.cover = tokens, length, cover
        last = len(tokens) - length - 1
        starts = torch.arange(0, last + 1, stride)
        self.starts = torch.cat([starts, torch.tensor([last])]) if cover and starts[-1] != last else starts

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, i: int) -> Record:
        if not -len(self) <= i < len(self):
            raise IndexError(f"Window {i} of {len(self)}")
        return {key: value[0] for key, value in self.gather(torch.tensor([i])).items()}

    def gather(self, index: Tensor) -> Batch:
        """The windows of ``index`` as one batch."""
        starts = self.starts[index]
        places = starts[:, None] + torch.arange(self.length)
        batch: Batch = {"input": self.tokens[places], "target": self.tokens[places + 1]}
        if self.cover:
            before = torch.where(index % len(self) == 0, torch.tensor(0), self.starts[index - 1] + self.length)
            batch["mask"] = places >= before[:, None]
        return batch
