"""Learning merges of neighbouring symbols, by frequency (BPE) or by likelihood (WordPiece), with counts that are kept up to date."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

Pair = tuple[int, int]


class Pairs:
    """The counts of neighbouring symbols over a list of different words, updated merge by merge.

    Each word is a list of symbol numbers and counts as often as it occurs.
    """

    def __init__(self, words: Sequence[list[int]], counts: Sequence[int]) -> None:
        self.words, self.counts = list(words), list(counts)
        self.row: dict[Pair, int] = {}
        self.pairs: list[Pair] = []
        self.left, self.right, self.count = (np.zeros(1024, dtype=np.int64) for _ in range(3))
        self.symbols = np.zeros(1024, dtype=np.int64)  # how often each symbol occurs
        self.where: defaultdict[Pair, set[int]] = defaultdict(set)
        for number, word in enumerate(self.words):
            self._add(number, word, self.counts[number])

    def _add(self, number: int, word: list[int], times: int) -> None:
        for symbol in word:
            if symbol >= len(self.symbols):
                self.symbols = np.concatenate([self.symbols, np.zeros(max(len(self.symbols), symbol), dtype=np.int64)])
            self.symbols[symbol] += times
        for pair in itertools.pairwise(word):
            row = self.row.get(pair)
            if row is None:
                row = self.row[pair] = len(self.pairs)
                self.pairs.append(pair)
                if row == len(self.count):
                    self.left, self.right, self.count = (np.concatenate([a, np.zeros_like(a)]) for a in (self.left, self.right, self.count))
                self.left[row], self.right[row] = pair
            self.count[row] += times
            if times > 0:
                self.where[pair].add(number)

    def merge(self, pair: Pair, new: int) -> None:
        """Write ``new`` for every ``pair``, from left to right in each word."""
        for number in self.where.pop(pair):
            word, times = self.words[number], self.counts[number]
            merged = replaced(word, pair, new)
            if len(merged) == len(word):
                continue  # an earlier merge has used up the pair here
            self._add(number, word, -times)
            self._add(number, merged, times)
            self.words[number] = merged

    def best(self, min_count: int, by_likelihood: bool, banned: Collection[int]) -> Pair | None:
        """The pair of the highest score seen at least ``min_count`` times; of equal ones that of the lowest numbers."""
        used = len(self.pairs)
        count = self.count[:used]
        good = count >= min_count
        if banned:
            good[list(banned)] = False
        if not good.any():
            return None
        score = count
        if by_likelihood:
            weight = self.symbols[self.left[:used]].astype(float) * self.symbols[self.right[:used]]
            score = count / np.maximum(weight, 1)
        top = np.where(good, score, -1)
        rows = np.flatnonzero(top == top.max())
        return min(self.pairs[row] for row in rows)


def replaced(word: list[int], pair: Pair, new: int) -> list[int]:
    """A word with ``pair`` written as ``new``, from left to right.

    >>> replaced([1, 1, 1, 2], (1, 1), 9)
    [9, 1, 2]
    """
    out, i, last = [], 0, len(word) - 1
    while i <= last:
        if i < last and word[i] == pair[0] and word[i + 1] == pair[1]:
            out.append(new)
            i += 2
        else:
            out.append(word[i])
            i += 1
    return out


def learn_merges(
    words: Mapping[tuple[str, ...], int],
    tokens: list[str],
    size: int,
    min_count: int,
    glue: Callable[[str, str], str] = str.__add__,
    *,
    by_likelihood: bool = False,
    forbidden: Collection[str] = (),
) -> list[tuple[str, str]]:
    """Merges of neighbouring symbols until there are ``size`` tokens or no pair occurs ``min_count`` times; ``tokens`` grows in place.

    ``words`` maps a word, as symbols that are all in ``tokens``, to its frequency. The best pair has the highest count, or with
    ``by_likelihood`` the highest count(ab) / (count(a) count(b)); of equal ones that of the lowest token numbers. ``glue`` joins two tokens
    to one; no token of ``forbidden`` is made.

    >>> tokens = ["a", "b"]
    >>> learn_merges({("a", "b", "b"): 2, ("a", "b"): 1}, tokens, size=4, min_count=2), tokens
    ([('a', 'b'), ('ab', 'b')], ['a', 'b', 'ab', 'abb'])
    """
    number = {token: i for i, token in enumerate(tokens)}
    pairs = Pairs([[number[symbol] for symbol in word] for word in words], list(words.values()))
    merges: list[tuple[str, str]] = []
    banned: set[int] = set()
    while len(tokens) < size:
        pair = pairs.best(min_count, by_likelihood, banned)
        if pair is None:
            break
        left, right = tokens[pair[0]], tokens[pair[1]]
        token = glue(left, right)
        if token in forbidden:
            banned.add(pairs.row[pair])
            continue
        if token not in number:
            number[token] = len(tokens)
            tokens.append(token)
        merges.append((left, right))
        pairs.merge(pair, number[token])
    return merges


def word_counts(found: Counter[str], split: Callable[[str], list[str]]) -> dict[tuple[str, ...], int]:
    """Words with their frequencies, in alphabetical order and as symbols."""
    counts: dict[tuple[str, ...], int] = {}
    for word in sorted(found):
        symbols = tuple(split(word))
        if symbols:
            counts[symbols] = counts.get(symbols, 0) + found[word]
    return counts
