"""Byte-pair encoding against tokenizers, against its definition, on any text."""

from __future__ import annotations

import itertools
import json
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.data import BPE, Random
from weft.data.text.byte_level import as_characters
from weft.data.text.tokenizer import BYTES

CORPUS = ["the cat sat on the mat and the dog sat on the log", "low lower lowest, new newer newest", "Grüße aus Köln, 世界! 世界?", "aaaa aaa aa a"]
TEXTS = [*CORPUS, "unseen words: Zürich 1234", "the\n\nend  ", "lowestnewest", "é"]
FITTED = BPE(size=300, min_count=1).fit(CORPUS)


@given(st.text(max_size=60))
def test_bytes_lose_nothing(text):
    """Property: BPE over bytes gives any text back, and its spans hold the text from end to end."""
    ids, spans = FITTED.encode(text), FITTED.offsets(text)
    assert FITTED.decode(ids) == text and FITTED.vocabulary.index("<unk>") not in ids
    assert set().union(*(range(a, b) for a, b in spans)) == set(range(len(text)))


@given(st.binary(max_size=40))
def test_random_bytes_come_back(data):
    """Property, on bytes that are no text."""
    assert FITTED.decode_bytes(FITTED.encode(data.decode("utf-8", "surrogateescape"))) == data


def peer(fitted, **options):
    tokenizers = pytest.importorskip("tokenizers")
    numbers = {token: number for number, token in enumerate(fitted.vocabulary)}
    made = tokenizers.Tokenizer(tokenizers.models.BPE(numbers, list(fitted.merges), unk_token="<unk>", **options))
    return tokenizers, made


def test_encodings_equal_those_of_tokenizers():
    """Parity: BPE with the same merges as tokenizers' models.BPE gives the same numbers and spans, over bytes."""
    tokenizers, made = peer(FITTED)
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    for text in TEXTS:
        assert FITTED.encode(text) == made.encode(text).ids and FITTED.offsets(text) == made.encode(text).offsets


@pytest.mark.parametrize(("level", "end"), [("character", ""), ("character", "</w>"), ("character+bytes", "")])
def test_character_encodings_equal_those_of_tokenizers(level, end):
    """Parity: characters, with an end of word, with bytes for what is unknown."""
    fitted = BPE(size=420, min_count=1, level=level, pattern="whitespace", end_of_word=end).fit(CORPUS)
    options = {"end_of_word_suffix": end} if end else {}
    tokenizers, made = peer(fitted, byte_fallback=level.endswith("bytes"), **options)
    made.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    for text in TEXTS:
        assert fitted.encode(text) == made.encode(text).ids and fitted.offsets(text) == made.encode(text).offsets


def test_merges_equal_those_that_tokenizers_learns():
    """Parity of training: the same merges in the same order."""
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(CORPUS, tokenizers.trainers.BpeTrainer(vocab_size=298, min_frequency=1, initial_alphabet=alphabet, show_progress=False))
    merges = [tuple(pair) for pair in json.loads(made.to_str())["model"]["merges"]]
    assert list(FITTED.merges) == merges and len(merges) > 40


def naive(symbols, ranks):
    """The definition: again and again the leftmost pair of the lowest rank."""
    while True:
        found = [(ranks[pair], i) for i, pair in enumerate(itertools.pairwise(symbols)) if pair in ranks]
        if not found:
            return symbols
        i = min(found)[1]
        symbols = [*symbols[:i], symbols[i] + symbols[i + 1], *symbols[i + 2 :]]


@settings(deadline=None)
@given(st.text("thecatsol ", max_size=40))
def test_encoding_is_the_definition(text):
    """Brute force: each piece merged by the definition."""
    ranks = {pair: rank for rank, pair in enumerate(FITTED.merges)}
    pieces = [piece for piece in re.findall(r" ?[a-z]+| +(?! )| +", text)]
    if "".join(pieces) == text and "  " not in text:
        expected = [token for piece in pieces for token in naive(list(as_characters(piece)), ranks)]
        assert [FITTED.vocabulary[number] for number in FITTED.encode(text)] == expected


