"""Learning the pieces of a unigram model: expectation maximisation over all ways to cut each word, then pruning."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

SEEDS = 20  # candidates for each piece that is wanted
ROUNDS = 2  # of expectation maximisation between two prunings
KEEP = 0.75  # share of the pieces that a pruning leaves
SURPLUS = 1.1  # pruning stops here; the last pieces are dropped by their probability
MIN_EXPECTED = 0.5  # a piece expected less often than this is dropped


def digamma(x: float) -> float:
    """The derivative of log Γ, by recurrence and its asymptotic series.

    >>> round(digamma(1.0), 6)
    -0.577216
    """
    result = 0.0
    while x < 7:
        result -= 1 / x
        x += 1
    y = 1 / (x * x)
    return result + math.log(x) - 0.5 / x - y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y / 240)))


@dataclass
class Lattice:
    """Every way to cut a list of words into candidate pieces, as edges between places; places of all words are numbered on.

    Edges lie in one row of arrays, sorted by the length of what is before their end, so that all words move on together.
    """

    start: np.ndarray
    end: np.ndarray
    piece: np.ndarray
    depth: np.ndarray  # the place of an edge's end within its word
    first: np.ndarray  # of each word its first place
    last: np.ndarray
    weight: np.ndarray  # how often each word occurs
    owner: np.ndarray  # of each place its word

    @classmethod
    def of(cls, words: Mapping[str, int], number: Mapping[str, int], longest: int) -> Lattice:
        """All edges of words; characters that are no piece must not occur."""
        rows: list[tuple[int, int, int, int]] = []
        first, last, owner, base = [], [], [], 0
        for place, word in enumerate(words):
            for begin in range(len(word)):
                for end in range(begin + 1, min(len(word), begin + longest) + 1):
                    piece = number.get(word[begin:end])
                    if piece is not None:
                        rows.append((base + begin, base + end, piece, end))
            first.append(base)
            last.append(base + len(word))
            owner += [place] * (len(word) + 1)
            base += len(word) + 1
        start, end, piece, depth = np.array(rows, dtype=np.int64).reshape(-1, 4).T
        order = np.lexsort((end, depth))
        weight = np.array(list(words.values()), dtype=float)
        return cls(start[order], end[order], piece[order], depth[order], np.array(first), np.array(last), weight, np.array(owner))

    def only(self, kept: np.ndarray, renumbered: np.ndarray) -> Lattice:
        """The lattice without the pieces that are not ``kept``."""
        stays = kept[self.piece]
        return Lattice(
            self.start[stays], self.end[stays], renumbered[self.piece[stays]], self.depth[stays], self.first, self.last, self.weight, self.owner
        )

    def expected(self, score: np.ndarray) -> tuple[np.ndarray, float]:
        """How often each piece is expected over all ways to cut all words, and the log likelihood of the words."""
        forward = np.full(len(self.owner), -np.inf)
        backward = np.full(len(self.owner), -np.inf)
        forward[self.first], backward[self.last] = 0.0, 0.0
        value = score[self.piece]
        for part in parts(self.depth):
            summed(forward, self.end[part], forward[self.start[part]] + value[part])
        begin = self.start - self.first[self.owner[self.start]]
        order = np.lexsort((self.start, -begin))
        for part in parts(begin[order]):
            rows = order[part]
            summed(backward, self.start[rows], backward[self.end[rows]] + value[rows])
        total = forward[self.last]
        word = self.owner[self.start]
        share = np.exp(forward[self.start] + value + backward[self.end] - total[word]) * self.weight[word]
        return np.bincount(self.piece, share, minlength=len(score)), float((total * self.weight).sum())


def parts(values: np.ndarray) -> list[slice]:
    """Slices of equal neighbours."""
    cuts = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    return [slice(a, b) for a, b in itertools.pairwise(cuts)] if len(values) else []


def summed(into: np.ndarray, place: np.ndarray, value: np.ndarray) -> None:
    """Write the logarithm of the sum of exponentials of the values at each place; equal places are neighbours."""
    heads = np.concatenate([[0], np.flatnonzero(np.diff(place)) + 1])
    top = np.maximum.reduceat(value, heads)
    sizes = np.diff([*heads, len(place)])
    total = np.add.reduceat(np.exp(value - np.repeat(top, sizes)), heads)
    into[place[heads]] = top + np.log(total)


def candidates(words: Mapping[str, int], size: int, min_count: int, longest: int) -> dict[str, int]:
    """Substrings seen at least twice, those with the highest frequency times length, after all characters."""
    counts: Counter[str] = Counter()
    for word, times in words.items():
        for begin in range(len(word)):
            for end in range(begin + 1, min(len(word), begin + longest) + 1):
                counts[word[begin:end]] += times
    characters = {piece: count for piece, count in counts.items() if len(piece) == 1}
    longer = [piece for piece, count in counts.items() if len(piece) > 1 and count >= max(2, min_count)]
    longer.sort(key=lambda piece: (-counts[piece] * len(piece), piece))
    return characters | {piece: counts[piece] for piece in longer[:size]}


def known_only(words: Mapping[str, int], min_count: int) -> dict[str, int]:
    """Words cut at the characters that are too rare to become pieces."""
    counts: Counter[str] = Counter()
    for word, times in words.items():
        for character in word:
            counts[character] += times
    rare = {character for character, count in counts.items() if count < min_count}
    if not rare:
        return dict(sorted(words.items()))
    table = str.maketrans({character: "\0" for character in rare})
    clean: Counter[str] = Counter()
    for word, times in words.items():
        for part in word.translate(table).split("\0"):
            if part:
                clean[part] += times
    return dict(sorted(clean.items()))


def learn_pieces(found: Mapping[str, int], size: int, min_count: int, longest: int, forbidden: Collection[str] = ()) -> dict[str, float]:
    """At most ``size`` pieces with their log probabilities, the most likely first; all characters seen ``min_count`` times are among them.

    Raises ValueError when the texts are empty or have more different characters than ``size``.
    """
    words = known_only(found, min_count)
    if not words:
        raise ValueError(f"Unigram found nothing to learn from: no character occurs {min_count} times")
    counts = candidates(words, SEEDS * size, min_count, longest)
    pieces = [piece for piece in counts if len(piece) == 1 or piece not in forbidden]
    required = sum(len(piece) == 1 for piece in pieces)
    if required > size:
        raise ValueError(f"{required} different characters and only room for {size} pieces; take a larger size, a larger min_count or fallback=True")
    score = np.log(np.array([counts[piece] for piece in pieces], dtype=float))
    score -= np.log(np.exp(score).sum())
    lattice = Lattice.of(words, {piece: i for i, piece in enumerate(pieces)}, longest)
    while True:
        for _ in range(ROUNDS):
            expected, _ = lattice.expected(score)
            kept = (expected >= MIN_EXPECTED) | (np.arange(len(pieces)) < required)
            pieces, score, lattice = chosen(pieces, log_probability(expected), lattice, kept)
        if len(pieces) <= max(required, size * SURPLUS):
            break
        room = max(int(size * SURPLUS), int(len(pieces) * KEEP), required)
        pieces, score, lattice = chosen(pieces, score, lattice, worth_keeping(pieces, score, lattice, room, required))
    order = sorted(range(len(pieces)), key=lambda i: (i >= required, -score[i]))[:size]
    return {pieces[i]: float(score[i]) for i in sorted(order, key=lambda i: (-score[i], pieces[i]))}


def log_probability(expected: np.ndarray) -> np.ndarray:
    """Bayesian maximisation: digamma instead of the logarithm takes from what is rare (Kudo, 2018; Liang, Klein, 2007)."""
    least = np.maximum(expected, MIN_EXPECTED)  # a character that no likely cut uses keeps a little
    total = digamma(float(least.sum()))
    return np.array([digamma(float(x)) for x in least]) - total


def chosen(pieces: list[str], score: np.ndarray, lattice: Lattice, kept: np.ndarray) -> tuple[list[str], np.ndarray, Lattice]:
    """Pieces, scores and lattice of the pieces that are kept."""
    if kept.all():
        return pieces, score, lattice
    renumbered = np.cumsum(kept) - 1
    return [piece for piece, stays in zip(pieces, kept, strict=True) if stays], score[kept], lattice.only(kept, renumbered)


def worth_keeping(pieces: list[str], score: np.ndarray, lattice: Lattice, room: int, required: int) -> np.ndarray:
    """Which pieces stay: all characters, then those whose loss would cost the likelihood of the texts most.

    Without a piece its places are cut in its best other way, which costs count · (score - score of that way).
    """
    expected, _ = lattice.expected(score)
    value = {piece: float(s) for piece, s in zip(pieces, score, strict=True)}
    loss = np.empty(len(pieces))
    for i, piece in enumerate(pieces):
        loss[i] = math.inf if i < required else expected[i] * (score[i] - other_way(piece, value))
    kept = np.zeros(len(pieces), dtype=bool)
    kept[np.argsort(-loss, kind="stable")[:room]] = True
    return kept


def other_way(piece: str, value: Mapping[str, float]) -> float:
    """The score of the best cut of a piece into at least two others.

    >>> other_way("ab", {"ab": -1.0, "a": -2.0, "b": -3.0})
    -5.0
    """
    best = [0.0] + [-math.inf] * len(piece)
    for end in range(1, len(piece) + 1):
        for start in range(end):
            if end - start < len(piece):
                best[end] = max(best[end], best[start] + value.get(piece[start:end], -math.inf))
    return best[-1]
