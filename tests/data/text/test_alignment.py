"""Tokens and words: spans, labels there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.data import BPE, Unigram, WordPiece, WordTokenizer, labels_of_words, project_labels, words_of_tokens

CORPUS = ["EU rejects German call to boycott British lamb .", "Peter Blackburn arrived in Brussels ."] * 3
TOKENIZERS = [BPE(size=300), WordPiece(size=60, min_count=1), Unigram(size=60, min_count=1)]


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda tokenizer: type(tokenizer).__name__)
@pytest.mark.parametrize("policy", ["first", "last", "all"])
def test_entity_labels_project_and_return_unchanged(tokenizer, policy):
    """Property: labels of words come back from those of sub-words, for every tokenizer and policy."""
    fitted = tokenizer.fit(CORPUS)
    for text in CORPUS[:2]:
        words = WordTokenizer("whitespace").offsets(text)
        labels = [(7 * i) % 5 for i in range(len(words))]
        aligned = words_of_tokens(fitted.offsets(text), words)
        projected = project_labels(labels, aligned, policy)
        assert set(filter(None.__ne__, aligned)) == set(range(len(words))) and len(projected) == len(fitted.encode(text)) >= len(words)
        assert labels_of_words(projected, aligned, len(words)) == labels
        assert (projected.count(-100) == len(projected) - len(words)) or policy == "all"


@given(st.lists(st.integers(1, 4), min_size=1, max_size=8))
def test_policies_label_one_or_all(sizes):
    """Property: "first" and "last" label one token a word, "all" each."""
    words = [i for i, size in enumerate(sizes) for _ in range(size)]
    labels = list(range(len(sizes)))
    assert project_labels(labels, words, "all") == words
    for policy in ("first", "last"):
        assert [label for label in project_labels(labels, words, policy) if label != -100] == labels


def test_special_tokens_and_spaces_have_no_word():
    assert words_of_tokens([(0, 0), (0, 1), (1, 2), (2, 4), (0, 0)], [(0, 1), (3, 4)]) == [None, 0, None, 1, None]


def test_wrong_lengths_are_named():
    with pytest.raises(ValueError, match="1 labels but tokens of word 1"):
        project_labels([5], [0, 1])
    with pytest.raises(ValueError, match="2 labels for 1 tokens"):
        labels_of_words([1, 2], [0], 1)
    with pytest.raises(ValueError, match="'first'"):
        project_labels([5], [0], "second")