def test_dropout_drops_merges_at_its_rate():
    """Property: without dropout the encoding, with dropout 1 single bytes; a word of one merge keeps it in 1 - p of its samples."""
    tokenizer = BPE(size=259, min_count=1).fit(["ab"])
    assert tokenizer.vocabulary[-1] == "ab"
    assert FITTED.sample(CORPUS[0], Random(7, 0, torch.tensor([0])), 0.0) == FITTED.encode(CORPUS[0]) and len(FITTED.sample("lowest", Random(7, 0, torch.tensor([0])), 1.0)) == 6
    whole = sum(len(tokenizer.sample("ab", Random(7, 0, torch.tensor([i])), 0.3)) == 1 for i in range(1000))
    assert abs(whole / 1000 - 0.7) < 3 * (0.3 * 0.7 / 1000) ** 0.5
    with pytest.raises(ValueError, match="probability"):
        tokenizer.sample("ab", Random(7, 0, torch.tensor([0])), 1.5)


def test_a_merges_file_comes_back(tmp_path):
    FITTED.write_merges(tmp_path / "merges.txt")
    read = BPE().read_merges(tmp_path / "merges.txt")
    assert read.merges == FITTED.merges and [FITTED.vocabulary[n] for n in FITTED.encode(CORPUS[1])] == [read.vocabulary[n] for n in read.encode(CORPUS[1])]
    (tmp_path / "bad.txt").write_text("#version: 0.2\na b\na b c\n")
    with pytest.raises(ValueError, match=r"bad.txt', line 3"):
        BPE().read_merges(tmp_path / "bad.txt")
    with pytest.raises(ValueError, match="white space"):
        BPE(size=20, min_count=1, level="character").fit(["a b a b"]).write_merges(tmp_path / "no.txt")


def test_what_is_unknown_falls_back_and_is_never_lost():
    """Regression: a character that training lacked is a byte, or is marked; it does not vanish."""
    assert BPE(size=20, min_count=1, level="character").fit(["ab"]).decode([*BPE(size=20, min_count=1, level="character").fit(["ab"]).encode("aéb")]) == "a\ufffdb"
    bytes_too = BPE(size=300, min_count=1, level="character+bytes").fit(["ab"])
    assert bytes_too.decode(bytes_too.encode("aéb世")) == "aéb世" and bytes_too.offsets("é") == [(0, 1), (0, 1)]


def test_text_that_looks_like_a_token_stays_text():
    """Regression: no merge makes the name of a special token or of a byte."""
    tokenizer = BPE(size=400, min_count=1, level="character+bytes").fit(["<pad> <pad> <0x41>"] * 9)
    assert tokenizer.vocabulary.count("<pad>") == 1 and tokenizer.decode(tokenizer.encode("<pad> <0x41>")) == "<pad> <0x41>"
    assert tokenizer.encode("A") == [tokenizer.vocabulary.index(BYTES[0x41])]


def test_end_of_word_divides_words():
    tokenizer = BPE(size=60, min_count=1, level="character", pattern="whitespace", end_of_word="</w>").fit(["low lower low"])
    assert tokenizer.decode(tokenizer.encode("lower  low")) == "lower low" and "low</w>" in tokenizer.vocabulary


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"level": "word"}, "'byte'"), ({"size": 0}, "at least 1"), ({"vocabulary": ("<pad>", "<unk>")}, "belong together"), ({"pattern": "("}, "regular expression")],
)
def test_wrong_settings_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        BPE(**wrong)


def test_too_small_a_size_and_merges_without_their_tokens_are_named():
    with pytest.raises(ValueError, match="less than the 258"):
        BPE(size=100).fit(["a"])
    with pytest.raises(ValueError, match=r"Merge 0 of 'a' and 'b'"):
        BPE(vocabulary=("<pad>", "<unk>", "a", "b"), merges=(("a", "b"),), level="character").encode("ab")
    with pytest.raises(ValueError, match="no exact bytes"):
        BPE(size=9, level="character", min_count=1).fit(["ab"]).decode_bytes([2])


def test_size_counts_everything_and_is_not_overwritten():
    """Regression: vocab_size stays what was asked for when fewer tokens were learned."""
    assert FITTED.num_tokens == 300 and BPE(size=5000).fit(CORPUS).size == 5000
