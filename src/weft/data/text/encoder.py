"""Texts and pairs of texts as tensors: begin and end, truncation, padding, segments, places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from weft.data.contracts import Batch
from weft.data.text.collate import PadCollate
from weft.data.text.tokenizer import Tokenizer, pad_id

SIDES = ("left", "right")


@dataclass(frozen=True)
class TextEncoder:
    """Texts, or pairs of them, as token numbers with everything a network may ask for; ``begin a end`` or ``begin a end b end``.

    ``encode`` gives ``input`` (T,) int64, ``attend`` (T,) bool, ``segments`` (T,) int64, 0 for the first text and 1 for the second, and ``offsets``
    (T, 2) int64, each token's place in its text, (0, 0) for special tokens. What goes beyond ``max_length`` tokens, special ones counted, is cut
    on the ``truncate`` side, of a pair from the longer text; 0 gives no tokens at all. ``batch`` pads on the ``side`` to the longest text, to
    ``max_length`` when ``fixed``, and up to a multiple of ``multiple_of``.
    Raises ValueError for special tokens that the tokenizer lacks and for a ``max_length`` without room for them.

    Use when a network needs more than a codec's input: pairs, segments, places; instead of it, ``TextCodec`` to train a classifier. Cost: that of
    the tokenizer.

    >>> from weft.data.text import WordTokenizer
    >>> words = WordTokenizer("whitespace", min_count=1, specials=("<pad>", "<unk>", "<bos>", "<eos>")).fit(["a b c"])
    >>> encoder = TextEncoder(words, max_length=5, begin="<bos>", end="<eos>")
    >>> pair = encoder.encode("a b c", "b")
    >>> pair["input"].tolist(), pair["segments"].tolist(), encoder.decode(pair["input"])
    ([2, 4, 3, 5, 3], [0, 0, 0, 1, 1], 'a b')
    """

    tokenizer: Tokenizer
    max_length: int | None = None
    truncate: str = "right"
    side: str = "right"
    begin: str | None = None
    end: str | None = None
    fixed: bool = False
    multiple_of: int = 1

    def __post_init__(self) -> None:
        if self.truncate not in SIDES or self.side not in SIDES:
            raise ValueError(f"truncate={self.truncate!r}, side={self.side!r}; both are 'left' or 'right'")
        if self.max_length is not None and self.max_length < 0:
            raise ValueError(f"max_length={self.max_length}; expected 0 or more, or None for no limit")
        if self.fixed and self.max_length is None:
            raise ValueError("fixed=True pads to max_length; give one")
        special = set(self.tokenizer.specials)
        missing = [name for name in (self.begin, self.end) if name is not None and name not in special]
        if missing:
            has = ", ".join(self.tokenizer.specials)
            raise ValueError(f"The tokenizer has no special token {missing[0]!r}, only {has}; give it in specials= and fit")

    def _number(self, name: str | None) -> list[int]:
        return [] if name is None else [(self.tokenizer.vocabulary or ()).index(name)]

    def encode(self, text: str, pair: str | None = None) -> dict[str, Tensor]:
        """Tensors of one text or of two."""
        texts = (text,) if pair is None else (text, pair)
        parts = [list(zip(self.tokenizer.encode(one), self.tokenizer.offsets(one), strict=True)) for one in texts]
        begin, end = self._number(self.begin), self._number(self.end)
        parts = self._cut(parts, len(begin) + len(end) * len(parts))
        rows: list[tuple[int, int, tuple[int, int]]] = [(number, 0, (0, 0)) for number in begin]
        for segment, part in enumerate(parts):
            rows += [(number, segment, place) for number, place in part]
            rows += [(number, segment, (0, 0)) for number in end]
        if self.max_length == 0:
            rows = []
        return {
            "input": torch.tensor([number for number, _, _ in rows], dtype=torch.int64),
            "attend": torch.ones(len(rows), dtype=torch.bool),
            "segments": torch.tensor([segment for _, segment, _ in rows], dtype=torch.int64),
            "offsets": torch.tensor([place for _, _, place in rows], dtype=torch.int64).reshape(-1, 2),
        }

    def _cut(self, parts: list[list[Any]], special: int) -> list[list[Any]]:
        """The texts within ``max_length``, each time one token less of the longest."""
        if not self.max_length:
            return parts
        room = self.max_length - special
        if room < 0:
            raise ValueError(f"max_length={self.max_length} has no room for {special} special tokens; take a larger one, or 0 for no tokens")
        sizes = kept([len(part) for part in parts], room)
        return [part[:size] if self.truncate == "right" else part[len(part) - size :] for part, size in zip(parts, sizes, strict=True)]

    def batch(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Batch:
        """One padded batch of texts, or of pairs; raises ValueError when the two differ in number."""
        if pairs is not None and len(pairs) != len(texts):
            raise ValueError(f"{len(texts)} texts and {len(pairs)} second texts; expected as many")
        encoded = [self.encode(text, None if pairs is None else pairs[i]) for i, text in enumerate(texts)]
        fill = {"input": pad_id(self.tokenizer), "attend": False, "segments": 0, "offsets": 0}
        return PadCollate(fill, side=self.side, multiple_of=self.multiple_of, length=self.max_length if self.fixed else None)(encoded)

    def decode(self, ids: Iterable[int] | Tensor, *, skip_special: bool = True) -> str:
        """The text of token numbers; with ``skip_special=False`` special tokens are written with their names."""
        numbers = ids.tolist() if isinstance(ids, Tensor) else list(ids)
        if skip_special:
            return self.tokenizer.decode(numbers)
        named = {(self.tokenizer.vocabulary or ()).index(name): name for name in self.tokenizer.specials}
        parts: list[str] = []
        waiting: list[int] = []
        for number in numbers:
            if number in named:
                parts += [self.tokenizer.decode(waiting)] if waiting else []
                parts.append(named[number])
                waiting = []
            else:
                waiting.append(number)
        return " ".join([*parts, *([self.tokenizer.decode(waiting)] if waiting else [])])

    def lengths(self, texts: Iterable[str]) -> list[int]:
        """How many tokens each text has in a batch, padding not counted."""
        return [len(self.encode(text)["input"]) for text in texts]


def kept(sizes: Sequence[int], room: int) -> list[int]:
    """How many tokens of one text, or of two, stay when there is room for so many: the longer one gives up tokens until both are equal.

    >>> kept([9, 3], 8), kept([9, 7], 8), kept([2, 3], 8)
    ([5, 3], [4, 4], [2, 3])
    """
    if len(sizes) == 1:
        return [min(sizes[0], room)]
    if sum(sizes) <= room:
        return list(sizes)
    shorter = min(*sizes, room // 2)
    return [room - shorter, shorter] if sizes[0] >= sizes[1] else [shorter, room - shorter]
