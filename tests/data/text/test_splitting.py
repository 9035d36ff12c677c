"""Rules for rough pieces: nothing lost, as others cut, safe patterns only."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.data.text.byte_level import as_characters
from weft.data.text.splitting import category, checked, nested, pattern_of, spans

TEXT = "Hello wörld  ½² don't\n\n x_y  世界! 𝔘 ٣ हिन्दी\t\x85 a\x1cb 'tis Ⅷth I'LL 1,000.5 --  "


@given(st.text())
def test_gpt2_pieces_join_to_the_text(text):
    """Property, on any text: no character is lost."""
    assert "".join(pattern_of("gpt2").findall(text)) == "".join(pattern_of("none").findall(text)) == text


def test_gpt2_pieces_equal_those_of_tokenizers():
    """Parity with the byte-level pre-tokenizer of tokenizers."""
    pre = pytest.importorskip("tokenizers").pre_tokenizers.ByteLevel(add_prefix_space=False)
    assert [as_characters(piece) for piece in pattern_of("gpt2").findall(TEXT)] == [piece for piece, _ in pre.pre_tokenize_str(TEXT)]


@pytest.mark.parametrize(("rule", "name"), [("whitespace", "WhitespaceSplit"), ("words", "Whitespace"), ("bert", "BertPreTokenizer")])
def test_words_equal_those_of_tokenizers(rule, name):
    """Parity with the pre-tokenizers of tokenizers, with their places; Chinese characters are divided by BERT's normaliser there."""
    tokenizers = pytest.importorskip("tokenizers")
    text = TEXT.replace("世界", "").replace("\x1c", "").replace("½²", "")
    expected = getattr(tokenizers.pre_tokenizers, name)().pre_tokenize_str(text)
    assert [(match[0], match.span()) for match in pattern_of(rule).finditer(text)] == expected


def test_vowel_signs_stay_in_their_words():
    assert pattern_of("words").findall("हिन्दी भाषा") == ["हिन्दी", "भाषा"]


def test_signs_are_those_of_unicode():
    assert re.findall(f"[{category('P')}]", "!a。« 1+") == list("!。«") and spans([]) == ""


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [("(a|a)*b", "exponential"), ("(?:a|aa)+b", "exponential"), ("(a?a?)*b", "exponential"), ("(a?){30}b", "exponential"), ("(?x)(a|a) *b", "exponential"),
     ("(a|a)(?#)*b", "exponential"), ("(?=(a+)+b)c", "exponential"), ("a?" * 30 + "a" * 30, "exponential"), ("(a)?(?(1)b|c)", "exponential"),
     ("(a+)+b", "exponential"), ("(x*y{2,})*", "exponential"), (r"(a)\1", "exponential"), ("(", "regular expression"), ("a*", "matches nothing"), ("a" * 501, "501")],
)
def test_patterns_that_may_run_away_are_refused(pattern, reason):
    """Regression: a pattern from a file must not hang whoever opens it."""
    with pytest.raises(ValueError, match=reason):
        pattern_of(pattern)


def test_harmless_patterns_pass():
    assert checked(r"\w+(?:-\w+)?|[(+*)]").findall("a-b (c") == ["a-b", "(", "c"]
    assert checked(r"\d{1,3}(?:,\d{3})*|(?:a|b)+|(?:'ll|'ve)?\w+").findall("1,000 abba") == ["1,000", "abba"]
    assert not nested(r"(?:[a+]*)x\+(b)") and nested("((a+)b)*")
