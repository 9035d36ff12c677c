"""A tokenizer behind a cleaning, saved as one with the model."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from weft.data.text.cleaning import CleanText
from weft.data.text.tokenizer import Tokenizer, plain


@dataclass(frozen=True)
class CleanedTokenizer:
    """A tokenizer that cleans every text first, so that training, predicting and serving see the same.

    Offsets are places in the cleaned text, ``clean.clean(text)``, cut to the length of the text where that is shorter.
    Raises what the tokenizer raises.

    Use when texts need ``CleanText`` before they are cut; instead of it, ``normal`` and ``lower`` of the tokenizers where those are enough.
    Cost: the two together.

    >>> from weft.data.text import WordTokenizer
    >>> tokenizer = CleanedTokenizer(WordTokenizer(min_count=1), CleanText(lower=True)).fit(["<b>Good</b> film"])
    >>> tokenizer.encode("GOOD <i>good</i>")
    [3, 3]
    """

    tokenizer: Tokenizer
    clean: CleanText = field(default_factory=CleanText)

    @property
    def vocabulary(self) -> Sequence[str] | None:
        return self.tokenizer.vocabulary

    @property
    def specials(self) -> Sequence[str]:
        return self.tokenizer.specials

    @property
    def num_tokens(self) -> int:
        return self.tokenizer.num_tokens

    def fit(self, texts: Iterable[str]) -> CleanedTokenizer:
        """Fit the tokenizer on cleaned texts."""
        return dataclasses.replace(self, tokenizer=self.tokenizer.fit(self.clean.clean(text) for text in texts))

    def encode(self, text: str) -> list[int]:
        return self.tokenizer.encode(self.clean.clean(text))

    def decode(self, ids: Iterable[int]) -> str:
        return self.tokenizer.decode(ids)

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [(min(start, len(text)), min(end, len(text))) for start, end in self.tokenizer.offsets(self.clean.clean(text))]

    def spec(self) -> dict[str, Any]:
        clean = {field.name: plain(getattr(self.clean, field.name)) for field in dataclasses.fields(self.clean)}
        return {"name": "cleaned", "args": {"tokenizer": self.tokenizer.spec(), "clean": clean}}
