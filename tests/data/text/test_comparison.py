"""Tokenizers side by side, by figures counted by hand."""

from __future__ import annotations

import json

import pytest

from weft.data import BPE, CharacterTokenizer, Unigram, WordPiece, WordTokenizer, compare_tokenizers, cut_table

TRAIN = ["the cat sat on the mat", "a dog sat on a log"]


def test_the_figures_are_those_counted_by_hand():
    """compare_tokenizers, closed form: words and characters on nine words of which two are unknown."""
    words = WordTokenizer("whitespace", min_count=1).fit(TRAIN)  # the cat sat on mat a dog log: 8 words and the special ones
    texts = ["the cat ate the ham", "a dog sat on"]
    (cut,) = compare_tokenizers({"words": words}, {"toy": texts})
    assert (cut.tokenizer, cut.corpus, cut.texts, cut.tokens) == ("words", "toy", 2, 9)
    assert cut.fertility == 1 and cut.unknown == cut.lost == 2 / 9
    assert cut.used == 6 / 8  # the cat a dog sat on
    assert cut.bytes_per_token == (19 + 12) / 9 and cut.saved == len(json.dumps(words.spec())) and cut.seconds >= 0
    letters = CharacterTokenizer(fallback=False).fit(["ab "])
    (cut,) = compare_tokenizers({"letters": letters}, {"toy": ["ab é"]})
    assert (cut.tokens, cut.fertility, cut.unknown, cut.lost, cut.used, cut.bytes_per_token) == (4, 2.0, 0.25, 0.5, 1.0, 5 / 4)


def test_every_tokenizer_meets_every_corpus():
    """Property: bytes never lose a word, more merges never cost more tokens, an empty corpus has shares of 0; the table has a line for each."""
    tokenizers = {
        "small": BPE(size=258).fit(TRAIN), "large": BPE(size=300, min_count=1).fit(TRAIN),
        "pieces": WordPiece(size=60, min_count=1).fit(TRAIN), "unigram": Unigram(size=60, min_count=1).fit(TRAIN),
    }  # fmt: skip
    cuts = compare_tokenizers(tokenizers, {"seen": iter(TRAIN), "other": ["日本 ok"], "none": []})
    found = {(cut.tokenizer, cut.corpus): cut for cut in cuts}
    assert list(found) == [(name, corpus) for corpus in ("seen", "other", "none") for name in tokenizers]
    assert all(found[name, "other"].unknown == found[name, "other"].lost == 0 for name in ("small", "large"))
    assert found["large", "seen"].tokens < found["small", "seen"].tokens and found["large", "seen"].bytes_per_token > 1
    assert all(cut.tokens == cut.fertility == cut.unknown == cut.used == cut.bytes_per_token == 0 for cut in cuts if cut.corpus == "none")
    lines = cut_table(cuts).splitlines()
    assert len(lines) == 2 + 12 and {line.count("|") for line in lines} == {11}


def test_tokenizers_that_are_not_fitted_are_named():
    for given, said in (({"raw": WordTokenizer()}, "raw"), ({}, "none was given")):
        with pytest.raises(ValueError, match=said):
            compare_tokenizers(given, {"toy": ["a"]})
