"""Unigram language model over pieces: the most likely way to cut a text, or one of the likely ways."""

from __future__ import annotations

import dataclasses
import heapq
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from weft.data.keyed import Random
from weft.data.text.tokenizer import BYTES, MAX_CACHE, SPECIALS, draws, joined, numbered, settle, spec_of, to_bytes, unknown_id, written
from weft.data.text.unigram_training import learn_pieces

SPACE = "▁"  # what SentencePiece writes for a space
WORDS = re.compile(f"{SPACE}?[^{SPACE}]+|{SPACE}")
PENALTY = 10.0  # an unknown character costs this much more than the least likely piece
NORMAL = ("identity", "nfkc", "nfkc_lower")
Cut = list[tuple[int, int]]  # token number and how many characters it covers
Edge = tuple[int, float, int]  # where a piece begins, its score, its number; -1 is an unknown character


@dataclass(frozen=True)
class Unigram:
    """Pieces with probabilities: a text is cut into the pieces p1 … pn that make log P(p1) + … + log P(pn) greatest (Viterbi).

    Spaces are written ``▁``, one is put before the text, and no piece goes beyond a space, so that decoding gives the text back. ``fit``
    starts with the frequent substrings of up to ``max_length`` characters and alternates expectation maximisation with dropping the pieces whose loss
    costs the texts least, until ``size`` tokens remain; characters seen at least ``min_count`` times always stay. With ``fallback`` an unknown
    character becomes its bytes, else the unknown token, one for a run of them. ``normal``: "identity" changes nothing, "nfkc" and "nfkc_lower" bring
    the text to Unicode's compatibility form and white space to single spaces.
    Raises ValueError before ``fit``.

    Papers: Kudo, 2018, arXiv:1804.10959; Kudo, Richardson, 2018, arXiv:1808.06226.
    Use when words are not separated by spaces, or to train on several ways to cut a text (``sample``); instead of it, ``BPE`` when nothing may be
    unknown. Cost: O(n max_length) per different word, remembered afterwards.

    >>> tokenizer = Unigram(vocabulary=("<pad>", "<unk>", "▁", "a", "b", "ab", "▁ab"), scores=(0, 0, -2.0, -3.0, -3.0, -2.5, -4.0))
    >>> tokenizer.encode("ab b"), tokenizer.decode([6, 2, 4])
    ([6, 2, 4], 'ab b')
    """

    size: int = 8000
    min_count: int = 2
    max_length: int = 16
    fallback: bool = False
    normal: str = "identity"
    specials: Sequence[str] = SPECIALS
    vocabulary: Sequence[str] | None = None
    scores: Sequence[float] | None = None

    def __post_init__(self) -> None:
        if self.size < 1 or self.min_count < 1 or self.max_length < 1:
            raise ValueError(f"size={self.size}, min_count={self.min_count}, max_length={self.max_length}; all must be at least 1")
        if self.normal not in NORMAL:
            raise ValueError(f"normal={self.normal!r}; expected one of {', '.join(map(repr, NORMAL))}")
        settle(self)
        if self.scores is not None:
            object.__setattr__(self, "scores", tuple(float(score) for score in self.scores))
        if len(self.scores or ()) != len(self.vocabulary or ()):
            raise ValueError(f"{len(self.vocabulary or ())} pieces and {len(self.scores or ())} scores; every piece needs its log probability")

    @property
    def num_tokens(self) -> int:
        return len(self.vocabulary or ())

    def fit(self, texts: Iterable[str]) -> Unigram:
        """Learn pieces and scores from texts."""
        found: Counter[str] = Counter()
        for text in texts:
            found.update(WORDS.findall(self._prepared(text)))
        front = (*self.specials, *BYTES) if self.fallback else tuple(self.specials)
        pieces = learn_pieces(found, self.size - len(front), self.min_count, self.max_length, forbidden=front)
        # special tokens and bytes are never chosen by their score
        return dataclasses.replace(self, vocabulary=(*front, *pieces), scores=(*[0.0] * len(front), *pieces.values()))

    def _prepared(self, text: str) -> str:
        if self.normal != "identity":
            text = " ".join(unicodedata.normalize("NFKC", text).split())
            text = text.lower() if self.normal == "nfkc_lower" else text
        return SPACE + text.replace(" ", SPACE) if text else ""

    @cached_property
    def _pieces(self) -> dict[str, tuple[int, float]]:
        assert self.scores is not None or self.vocabulary is None
        return {piece: (number, self.scores[number]) for piece, number in numbered(self).items() if piece not in BYTES}  # type: ignore[index]

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._pieces), default=1)

    @cached_property
    def _unknown_score(self) -> float:
        return min((score for _, score in self._pieces.values()), default=0.0) - PENALTY

    @cached_property
    def _parts(self) -> re.Pattern[str]:
        """Words, unless a piece, or a run of what is unknown, may go beyond a space: then nothing may be cut before."""
        whole = SPACE not in self._pieces or any(SPACE in piece[1:] for piece in self._pieces)
        return re.compile("(?s).+") if whole else WORDS

    @cached_property
    def _cache(self) -> dict[str, Cut]:
        return {}

    def edges(self, word: str) -> list[list[Edge]]:
        """For each end in a word the pieces that stop there; a character that is no piece gets an unknown edge."""
        pieces, longest = self._pieces, self._longest
        ends: list[list[Edge]] = [[] for _ in range(len(word) + 1)]
        for end in range(1, len(word) + 1):
            for start in range(max(0, end - longest), end):
                found = pieces.get(word[start:end])
                if found is not None:
                    ends[end].append((start, found[1], found[0]))
            if word[end - 1] not in pieces:
                ends[end].append((end - 1, self._unknown_score, -1))
        return ends

    def _tokens(self, word: str) -> Cut:
        known = self._cache.get(word)
        if known is None:
            if len(self._cache) >= MAX_CACHE:
                self._cache.clear()
            known = self._cache[word] = self._written(word, best_path(self.edges(word)))
        return known

    def _written(self, word: str, path: list[tuple[int, int]]) -> Cut:
        """A path of (end, piece) as token numbers: a run of unknown characters is one unknown token, or their bytes."""
        out: Cut = []
        start, before = 0, 0
        for end, piece in path:
            if piece >= 0:
                out.append((piece, end - start))
            elif BYTES[0] in self._byte_numbers:
                numbers = self._byte_numbers
                out += [(numbers[BYTES[byte]], int(not i)) for i, byte in enumerate(to_bytes(word[start:end]))]
            elif before < 0:
                out[-1] = (out[-1][0], out[-1][1] + end - start)
            else:
                out.append((unknown_id(self), end - start))
            start, before = end, piece
        return out

    @cached_property
    def _byte_numbers(self) -> dict[str, int]:
        numbers = numbered(self)
        return {name: numbers[name] for name in BYTES} if BYTES[0] in numbers else {}

    def _words(self, text: str) -> list[str]:
        return self._parts.findall(self._prepared(text))

    def encode(self, text: str) -> list[int]:
        cache, out = self._cache, []
        for word in self._words(text):
            out += [number for number, _ in cache.get(word) or self._tokens(word)]
        return out

    def sample(self, text: str, random: Random, alpha: float = 0.1, nbest: int = 0) -> list[int]:
        """Token numbers of one way to cut the text, drawn with probability proportional to exp(alpha · score).

        Among all ways, by forward filtering and backward sampling, or among the ``nbest`` best ones. ``alpha`` 0 draws uniformly, a large one
        gives ``encode``.
        """
        if alpha < 0 or nbest < 0:
            raise ValueError(f"alpha={alpha}, nbest={nbest}; neither may be negative")
        numbers = draws(random)
        if nbest:
            ways = self.nbest(text, nbest)
            weights = [math.exp(alpha * (score - ways[0][1])) for _, score in ways]
            return list(ways[chosen(weights, next(numbers))][0])
        out = []
        for word in self._words(text):
            out += [number for number, _ in self._written(word, drawn_path(self.edges(word), alpha, numbers))]
        return out

    def nbest(self, text: str, n: int) -> list[tuple[list[int], float]]:
        """The ``n`` best ways to cut a text, each with its score, best first; raises ValueError for n below 1."""
        if n < 1:
            raise ValueError(f"n={n}; expected at least 1")
        word = self._prepared(text)
        paths = best_paths(self.edges(word), n)
        return [([number for number, _ in self._written(word, path)], score) for score, path in paths]

    def decode(self, ids: Iterable[int]) -> str:
        return joined(written(self, ids)).replace(SPACE, " ").removeprefix(" ")

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Spans of the text; with a ``normal`` other than "identity", of the normalised text. The space put before the text has no width."""
        spans, place = [], -1  # of the space before the text
        for word in self._words(text):
            for _, covered in self._tokens(word):
                begin = place if covered else place - 1
                spans.append((max(0, begin), max(0, place + covered)))
                place += covered
        return spans

    def spec(self) -> dict[str, Any]:
        return spec_of("unigram", self)


def best_path(ends: list[list[Edge]]) -> list[tuple[int, int]]:
    """The most likely path from 0 to the last end, as (end, piece); of equal ones that whose last piece is longest."""
    best = [0.0] + [-math.inf] * (len(ends) - 1)
    step: list[tuple[int, int]] = [(0, 0)] * len(ends)
    for end in range(1, len(ends)):
        for start, score, piece in ends[end]:
            total = best[start] + score
            if total > best[end]:
                best[end], step[end] = total, (start, piece)
    path, end = [], len(ends) - 1
    while end:
        path.append((end, step[end][1]))
        end = step[end][0]
    return path[::-1]


def best_paths(ends: list[list[Edge]], n: int) -> list[tuple[float, list[tuple[int, int]]]]:
    """The ``n`` most likely paths with their scores."""
    kept: list[list[tuple[float, tuple[Any, ...]]]] = [[(0.0, ())]] + [[] for _ in ends[1:]]
    for end in range(1, len(ends)):
        ways = ((total + score, (before, end, piece)) for start, score, piece in ends[end] for total, before in kept[start])
        kept[end] = heapq.nlargest(n, ways, key=lambda way: way[0])
    found = []
    for total, way in kept[-1]:
        path = []
        while way:
            way, end, piece = way
            path.append((end, piece))
        found.append((total, path[::-1]))
    return found


def drawn_path(ends: list[list[Edge]], alpha: float, numbers: Iterator[float]) -> list[tuple[int, int]]:
    """A path drawn with probability proportional to exp(alpha · score)."""
    forward = [0.0]
    for end in range(1, len(ends)):
        values = [forward[start] + alpha * score for start, score, _ in ends[end]]
        top = max(values)
        forward.append(top + math.log(sum(math.exp(value - top) for value in values)))
    path, end = [], len(ends) - 1
    while end:
        weights = [math.exp(forward[start] + alpha * score - forward[end]) for start, score, _ in ends[end]]
        start, _, piece = ends[end][chosen(weights, next(numbers))]
        path.append((end, piece))
        end = start
    return path[::-1]


def chosen(weights: Sequence[float], number: float) -> int:
    """The place in weights that a uniform number in [0, 1) falls on.

    >>> [chosen([1, 3], u) for u in (0.0, 0.2, 0.3, 0.99)]
    [0, 0, 1, 1]
    """
    rest = number * sum(weights)
    for place, weight in enumerate(weights):
        rest -= weight
        if rest < 0:
            return place
    return len(weights) - 1
