"""The bridge both ways: the same numbers from here and from Hugging Face's library."""

from __future__ import annotations

import json

import pytest

import weft
from weft.data import (
    BPE,
    CharacterTokenizer,
    CleanedTokenizer,
    FastTokenizer,
    Lines,
    TextCodec,
    TokenCodec,
    Unigram,
    WordPiece,
    WordTokenizer,
    read_tokenizer_json,
    tokenizer_json,
)

CORPUS = ["the cat sat on the mat", "lower lowest, lower low!", "Grüße aus Köln, 世界! 世界?"] * 2
TEXTS = [*CORPUS, "", " a  b ", "unseen Wörter 123 🙂", "<pad> <unk> [CLS] <0x41> x", "low\n\nlow\tlow", "Köln\u00a0é"]
OWN = {
    "bpe bytes": BPE(size=300),
    "bpe whitespace": BPE(size=300, pattern="whitespace"),
    "bpe whole": BPE(size=300, pattern="none"),
    "bpe characters": BPE(size=60, level="character"),
    "bpe characters and bytes": BPE(size=320, level="character+bytes"),
    "bpe end of word": BPE(size=60, min_count=1, level="character", pattern="whitespace", end_of_word="</w>"),
    "word piece": WordPiece(size=80, min_count=1),
    "word piece cased": WordPiece(size=80, min_count=1, lower=False),
    "unigram": Unigram(size=60, min_count=1),
    "unigram bytes": Unigram(size=320, min_count=2, fallback=True),
    "unigram nfkc": Unigram(size=60, min_count=1, normal="nfkc"),
    "words": WordTokenizer("whitespace", min_count=1),
    "characters": CharacterTokenizer(),
    "characters alone": CharacterTokenizer(fallback=False),
    "bytes": CharacterTokenizer("byte"),
}


@pytest.mark.parametrize("name", OWN)
def test_exported_tokenizers_give_the_same_numbers(name):
    """Parity both ways: FastTokenizer of an exported tokenizer encodes as the tokenizer does, and decodes what has no unknown to the same text."""
    pytest.importorskip("tokenizers")
    ours = OWN[name].fit(CORPUS)
    fast = FastTokenizer(tokenizer_json(ours))
    assert fast.num_tokens == ours.num_tokens and fast.vocabulary == ours.vocabulary and fast.specials[0] == ours.specials[0]
    for text in TEXTS:
        if name.startswith("unigram") and "<pad>" in text:  # the library finds the name as one unknown piece
            assert 0 not in fast.encode(text)
            continue
        ids = ours.encode(text)
        assert fast.encode(text) == ids, text
        if ours.vocabulary.index(ours.specials[1]) not in ids:
            assert fast.decode(ids) == ours.decode(ids), text


def test_special_tokens_are_not_read_out_of_a_text():
    """Regression: a text that says <pad> must not become padding."""
    pytest.importorskip("tokenizers")
    fast = FastTokenizer(tokenizer_json(BPE(size=300).fit(CORPUS)))
    assert fast.decode(fast.encode("a <pad> b")) == "a <pad> b" and 0 not in fast.encode("<pad>")


def test_a_file_of_the_library_is_read_and_saved_with_a_codec(tmp_path):
    """Contract: FastTokenizer from a file made by the library itself, in a codec, rebuilt from its spec; template and padding stay out."""
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.ByteLevelBPETokenizer()
    made.train_from_iterator(CORPUS, vocab_size=290, special_tokens=["<pad>", "<s>"], show_progress=False)
    made.enable_padding(length=40, pad_token="<pad>")
    made.save(str(tmp_path / "tokenizer.json"))
    fast = read_tokenizer_json(tmp_path / "tokenizer.json")
    made.no_padding()
    assert fast.specials == ("<pad>", "<s>") and all(fast.encode(text) == made.encode(text).ids for text in TEXTS if "<" not in text)
    assert fast.offsets("the cat") == made.encode("the cat").offsets and fast.fit(["x"]) is fast
    codec = TextCodec(tokenizer=fast).fit([{"text": "a", "label": 1}, {"text": "b", "label": 2}])
    again = weft.build(json.loads(json.dumps(codec.spec())))
    assert again == codec and again.encode({"text": "the cat"})["input"].tolist() == fast.encode("the cat")
    (tmp_path / "a.txt").write_text("the cat")
    assert TokenCodec(tokenizer=fast).stream(Lines(tmp_path / "a.txt")).tolist() == fast.encode("the cat")


def test_padding_must_be_told_where_it_cannot_be_seen():
    words = {"version": "1.0", "added_tokens": [], "model": {"type": "WordLevel", "vocab": {"a": 0, "<unk>": 2}, "unk_token": "<unk>"}}
    with pytest.raises(ValueError, match=r"Pass specials=\(padding"):
        FastTokenizer(json.dumps(words))
    fast = FastTokenizer(json.dumps(words), specials=("<unk>",))
    assert fast.vocabulary == ("a", "<unused 1>", "<unk>") and fast.num_tokens == 3


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"model": {"vocab": 3}}'])
def test_another_file_is_refused(text):
    with pytest.raises(ValueError, match=r"no tokenizer\.json"):
        FastTokenizer(text)


def test_what_the_library_cannot_read_is_said():
    pytest.importorskip("tokenizers")
    with pytest.raises(ValueError, match="cannot read this definition"):
        FastTokenizer(json.dumps({"model": {"type": "?", "vocab": {"<pad>": 0}}}), specials=("<pad>",)).encode("a")


@pytest.mark.parametrize(
    "tokenizer",
    [CharacterTokenizer("grapheme"), WordTokenizer("basic_english", min_count=1), WordPiece(size=700, min_count=1, fallback=True), BPE(size=300, pattern="words"),
     BPE(size=300, end_of_word="</w>"), CleanedTokenizer(BPE(size=300))],
    ids=["graphemes", "basic_english", "word piece bytes", "words", "end over bytes", "cleaned"],
)  # fmt: skip
def test_what_the_format_cannot_say_is_refused_rather_than_changed(tokenizer):
    with pytest.raises(ValueError, match=r"tokenizer\.json"):
        tokenizer_json(tokenizer.fit(CORPUS))


def test_an_unfitted_tokenizer_has_nothing_to_export():
    with pytest.raises(ValueError, match="not been fitted"):
        tokenizer_json(BPE())
