"""Vocabularies: deterministic, bounded, without loss."""

from __future__ import annotations

import gzip

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weft.data import Vocabulary
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


FOUR = ("<pad>", "<unk>", "<bos>", "<eos>")


@given(st.lists(st.text("abcd", min_size=1, max_size=2), min_size=1), st.integers(5, 12))
def test_a_vocabulary_is_deterministic_bounded_and_maps_back(tokens, size):
    """Property: the order of the corpus does not matter, size counts special tokens, what is known comes back and the rest is unknown."""
    vocabulary = Vocabulary.of(tokens, size=size, specials=FOUR)
    assert vocabulary == Vocabulary.of(tokens[::-1], size=size, specials=FOUR) and len(vocabulary) <= size and vocabulary.tokens[:4] == FOUR
    for token, number in zip(tokens, vocabulary.ids(tokens), strict=True):
        assert vocabulary.words([number]) == [token if token in vocabulary else "<unk>"]
    assert vocabulary.words([0, 2, 3], skip_special=True) == [] and vocabulary.ids(["never"]) == [1]


def test_what_looks_like_a_special_token_stays_unknown():
    """Regression: a corpus that says <pad> must not shift the numbers or be read as padding."""
    assert vocabulary_of(["<pad>", "a", "<pad>"]) == ("<pad>", "<unk>", "a")


def test_a_saved_vocabulary_is_identical(tmp_path):
    vocabulary = Vocabulary.of(["größe", "世界", "a b"], specials=FOUR)
    vocabulary.save(tmp_path / "v.json")
    assert Vocabulary.open(tmp_path / "v.json") == vocabulary
    (tmp_path / "list.json").write_text('["a"]')
    with pytest.raises(ValueError, match="no saved vocabulary"):
        Vocabulary.open(tmp_path / "list.json")
    (tmp_path / "text.json").write_text("a b")
    with pytest.raises(ValueError, match="is not JSON"):
        Vocabulary.open(tmp_path / "text.json")


def test_merging_keeps_numbers_and_adds_what_is_new():
    first, second = Vocabulary.of(["a", "b", "a"]), Vocabulary.of(["c", "b"], specials=FOUR)
    merged = first.merge(second)
    assert merged.tokens == (*first.tokens, "c") and merged.ids(["a", "b"]) == first.ids(["a", "b"])


def test_coverage_counts_what_is_unknown():
    """Closed form: two of five tokens and one of three different ones are unknown."""
    found = Vocabulary.of(["a", "b"]).coverage(["a", "x", "b", "x", "a"])
    assert found == {"tokens": 5, "unknown": 0.4, "unknown_types": 1 / 3, "most_frequent_unknown": ["x"]}
    assert Vocabulary.of(["a"]).coverage([])["unknown"] == 0


@pytest.mark.parametrize("head", ["", "3 2\n"], ids=["glove", "word2vec"])
def test_word_vectors_are_read_with_their_words(tmp_path, head):
    text = head + "the 0.5 -1\nat name@x.org 2 3\ncat 1e-1 4\n"
    with gzip.open(tmp_path / "v.txt.gz", "wt") as file:
        file.write(text)
    vocabulary, vectors = Vocabulary.of_vectors(tmp_path / "v.txt.gz")
    assert vocabulary.tokens == ("<pad>", "<unk>", "the", "at name@x.org", "cat")
    assert torch.equal(vectors, torch.tensor([[0, 0], [0, 0], [0.5, -1], [2, 3], [0.1, 4]]))
    assert len(Vocabulary.of_vectors(tmp_path / "v.txt.gz", size=1)[0]) == 3


def test_broken_word_vectors_are_named_by_line(tmp_path):
    (tmp_path / "v.txt").write_text("the 0.5 -1\ncat 1 x\n")
    with pytest.raises(ValueError, match=r"v.txt', line 2: expected a word and 2 numbers"):
        Vocabulary.of_vectors(tmp_path / "v.txt")
    (tmp_path / "e.txt").write_text("\n")
    with pytest.raises(ValueError, match="no word vectors"):
        Vocabulary.of_vectors(tmp_path / "e.txt")


def test_wrong_vocabularies_are_named():
    with pytest.raises(ValueError, match="'a' stands 2 times"):
        Vocabulary(["<unk>", "a", "a"])
    with pytest.raises(ValueError, match="unknown='<unk>' is none"):
        Vocabulary(["a"])
    with pytest.raises(ValueError, match="num_special=5"):
        Vocabulary(["<unk>"], num_special=5)
    with pytest.raises(KeyError):
        Vocabulary(["a"], unknown=None, num_special=0).ids(["b"])
    with pytest.raises(IndexError, match="Number 9"):
        Vocabulary(["<unk>"], num_special=1).words([9])
