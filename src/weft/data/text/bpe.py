"""Byte-pair encoding: frequent neighbours become one token."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from weft.data.keyed import Random
from weft.data.text.byte_level import CHARACTER_OF, as_bytes, as_characters, widths
from weft.data.text.merging import learn_merges, word_counts
from weft.data.text.splitting import pattern_of
from weft.data.text.tokenizer import BYTES, MAX_CACHE, SPECIALS, draws, from_bytes, joined, numbered, settle, spec_of, unknown_id, written
from weft.data.text_file import read_text

LEVELS = ("byte", "character", "character+bytes")
Merged = list[tuple[int, int]]  # token number and how many symbols it covers


@dataclass(frozen=True)
class BPE:
    """Byte-pair encoding: a text is cut into pieces by ``pattern``, a piece into symbols, then pairs are merged in the order they were learned.

    ``level``: "byte" spells every text with 256 symbols, so nothing is ever unknown; "character" has the characters of the training texts and
    one unknown token; "character+bytes" writes other characters as bytes. ``fit`` merges the most frequent pair again and again, until there are
    ``size`` tokens or no pair occurs ``min_count`` times. ``end_of_word`` marks a piece's last symbol (Sennrich writes ``</w>``, with
    pattern="whitespace"). The default pattern keeps every character of the text, so that decoding gives it back.
    Raises ValueError before ``fit``, for an unknown level, for merges that make no token.

    Papers: Sennrich et al., 2016, arXiv:1508.07909; Radford et al., 2019 (bytes); Provilkov et al., 2020, arXiv:1910.13267 (``sample``).
    Use when a language model needs an open vocabulary; instead of it, ``Unigram`` for languages without spaces, ``CharacterTokenizer`` for tiny
    models. Cost: O(n log n) per different piece, remembered afterwards.

    >>> tokenizer = BPE(size=262).fit(["low lower lowest"])
    >>> tokenizer.encode("slow"), tokenizer.decode(tokenizer.encode("slow lower!"))
    ([84, 259], 'slow lower!')
    """

    size: int = 8000
    min_count: int = 2
    level: str = "byte"
    pattern: str = "gpt2"
    end_of_word: str = ""
    specials: Sequence[str] = SPECIALS
    vocabulary: Sequence[str] | None = None
    merges: Sequence[Sequence[str]] | None = None

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"level={self.level!r}; expected one of {', '.join(map(repr, LEVELS))}")
        if self.size < 1 or self.min_count < 1:
            raise ValueError(f"size={self.size}, min_count={self.min_count}; both must be at least 1")
        pattern_of(self.pattern)
        settle(self)
        if (self.vocabulary is None) != (self.merges is None):
            raise ValueError("vocabulary and merges belong together; give both or neither")
        if self.merges is not None:
            object.__setattr__(self, "merges", tuple((left, right) for left, right in self.merges))

    @property
    def num_tokens(self) -> int:
        return len(self.vocabulary or ())

    def fit(self, texts: Iterable[str]) -> BPE:
        """Learn vocabulary and merges from texts; ``size`` counts special tokens and symbols too."""
        pattern = pattern_of(self.pattern)
        found = Counter(itertools.chain.from_iterable(pattern.findall(text) for text in texts))
        if not found:
            raise ValueError("BPE found nothing to learn from: the texts hold no characters")
        words = word_counts(found, self._symbols)
        bytes_ = sorted(CHARACTER_OF.values()) if self.level == "byte" else BYTES if self.level == "character+bytes" else ()
        tokens = list(dict.fromkeys([*self.specials, *bytes_, *sorted({symbol for word in words for symbol in word})]))
        if len(tokens) > self.size:
            raise ValueError(f"size={self.size} is less than the {len(tokens)} special tokens and symbols of these texts; take a larger one")
        merges = learn_merges(words, tokens, self.size, self.min_count, forbidden={*self.specials, *BYTES})
        return dataclasses.replace(self, vocabulary=tuple(tokens), merges=tuple(merges))

    def _symbols(self, piece: str) -> list[str]:
        symbols = list(as_characters(piece) if self.level == "byte" else piece)
        if self.end_of_word and symbols:
            symbols[-1] += self.end_of_word
        return symbols

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return numbered(self)

    @cached_property
    def _ranks(self) -> dict[tuple[int, int], tuple[int, int]]:
        """For each pair of tokens the rank of its merge and the token it makes."""
        ranks = {}
        for rank, (left, right) in enumerate(self.merges or ()):
            try:
                pair = self._numbers[left], self._numbers[right]
                ranks[pair] = rank, self._numbers[left + right]
            except KeyError as error:
                raise ValueError(f"Merge {rank} of {left!r} and {right!r} needs the token {error}, which the vocabulary lacks") from None
        return ranks

    @cached_property
    def _cache(self) -> dict[str, Merged]:
        return {}

    def _tokens(self, piece: str) -> Merged:
        known = self._cache.get(piece)
        if known is None:
            if len(self._cache) >= MAX_CACHE:
                self._cache.clear()
            known = self._cache[piece] = merged(self._start(piece), self._ranks)
        return known

    def _start(self, piece: str) -> Merged:
        """The symbols of a piece; a token in the place of an unknown one, or of several bytes, covers one symbol or none."""
        numbers, start = self._numbers, []
        for symbol in self._symbols(piece):
            number = numbers.get(symbol)
            if number is not None:
                start.append((number, 1))
            elif BYTES[0] in numbers:
                # the first byte covers the character, the others cover nothing more
                start += [(numbers[BYTES[byte]], int(i == 0)) for i, byte in enumerate(symbol.encode("utf-8", "surrogatepass"))]
            else:
                start.append((unknown_id(self), 1))
        return start

    def encode(self, text: str) -> list[int]:
        cache, out = self._cache, []
        for piece in pattern_of(self.pattern).findall(text):
            out += [number for number, _ in cache.get(piece) or self._tokens(piece)]
        return out

    def sample(self, text: str, random: Random, dropout: float = 0.1) -> list[int]:
        """Token numbers with each merge left out with probability ``dropout`` each time it is tried; 0 is ``encode``, 1 gives single symbols."""
        if not 0 <= dropout <= 1:
            raise ValueError(f"dropout={dropout}; expected a probability")
        numbers = draws(random)
        out = []
        for piece in pattern_of(self.pattern).findall(text):
            out += [number for number, _ in merged(self._start(piece), self._ranks, dropout, numbers)]
        return out

    def decode(self, ids: Iterable[int]) -> str:
        tokens = written(self, ids)
        if self.level == "byte":
            text = from_bytes(as_bytes(tokens))
        else:
            text = joined(tokens)
        return text.replace(self.end_of_word, " ").removesuffix(" ") if self.end_of_word else text

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The exact bytes of a byte-level text, also where they are no UTF-8."""
        if self.level != "byte":
            raise ValueError(f"A BPE of level={self.level!r} has no exact bytes; use level='byte'")
        return as_bytes(written(self, ids))

    def offsets(self, text: str) -> list[tuple[int, int]]:
        spans = []
        for match in pattern_of(self.pattern).finditer(text):
            begin, piece = match.start(), match[0]
            # the character at which each symbol starts and ends; a byte inside a character has the span of the whole character
            sizes = widths(piece) if self.level == "byte" else [1] * len(piece)
            starts = [at for at, width in enumerate(sizes) for _ in range(width)]
            place = 0
            for _, covered in self._tokens(piece):
                here = starts[place] if covered else starts[place - 1]
                spans.append((begin + here, begin + starts[max(place, place + covered - 1) if covered else place - 1] + 1))
                place += covered
        return spans

    def spec(self) -> dict[str, Any]:
        return spec_of("bpe", self)

    def write_merges(self, path: str | Path) -> None:
        """The merges as a text file, one pair a line, as GPT-2 publishes them; raises ValueError where a token holds white space."""
        lines = ["#version: 0.2"]
        for left, right in self.merges or ():
            if any(character.isspace() for character in left + right):
                raise ValueError(f"Merge {left!r} and {right!r} holds white space, which parts the two in a merges file; save spec() as JSON")
            lines.append(f"{left} {right}")
        Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")

    def read_merges(self, path: str | Path) -> BPE:
        """This tokenizer with the merges of a file; the vocabulary is special tokens, symbols in order, then what the merges make."""
        merges = []
        for number, line in enumerate(read_text(path).splitlines(), 1):
            if not line.strip() or (number == 1 and line.startswith("#version")):
                continue
            parts = line.split(" ")
            if len(parts) != 2 or not all(parts):
                raise ValueError(f"{str(path)!r}, line {number}: {line!r} is not a pair of tokens with one space between them")
            merges.append((parts[0], parts[1]))
        made = [left + right for left, right in merges]
        leaves = {token for pair in merges for token in pair} - set(made)
        symbols = sorted(CHARACTER_OF.values()) if self.level == "byte" else BYTES if self.level == "character+bytes" else ()
        tokens = dict.fromkeys([*self.specials, *symbols, *sorted(leaves), *made])
        return dataclasses.replace(self, vocabulary=tuple(tokens), merges=tuple(merges))


