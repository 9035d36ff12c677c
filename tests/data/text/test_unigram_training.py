"""Expectation maximisation over all cuts, against enumeration."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from weft.data.text.unigram_training import Lattice, candidates, digamma, known_only, learn_pieces, other_way

WORDS = {"abab": 3, "ba": 2, "abc": 1}


def cuts(word):
    for chosen in itertools.product([False, True], repeat=len(word) - 1):
        places = [0, *(i + 1 for i, cut in enumerate(chosen) if cut), len(word)]
        yield [word[a:b] for a, b in itertools.pairwise(places)]


def test_expected_counts_equal_enumeration():
    """Brute force: forward and backward sums over a lattice of all words equal the sum over every cut of every word."""
    pieces = ["a", "b", "c", "ab", "ba", "abc", "bab"]
    score = np.log(np.array([0.2, 0.2, 0.1, 0.2, 0.1, 0.1, 0.1]))
    value = dict(zip(pieces, score))
    expected, likelihood = dict.fromkeys(pieces, 0.0), 0.0
    for word, times in WORDS.items():
        found = [(cut, math.exp(sum(value[p] for p in cut))) for cut in cuts(word) if all(p in value for p in cut)]
        total = sum(weight for _, weight in found)
        likelihood += times * math.log(total)
        for cut, weight in found:
            for piece in cut:
                expected[piece] += times * weight / total
    counts, log_likelihood = Lattice.of(WORDS, {p: i for i, p in enumerate(pieces)}, 3).expected(score)
    assert counts == pytest.approx([expected[p] for p in pieces]) and log_likelihood == pytest.approx(likelihood)


def test_maximisation_raises_the_likelihood():
    """Property: each round of expectation and plain maximisation makes the words more likely."""
    pieces = sorted(candidates(WORDS, 50, 1, 4))
    lattice, score = Lattice.of(WORDS, {p: i for i, p in enumerate(pieces)}, 4), np.full(len(pieces), -math.log(len(pieces)))
    values = []
    for _ in range(6):
        expected, likelihood = lattice.expected(score)
        values.append(likelihood)
        score = np.log(np.maximum(expected, 1e-12) / expected.sum())
    assert all(b >= a - 1e-9 for a, b in itertools.pairwise(values)) and values[-1] > values[0] + 1


def test_long_words_do_not_underflow():
    """Regression: a text without spaces is one long word whose probability is below every float."""
    counts, likelihood = Lattice.of({"ab" * 600: 1}, {"a": 0, "b": 1}, 2).expected(np.array([-5.0, -5.0]))
    assert counts.tolist() == pytest.approx([600, 600]) and likelihood == pytest.approx(-6000)


def test_what_recurs_becomes_a_piece_and_characters_stay():
    """Closed form: of pieces of up to three letters, words of two syllables that mix freely leave the syllables."""
    words = {"".join(pair): 5 for pair in itertools.product(["kra", "lum", "tes", "pio"], repeat=2)}
    pieces = learn_pieces(words, 16, 1, 3)
    assert {"kra", "lum", "tes", "pio"} <= set(pieces) and set("kralumtespio") <= set(pieces) and len(pieces) <= 16
    assert list(pieces.values()) == sorted(pieces.values(), reverse=True) and all(score < 0 for score in pieces.values())


def test_rare_characters_divide_words():
    assert known_only({"axb": 2, "ab": 1}, 3) == {"a": 2, "b": 2, "ab": 1} and known_only({"b": 1, "a": 1}, 1) == {"a": 1, "b": 1}


def test_digamma_equals_scipy():
    """Parity with scipy."""
    special = pytest.importorskip("scipy.special")
    assert [digamma(x) for x in (0.01, 0.5, 1.5, 30.0, 1e6)] == pytest.approx(special.digamma([0.01, 0.5, 1.5, 30.0, 1e6]).tolist())


def test_the_other_way_is_the_best_cut_in_two_or_more():
    assert other_way("abc", {"abc": -1.0, "ab": -2.0, "c": -1.5, "a": -9.0, "bc": -1.0}) == -3.5 and other_way("a", {"a": -1.0}) == -math.inf


def test_errors_say_what_is_missing():
    with pytest.raises(ValueError, match="nothing to learn from"):
        learn_pieces({}, 5, 1, 4)
    with pytest.raises(ValueError, match="3 different characters and only room for 2"):
        learn_pieces({"abc": 1}, 2, 1, 4)
