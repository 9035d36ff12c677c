"""Words as tokens: by white space, with signs apart, as torchtext's basic_english, or by a pattern."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from weft.data.text.splitting import category, pattern_of
from weft.data.text.tokenizer import SPECIALS, numbered, settle, spec_of, unknown_id, written
from weft.data.vocabulary import vocabulary_of

BASIC = re.compile(r"(?i:<br />)|[;:\s]|(?P<token>['.,()!?]|(?:(?!(?i:<br />))[^'.,()!?;:\s])+)")
Word = tuple[str, int, int]  # the token and its place in the text


def basic_english(text: str) -> list[Word]:
    """Words by the rules of torchtext's ``basic_english``: lower case; ``' . , ( ) ! ?`` are tokens, quotes vanish, ``; :`` and ``<br />`` divide.

    >>> [word for word, _, _ in basic_english('You can "now" install it; (really)!')]
    ['you', 'can', 'now', 'install', 'it', '(', 'really', ')', '!']
    """
    found = []
    for match in BASIC.finditer(text):
        token = match["token"]
        if token is None or not token.strip('"'):
            continue
        start = match.start() + len(token) - len(token.lstrip('"'))
        found.append((token.replace('"', "").lower(), start, start + len(token.strip('"'))))
    return found


def bare(text: str) -> list[Word]:
    """Words between white space in lower case, without the punctuation at their ends; apostrophes and hyphens inside stay.

    >>> [word for word, _, _ in bare("Don't stop -- well-known!")]
    ["don't", 'stop', 'well-known']
    """
    signs = category("P") + re.escape("$+<=>^`|~")
    pattern = re.compile(rf"[^\s{signs}](?:\S*[^\s{signs}])?")
    return [(match[0].lower(), match.start(), match.end()) for match in pattern.finditer(text)]


def punctuated(text: str) -> list[Word]:
    """Words and signs, each sign a token; a contraction stays one word.

    >>> [word for word, _, _ in punctuated("Don't stop!")]
    ["Don't", 'stop', '!']
    """
    marks = category("M")
    pattern = re.compile(rf"[\w{marks}]+(?:['’][\w{marks}]+)*|[^\w\s]")
    return [(match[0], match.start(), match.end()) for match in pattern.finditer(text)]


RULES = {"basic_english": basic_english, "bare": bare, "punctuated": punctuated}


@dataclass(frozen=True)
class WordTokenizer:
    """Words as tokens, with a vocabulary of the most frequent ones.

    ``rule``: "whitespace", "basic_english" (torchtext's rules), "bare" (lower case, no punctuation), "punctuated" (signs are tokens,
    contractions stay whole), another name of ``splitting.RULES``, or a regular expression whose matches are the words. ``fit`` keeps
    ``size`` tokens, special ones counted, that occur at least ``min_count`` times: by falling frequency, then in alphabetical order.
    Decoding joins words with spaces. Raises ValueError before ``fit`` and for a pattern that may run away.

    Use when words are the unit of a task; instead of it, ``BPE`` or ``WordPiece`` for an open vocabulary. Cost: one pattern over the text.

    >>> tokenizer = WordTokenizer("basic_english", min_count=1).fit(["The film was good. Good!"])
    >>> tokenizer.encode("A GOOD film"), tokenizer.decode([2, 5])
    ([1, 2, 5], 'good film')
    """

    rule: str = "punctuated"
    lower: bool = False
    size: int = 10_000
    min_count: int = 2
    specials: Sequence[str] = SPECIALS
    vocabulary: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            pattern_of(self.rule)
        settle(self)

    @property
    def num_tokens(self) -> int:
        return len(self.vocabulary or ())

    def words(self, text: str) -> list[Word]:
        """Each word with its place in the text: (word, start, end)."""
        if self.rule in RULES:
            found = RULES[self.rule](text)
        else:
            found = [(match[0], match.start(), match.end()) for match in pattern_of(self.rule).finditer(text)]
        return [(word.lower(), start, end) for word, start, end in found] if self.lower else found

    def fit(self, texts: Iterable[str]) -> WordTokenizer:
        """Learn the vocabulary from texts."""
        tokens = (word for text in texts for word, _, _ in self.words(text))
        return dataclasses.replace(self, vocabulary=vocabulary_of(tokens, self.size, self.min_count, self.specials))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return numbered(self)

    def encode(self, text: str) -> list[int]:
        numbers = self._numbers
        found = [numbers.get(word, -1) for word, _, _ in self.words(text)]
        return [unknown_id(self) if number < 0 else number for number in found] if -1 in found else found

    def decode(self, ids: Iterable[int]) -> str:
        return " ".join(written(self, ids))

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [(start, end) for _, start, end in self.words(text)]

    def spec(self) -> dict[str, Any]:
        return spec_of("words", self)