def merged(start: Merged, ranks: dict[tuple[int, int], tuple[int, int]], dropout: float = 0.0, numbers: Iterator[float] = iter(())) -> Merged:
    """Symbols after all merges, the lowest rank first, of equal ones the leftmost; a merge that is dropped may be tried after the next one."""
    size = len(start)
    tokens = [number for number, _ in start]
    covers = [width for _, width in start]
    after, before = list(range(1, size + 1)), list(range(-1, size - 1))
    heap = [(*ranks[pair], i, pair) for i, pair in enumerate(itertools.pairwise(tokens)) if pair in ranks]
    heapq.heapify(heap)
    left_out = []
    while heap:
        entry = heapq.heappop(heap)
        _, new, i, pair = entry
        if dropout and next(numbers) < dropout:
            left_out.append(entry)
            continue
        for other in left_out:
            heapq.heappush(heap, other)
        left_out.clear()
        j = after[i]
        if tokens[i] != pair[0] or j >= size or tokens[j] != pair[1]:
            continue  # one of the two is part of another token by now
        tokens[i], covers[i], tokens[j] = new, covers[i] + covers[j], -1
        after[i] = after[j]
        if after[i] < size:
            before[after[i]] = i
        for a, b in ((before[i], i), (i, after[i])):
            if a >= 0 and b < size and (tokens[a], tokens[b]) in ranks:
                heapq.heappush(heap, (*ranks[tokens[a], tokens[b]], a, (tokens[a], tokens[b])))
    return [(token, width) for token, width in zip(tokens, covers, strict=True) if token >= 0]
