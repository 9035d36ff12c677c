"""Words by several rules, with places that slice the text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.data import WordTokenizer
from weft.data.text.words import bare, basic_english, punctuated

# what torchtext's basic_english replaces, in its order
RULES = [(r"'", " '  "), (r'"', ""), (r"\.", " . "), (r"<br />", " "), (r",", " , "), (r"\(", " ( "), (r"\)", " ) "), (r"!", " ! "), (r"\?", " ? "), (r";", " "), (r":", " "), (r"\s+", " ")]
STORED = {
    'You can now install TorchText using "pip"!': ["you", "can", "now", "install", "torchtext", "using", "pip", "!"],
    "Don't stop; it's 3:30 (p.m.)<br />OK?": ["don", "'", "t", "stop", "it", "'", "s", "3", "30", "(", "p", ".", "m", ".", ")", "ok", "?"],
    'a"b"c "" x': ["abc", "x"],
}


def replaced(text):
    text = text.lower()
    for pattern, by in RULES:
        text = re.sub(pattern, by, text)
    return text.split()


@pytest.mark.parametrize("text", STORED)
def test_basic_english_gives_the_stored_tokens(text):
    assert [word for word, _, _ in basic_english(text)] == STORED[text] == replaced(text)


@given(st.text("aB'\".,()!?;: \n<br/>世ß", max_size=40))
def test_basic_english_equals_the_chain_of_replacements(text):
    """Parity with torchtext's rules as a chain of replacements, on any text without quotes inside a tag."""
    if not re.search(r'<"|b"|r"|"r| "/|"/|/"|"br|"<br', text):
        assert [word for word, _, _ in basic_english(text)] == replaced(text)


@pytest.mark.parametrize("rule", ["whitespace", "basic_english", "bare", "punctuated", "words", "bert", r"[^\W\d_]+"])
@given(text=st.text(max_size=60))
def test_places_slice_the_text(rule, text):
    """Property: WordTokenizer's spans hold their words, apart from case and quotes inside."""
    for word, start, end in WordTokenizer(rule).words(text):
        assert word and word in (text[start:end], text[start:end].lower(), text[start:end].replace('"', "").lower())


def test_rules_differ_as_they_say():
    text = "Don't stop -- he said: “well-known” stuff!"
    assert [word for word, _, _ in bare(text)] == ["don't", "stop", "he", "said", "well-known", "stuff"]
    assert [word for word, _, _ in punctuated(text)] == ["Don't", "stop", "-", "-", "he", "said", ":", "“", "well", "-", "known", "”", "stuff", "!"]
    assert [word for word, _, _ in WordTokenizer("whitespace", lower=True).words(text)] == text.lower().split()


def test_other_scripts_survive_every_rule():
    """Regression: rules made for English must not destroy other languages."""
    for rule in ("basic_english", "bare", "punctuated", "words", "bert", "whitespace"):
        assert "".join(word for word, _, _ in WordTokenizer(rule).words("हिन्दी 你好 Привет")).replace(" ", "") == {
            "basic_english": "हिन्दी你好привет", "bare": "हिन्दी你好привет"}.get(rule, "हिन्दी你好Привет")  # fmt: skip


def test_the_vocabulary_is_of_frequent_words_and_the_rest_is_unknown():
    tokenizer = WordTokenizer("whitespace", size=4, min_count=2).fit(["b a b a c", "a"])
    assert tokenizer.vocabulary == ("<pad>", "<unk>", "a", "b") and tokenizer.size == 4
    assert tokenizer.encode("c a") == [1, 2] and tokenizer.decode([1, 2, 0]) == "\ufffd a"
