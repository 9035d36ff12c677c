"""Vocabularies: deterministic, bounded, without loss."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.data.vocabulary import check_level, check_vocabulary, pieces, vocabulary_of


@given(st.text())
def test_joining_the_pieces_gives_the_text(text):
    """Property, on any Unicode text."""
    assert "".join(pieces(text, "word")) == "".join(pieces(text, "character")) == text


def test_words_of_any_language_survive():
    assert [p for p in pieces("Grüße, 世界! don't", "word") if not p.isspace()] == ["Grüße", ",", "世界", "!", "don", "'", "t"]


def test_order_is_by_frequency_then_alphabet_and_size_counts_the_special_tokens():
    tokens = list("bbbaaacd")
    assert vocabulary_of(tokens) == vocabulary_of(tokens[::-1]) == ("<pad>", "<unk>", "a", "b", "c", "d")
    assert vocabulary_of(tokens, size=4) == ("<pad>", "<unk>", "a", "b")
    assert vocabulary_of(tokens, min_count=2) == ("<pad>", "<unk>", "a", "b")


def test_what_cannot_be_a_vocabulary_is_refused():
    with pytest.raises(ValueError, match="No token is left"):
        vocabulary_of([])
    with pytest.raises(ValueError, match="No token is left"):
        vocabulary_of("abc", size=2)
    for wrong in (("a", "b"), ("<pad>", "<unk>", "a", "a")):
        with pytest.raises(ValueError, match="starts with"):
            check_vocabulary(wrong)
    with pytest.raises(ValueError, match="'character' or 'word'"):
        check_level("bytes")
