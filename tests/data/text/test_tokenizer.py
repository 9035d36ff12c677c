"""What every tokenizer of the catalogue keeps to, and what they share."""

from __future__ import annotations

import itertools
import json
import os
import pickle
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import weft
from tests.contracts.walk import entries, example, over
from weft.data import Random
from weft.data.text import Tokenizer
from weft.data.text.tokenizer import BYTES, draws, from_bytes, joined, settle, to_bytes
from weft.data.text.words import WordTokenizer

TEXTS = ["the cat sat", "", "  two  spaces ", "Ünïcödé 世界 🙂!", "<pad> <unk> [MASK] <0x41>", "a\tb\nc", "x" * 300, "нет", "the the the the log"]


def prepared(entry):
    if entry.name == "fast_tokenizer":
        pytest.importorskip("tokenizers")
    return example(entry)


@over("tokenizer")
def test_a_tokenizer_keeps_its_promises(entry):
    """Contract: numbers in range, one span a token, the same after writing down, pickling and fitting twice, special tokens never from text."""
    tokenizer, texts = prepared(entry)
    fitted = tokenizer.fit(texts)
    assert isinstance(fitted, Tokenizer) and fitted.num_tokens == len(fitted.vocabulary) > 2
    again = weft.build(json.loads(json.dumps(fitted.spec())))
    assert again == fitted == pickle.loads(pickle.dumps(fitted)) == tokenizer.fit(iter(texts))
    for text in [*TEXTS, *texts]:
        ids = fitted.encode(text)
        spans = fitted.offsets(text)
        assert ids == again.encode(text) and isinstance(fitted.decode(ids), str)
        assert all(isinstance(number, int) and 0 <= number < fitted.num_tokens for number in ids)
        assert len(spans) == len(ids) and all(0 <= start <= end <= len(text) for start, end in spans)
        assert all(a[0] <= b[0] and a[1] <= b[1] for a, b in itertools.pairwise(spans)), "spans go from left to right"
        special = {fitted.vocabulary.index(name) for name in fitted.specials if name != fitted.specials[1]}
        assert not special & set(ids), "a text cannot spell a special token"
    assert fitted.encode("") == [] and fitted.decode([]) == ""
    assert fitted.encode(texts[0]) and fitted.decode([fitted.vocabulary.index(fitted.specials[0])]) == ""


@over("tokenizer")
def test_wrong_use_of_a_tokenizer_is_named(entry):
    """Contract: encoding before fit, nothing to learn from and numbers out of range are errors that say so."""
    tokenizer, texts = prepared(entry)
    if tokenizer.num_tokens == 0:
        with pytest.raises(ValueError, match=r"not been fitted.*fit\("):
            tokenizer.encode("a")
        if getattr(tokenizer, "level", "") != "byte":
            with pytest.raises(ValueError, match=r"nothing|No token|needs"):
                tokenizer.fit([])
    fitted = tokenizer.fit(texts)
    for wrong in (-1, fitted.num_tokens):
        with pytest.raises(ValueError, match="is not in the vocabulary"):
            fitted.decode([wrong])


@over("tokenizer")
def test_a_sample_is_another_way_to_cut_the_same_text(entry):
    """Contract: samples decode to what the encoding decodes to, repeat with their key and differ between records."""
    tokenizer, texts = example(entry)
    fitted = tokenizer.fit(texts)
    if not hasattr(fitted, "sample"):
        pytest.skip("has one way only")
    ways = [fitted.sample(texts[0], Random(0, 0, torch.tensor([i]))) for i in range(30)]
    assert ways[3] == fitted.sample(texts[0], Random(0, 0, torch.tensor([3]))) and len({tuple(way) for way in ways}) > 1
    assert {fitted.decode(way) for way in ways} == {fitted.decode(fitted.encode(texts[0]))}


def test_there_are_tokenizers_to_check():
    assert {"bpe", "characters", "unigram", "word_piece", "words"} <= {entry.name for entry in entries("tokenizer")}


@given(st.binary(max_size=40))
def test_bytes_pass_through_text_and_back(data):
    """Property, on random bytes: surrogateescape makes text of them, to_bytes the bytes again."""
    assert to_bytes(data.decode("utf-8", "surrogateescape")) == data


@given(st.text(alphabet=st.characters(), max_size=20))
def test_byte_tokens_spell_any_text(text):
    """Property, lone surrogates too, unless they stand for bytes."""
    if not any("\udc80" <= c <= "\udcff" for c in text):
        assert joined([BYTES[byte] for byte in to_bytes(text)]) == text


def test_broken_bytes_are_marked_and_words_between_stay():
    assert joined(["a", "<0xC3>", "b", "<0xC3>", "<0xA9>"]) == "a\ufffdbé" and from_bytes(b"\xff") == "\ufffd"


def test_vocabularies_without_their_special_tokens_are_refused():
    with pytest.raises(ValueError, match="lacks the special tokens <unk>"):
        settle(_frozen(vocabulary=("<pad>", "a")))
    with pytest.raises(ValueError, match="'a' twice"):
        settle(_frozen(vocabulary=("<pad>", "<unk>", "a", "a")))
    with pytest.raises(ValueError, match="different names"):
        WordTokenizer(specials=("<pad>", "<pad>"))


def _frozen(vocabulary):
    tokenizer = WordTokenizer()
    object.__setattr__(tokenizer, "vocabulary", vocabulary)
    return tokenizer


def test_draws_are_of_one_record():
    stream = draws(Random(0, 0, torch.tensor([5])))
    numbers = [next(stream) for _ in range(600)]
    assert len(set(numbers)) > 590 and 0 <= min(numbers) < max(numbers) < 1
    with pytest.raises(ValueError, match="one record; got that of 2"):
        next(draws(Random(0, 0, torch.arange(2))))


SALTED = """
import hashlib, json
from weft.data import BPE, CharacterTokenizer, LanguageWords, Unigram, WordPiece, WordTokenizer, split_by_hash
texts = ["the cat sat on the mat", "a dog ran", "b c d e f g", "ran sat dog cat"]
made = [kind.fit(texts) for kind in (BPE(size=280), CharacterTokenizer(), LanguageWords("en", min_count=1), Unigram(size=40), WordPiece(size=40), WordTokenizer(min_count=1))]
parts = split_by_hash([{"id": text} for text in texts * 5], {"train": 0.7, "test": 0.3})
said = [[t.spec(), [t.encode(text) for text in texts]] for t in made] + [[part[i]["id"] for i in range(len(part))] for part in parts.values()]
print(hashlib.sha256(json.dumps(said, default=str).encode()).hexdigest())
"""


def test_numbers_are_the_same_in_every_process():
    """Contract: Python salts the hash of text anew in each process; vocabularies, merges, ties between words and splits do not depend on it."""
    found = set()
    for salt in ("1", "2", "3"):
        run = subprocess.run([sys.executable, "-c", SALTED], capture_output=True, text=True, check=True, env=os.environ | {"PYTHONHASHSEED": salt})
        found.add(run.stdout)
    assert len(found) == 1 and len(found.pop().strip()) == 64
