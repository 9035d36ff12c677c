"""Learned merges against a trainer that counts everything anew."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.data.text.merging import Pairs, learn_merges, replaced, word_counts


def brute_force(words, tokens, size, min_count, by_likelihood):
    """Count all pairs again before every merge."""
    words = {tuple(word): count for word, count in words.items()}
    tokens, merges = list(tokens), []
    while len(tokens) < size:
        pairs, singles = Counter(), Counter()
        for word, count in words.items():
            for symbol in word:
                singles[symbol] += count
            for pair in itertools.pairwise(word):
                pairs[pair] += count
        good = {pair: count for pair, count in pairs.items() if count >= min_count}
        if not good:
            break
        value = {pair: count / (singles[pair[0]] * singles[pair[1]]) if by_likelihood else count for pair, count in good.items()}
        left, right = min(value, key=lambda pair: (-value[pair], tokens.index(pair[0]), tokens.index(pair[1])))
        merges.append((left, right))
        if left + right not in tokens:
            tokens.append(left + right)
        new = Counter()
        for word, count in words.items():
            out, i = [], 0
            while i < len(word):
                if word[i : i + 2] == (left, right):
                    out.append(left + right)
                    i += 2
                else:
                    out.append(word[i])
                    i += 1
            new[tuple(out)] += count
        words = new
    return merges


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text("abc", min_size=1, max_size=9), st.integers(1, 5), min_size=1, max_size=8), st.booleans(), st.integers(1, 3))
def test_merges_equal_counting_everything_anew(words, by_likelihood, min_count):
    """Brute force: BPE's and WordPiece's merges equal those of a trainer that keeps no counts."""
    counts, tokens = word_counts(Counter(words), list), ["a", "b", "c"]
    expected = brute_force(counts, tokens, 30, min_count, by_likelihood)
    assert learn_merges(counts, tokens, 30, min_count, by_likelihood=by_likelihood) == expected


def test_counts_stay_right_through_merges():
    """Property: after merges the kept counts are those of the words as they are."""
    pairs = Pairs([[0, 1, 0, 1, 1], [1, 1, 1]], [2, 3])
    pairs.merge((0, 1), 2)
    pairs.merge((1, 1), 3)
    fresh = Pairs(pairs.words, pairs.counts)
    kept = {pair: int(pairs.count[row]) for pair, row in pairs.row.items() if pairs.count[row]}
    assert pairs.words == [[2, 2, 1], [3, 1]] and kept == {pair: int(fresh.count[row]) for pair, row in fresh.row.items()}
    assert pairs.symbols[:4].tolist() == fresh.symbols[:4].tolist()


def test_a_token_that_is_forbidden_is_not_made():
    tokens = ["a", "b", "c"]
    merges = learn_merges({("a", "b", "c"): 5}, tokens, 9, 1, forbidden={"ab"})
    assert merges == [("b", "c"), ("a", "bc")] and "ab" not in tokens


@pytest.mark.parametrize(("word", "expected"), [([1, 1, 1, 1], [9, 9]), ([2, 1, 1], [2, 9]), ([1], [1]), ([], [])])
def test_replacing_goes_from_left_to_right(word, expected):
    assert replaced(word, (1, 1), 9) == expected
