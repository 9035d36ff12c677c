"""Characters as tokens: code points, what a reader takes for one character, or bytes."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from weft.data.text.splitting import category
from weft.data.text.tokenizer import BYTES, SPECIALS, joined, numbered, settle, spec_of, to_bytes, unknown_id, written
from weft.data.vocabulary import vocabulary_of

LEVELS = ("character", "grapheme", "byte")


@functools.cache
def grapheme_pattern() -> re.Pattern[str]:
    """One match for each character as a reader sees it: a base with its marks, a flag, a Hangul syllable, an emoji sequence.

    Nearly Unicode's extended grapheme clusters (UAX #29); left out are the prepended signs of a few Indic scripts.

    >>> [len(cluster) for cluster in grapheme_pattern().findall("e\\u0301🇩🇪\\U0001f469\\u200d\\U0001f467a")]
    [2, 2, 3, 1]
    """
    extend = category("M") + "\u0e33\u0eb3\u200d\u200c\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f\U000e0100-\U000e01ef"
    hangul = "[\u1100-\u115f\ua960-\ua97c]*(?:[\uac00-\ud7a3]|[\u1160-\u11a7\ud7b0-\ud7c6])[\u1160-\u11ff\ud7b0-\ud7fb]*"
    pictures = "[\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001fbff]"
    return re.compile(rf"(?s)\r\n|[\x00-\x1f\x7f]|(?:[\U0001f1e6-\U0001f1ff]{{2}}|{hangul}|{pictures}(?:[{extend}]*\u200d{pictures})*|.)[{extend}]*")


@dataclass(frozen=True)
class CharacterTokenizer:
    """Characters as tokens; what training did not have is spelled in bytes, so that any text comes back.

    ``level``: "character" (code points), "grapheme" (what a reader takes for one character) or "byte" (256 tokens, nothing to learn).
    With ``fallback`` the vocabulary holds 256 byte tokens as well; without it, an unknown character is the unknown token.
    ``size`` counts all of them. Raises ValueError before ``fit``.

    Use when words are misspelled, names or codes, or the model is tiny; instead of it, ``BPE`` for shorter sequences. Cost: one token a character.

    >>> tokenizer = CharacterTokenizer().fit(["abc"])
    >>> tokenizer.decode(tokenizer.encode("cab 世")), len(tokenizer.encode("世"))
    ('cab 世', 3)
    """

    level: str = "character"
    fallback: bool = True
    size: int | None = None
    min_count: int = 1
    specials: Sequence[str] = SPECIALS
    vocabulary: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"level={self.level!r}; expected one of {', '.join(map(repr, LEVELS))}")
        settle(self)

    @property
    def num_tokens(self) -> int:
        return len(self.vocabulary or ())

    def characters(self, text: str) -> Sequence[str]:
        """The characters of a text at this level; joined they are the text."""
        return grapheme_pattern().findall(text) if self.level == "grapheme" else text

    def fit(self, texts: Iterable[str]) -> CharacterTokenizer:
        """Learn the characters of texts."""
        if self.level == "byte":
            return dataclasses.replace(self, vocabulary=(*self.specials, *BYTES))
        front = (*self.specials, *BYTES) if self.fallback else tuple(self.specials)
        found = itertools.chain.from_iterable(self.characters(text) for text in texts)
        return dataclasses.replace(self, vocabulary=vocabulary_of(found, self.size, self.min_count, front))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return numbered(self)

    def _ids(self, character: str) -> list[int]:
        numbers = self._numbers
        if self.level != "byte" and character in numbers:
            return [numbers[character]]
        if BYTES[0] in numbers:
            return [numbers[BYTES[byte]] for byte in to_bytes(character)]
        return [unknown_id(self)]

    def encode(self, text: str) -> list[int]:
        if self.level == "byte":
            first = self._numbers[BYTES[0]]
            return [first + byte for byte in to_bytes(text)]
        numbers = self._numbers
        known = [numbers.get(character, -1) for character in self.characters(text)]
        if -1 not in known:
            return known
        return [number for character in self.characters(text) for number in self._ids(character)]

    def decode(self, ids: Iterable[int]) -> str:
        return joined(written(self, ids))

    def offsets(self, text: str) -> list[tuple[int, int]]:
        spans, place = [], 0
        for character in self.characters(text):
            spans += [(place, place + len(character))] * len(self._ids(character))
            place += len(character)
        return spans

    def spec(self) -> dict[str, Any]:
        return spec_of("characters", self)
