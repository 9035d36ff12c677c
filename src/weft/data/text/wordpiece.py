"""WordPiece: words cut greedily into the longest known pieces, as BERT reads."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from weft.data.text.merging import learn_merges, word_counts
from weft.data.text.splitting import pattern_of
from weft.data.text.tokenizer import BYTES, MAX_CACHE, REPLACEMENT, joined, numbered, settle, spec_of, to_bytes, unknown_id, written
from weft.data.text_file import read_text

BERT = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PREFIX = "##"
SPELLING = (*BYTES, *(PREFIX + name for name in BYTES))  # a word of bytes begins and goes on as any other
MAX_WORD = 100  # characters; a longer word is unknown, as in BERT
Pieces = list[tuple[int, int]]  # token number and how many characters it covers


@dataclass(frozen=True)
class WordPiece:
    """WordPiece: each word becomes the longest piece of the vocabulary that it starts with, then the longest that goes on, marked ``##``.

    Words are found as in BERT: control characters vanish, signs and Chinese characters stand alone; with ``lower`` the text is lower case
    without accents. ``fit`` starts with characters and merges up to ``size`` tokens, among the pairs seen ``min_count`` times that of the highest
    ``score``: "likelihood", count(ab) / (count(a) count(b)), which raises the likelihood of the texts most, or "count", which makes fewer tokens
    of a text. A word that cannot be cut is unknown;
    with ``fallback`` the vocabulary holds 512 tokens of single bytes, at a word's start and within,
    that spell it instead. Decoding joins words with spaces.
    Raises ValueError before ``fit``.

    Papers: Schuster, Nakajima, 2012, doi:10.1109/ICASSP.2012.6289079; Devlin et al., 2019, arXiv:1810.04805.
    Use when the model is of BERT's family; instead of it, ``BPE`` to write text. Cost: O(n^2) per different word, remembered afterwards.

    >>> tokenizer = WordPiece(vocabulary=(*BERT, "un", "##aff", "##able", "!"))
    >>> tokenizer.encode("Unaffable!"), tokenizer.decode([5, 6, 7, 8])
    ([5, 6, 7, 8], 'unaffable !')
    """

    size: int = 8000
    min_count: int = 2
    score: str = "likelihood"
    lower: bool = True
    fallback: bool = False
    specials: Sequence[str] = BERT
    vocabulary: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.size < 1 or self.min_count < 1:
            raise ValueError(f"size={self.size}, min_count={self.min_count}; both must be at least 1")
        if self.score not in ("likelihood", "count"):
            raise ValueError(f"score={self.score!r}; expected 'likelihood' or 'count'")
        settle(self)

    @property
    def num_tokens(self) -> int:
        return len(self.vocabulary or ())

    def read_vocabulary(self, path: str | Path) -> WordPiece:
        """This tokenizer with BERT's ``vocab.txt``: one token a line, its number the number of the line."""
        tokens = read_text(path).split("\n")
        return dataclasses.replace(self, vocabulary=tuple(token.rstrip("\r") for token in (tokens[:-1] if not tokens[-1] else tokens)))

    def fit(self, texts: Iterable[str]) -> WordPiece:
        """Learn the vocabulary from texts."""
        pattern = pattern_of("bert")
        found: Counter[str] = Counter()
        for text in texts:
            found.update(pattern.findall(self._plain(text)))
        if not found:
            raise ValueError("WordPiece found nothing to learn from: the texts hold no words")
        words = word_counts(found, lambda word: [word[0], *(PREFIX + character for character in word[1:])])
        front = (*self.specials, *SPELLING) if self.fallback else self.specials
        tokens = list(dict.fromkeys([*front, *sorted({symbol for word in words for symbol in word})]))
        if len(tokens) > self.size:
            raise ValueError(f"size={self.size} is less than the {len(tokens)} special tokens and characters of these texts; take a larger one")
        by_likelihood = self.score == "likelihood"
        learn_merges(words, tokens, self.size, self.min_count, glued, by_likelihood=by_likelihood, forbidden={*self.specials, *SPELLING})
        return dataclasses.replace(self, vocabulary=tuple(tokens))

    def _plain(self, text: str) -> str:
        """The text as words are looked up."""
        if text.isascii() and text.isprintable():
            return text.lower() if self.lower else text
        return "".join(character for character, _ in normal(text, self.lower))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return numbered(self)

    @cached_property
    def _longest(self) -> int:
        return max((len(token.removeprefix(PREFIX)) for token in self._numbers), default=1)

    @cached_property
    def _cache(self) -> dict[str, Pieces]:
        return {}

    def _pieces(self, word: str) -> Pieces:
        known = self._cache.get(word)
        if known is None:
            if len(self._cache) >= MAX_CACHE:
                self._cache.clear()
            known = self._cache[word] = self._cut(word)
        return known

    def _cut(self, word: str) -> Pieces:
        numbers, pieces, start = self._numbers, [], 0
        if len(word) <= MAX_WORD:
            while start < len(word):
                prefix = PREFIX if start else ""
                ends = range(min(len(word), start + self._longest), start, -1)
                end = next((end for end in ends if prefix + word[start:end] in numbers), None)
                if end is None:
                    break
                pieces.append((numbers[prefix + word[start:end]], end - start))
                start = end
        if start == len(word):
            return pieces
        if BYTES[0] not in numbers:
            return [(unknown_id(self), len(word))]
        spelled = [(BYTES[byte], int(not i)) for character in word for i, byte in enumerate(to_bytes(character))]
        return [(numbers[(PREFIX if place else "") + name], width) for place, (name, width) in enumerate(spelled)]

    def encode(self, text: str) -> list[int]:
        cache, out = self._cache, []
        for word in pattern_of("bert").findall(self._plain(text)):
            out += [number for number, _ in cache.get(word) or self._pieces(word)]
        return out

    def decode(self, ids: Iterable[int]) -> str:
        words: list[list[str]] = []
        for token in written(self, ids):
            if words and token.startswith(PREFIX):
                words[-1].append(token.removeprefix(PREFIX))
            else:
                words.append([token])
        return " ".join(joined(word) for word in words)

    def offsets(self, text: str) -> list[tuple[int, int]]:
        pairs = normal(text, self.lower)
        places = [place for _, place in pairs]
        spans = []
        for match in pattern_of("bert").finditer("".join(character for character, _ in pairs)):
            start = match.start()
            for _, covered in self._pieces(match[0]):
                end = start + covered
                spans.append((places[start if covered else start - 1], places[end - 1] + 1))
                start = end
        return spans

    def spec(self) -> dict[str, Any]:
        return spec_of("word_piece", self)


def glued(left: str, right: str) -> str:
    """Two neighbouring pieces as one.

    >>> glued("##a", "##b"), glued("a", "##b")
    ('##ab', 'ab')
    """
    return left + right.removeprefix(PREFIX)


def normal(text: str, lower: bool) -> list[tuple[str, int]]:
    """BERT's normalisation, each character with the place in ``text`` that it comes from.

    Control characters vanish and white space becomes a space; ``lower`` also drops accents.

    >>> normal("É\\t", lower=True)
    [('e', 0), (' ', 1)]
    """
    out = []
    for place, character in enumerate(text):
        if character in "\t\n\r" or character.isspace():
            out.append((" ", place))
        elif character in ("\0", REPLACEMENT) or ((not character.isascii() or not character.isprintable()) and control(character)):
            continue
        elif not lower:
            out.append((character, place))
        else:
            for part in unicodedata.normalize("NFD", character):
                if unicodedata.category(part) != "Mn":
                    out += [(small, place) for small in part.lower()]
    return out


def control(character: str) -> bool:
    """Whether a character is a control, format or private one, or none at all."""
    return unicodedata.category(character).startswith("C")
