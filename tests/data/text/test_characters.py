"""Characters, graphemes, bytes: everything comes back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.data import CharacterTokenizer
from weft.data.text.characters import grapheme_pattern

FITTED = {level: CharacterTokenizer(level).fit(["hello world", "e\u0301"]) for level in ("character", "grapheme", "byte")}


@pytest.mark.parametrize("level", FITTED)
@given(text=st.text(alphabet=st.characters(exclude_categories=[]), max_size=30))
def test_any_text_comes_back(level, text):
    """Property: CharacterTokenizer gives every Unicode string back, lone surrogates of no byte included."""
    if not any("\udc80" <= c <= "\udcff" for c in text):
        assert FITTED[level].decode(FITTED[level].encode(text)) == text


@given(st.text(max_size=30))
def test_graphemes_join_to_the_text(text):
    """Property, on any text."""
    assert "".join(grapheme_pattern().findall(text)) == text


@pytest.mark.parametrize(
    "clusters", [["e\u0301", "a"], ["🇩🇪", "🇫🇷"], ["👩‍👩‍👧", "!"], ["👍🏽", "❤️"], ["각", "가"], ["\r\n", "\n"], ["नि", "क"], ["क्\u200d", "ष"], ["각", "a"], ["\U0001f1e9", "x"], ["☠️"]]
)
def test_graphemes_are_what_a_reader_takes_for_one_character(clusters):
    """Closed form: cases of UAX #29."""
    assert grapheme_pattern().findall("".join(clusters)) == clusters


def test_a_grapheme_is_one_token_and_the_unknown_its_bytes():
    tokenizer = FITTED["grapheme"]
    assert len(tokenizer.encode("e\u0301")) == 1 and tokenizer.offsets("xe\u0301") == [(0, 1), (1, 3)]
    assert len(tokenizer.encode("🇩🇪")) == 8 and set(tokenizer.offsets("🇩🇪")) == {(0, 2)}


def test_without_fallback_the_unknown_is_marked():
    tokenizer = CharacterTokenizer(fallback=False, size=4).fit(["aab c"])
    assert tokenizer.vocabulary == ("<pad>", "<unk>", "a", " ") and tokenizer.decode(tokenizer.encode("a世a")) == "a\ufffda"
    with pytest.raises(ValueError, match="'grapheme'"):
        CharacterTokenizer("word")


def test_bytes_need_no_training():
    assert CharacterTokenizer("byte").fit([]).num_tokens == 258 and FITTED["byte"].encode("é") == [2 + 0xC3, 2 + 0xA9]
