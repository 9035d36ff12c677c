"""The token codec: text to a stream and back."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import weft
from weft.data import BPE, Lines, TokenCodec, Unigram, WordPiece


@given(st.text(min_size=1), st.sampled_from(["character", "word"]))
def test_text_comes_back_from_its_stream(text, level):
    """Property: token_codec loses nothing of a text whose tokens it knows."""
    codec = TokenCodec(level=level).fit(text)
    assert codec.text(codec.stream(text)) == text


def test_unknown_tokens_are_marked_and_padding_writes_nothing():
    codec = TokenCodec().fit("ab")
    assert codec.stream("axb").tolist() == [2, 1, 3]
    assert codec.text(torch.tensor([2, 1, 0, 3])) == "a\ufffdb"


def test_a_file_of_lines_is_one_stream(tmp_path):
    (tmp_path / "a.txt").write_text("ab\n\nba\n")
    source = Lines(tmp_path / "a.txt")
    codec = TokenCodec(length=3).fit(source)
    assert codec.text(codec.stream(source)) == "ab\n\nba\n" and len(codec.windows(source)) == 2
    assert codec.text(codec.stream([{"text": "a"}, {"text": "b"}])) == "a\nb"


@pytest.mark.parametrize("level", ["character", "word"])
def test_a_prompt_keeps_its_end(level):
    text = "to be or not to be"
    codec = TokenCodec(level=level, length=3).fit(text)
    encoded = codec.encode({"text": text})
    assert torch.equal(encoded["input"], codec.stream(text)[-3:]) and encoded["attend"].all()
    batch = codec.collate([encoded, codec.encode({"text": "to"})])
    assert batch["input"].shape == batch["attend"].shape and batch["input"].shape[0] == 2


def test_decoding_takes_tokens_or_logits():
    codec = TokenCodec().fit("abc")
    tokens = codec.stream("cab")[None]
    logits = torch.nn.functional.one_hot(tokens, codec.num_tokens).float()
    assert codec.decode({"tokens": tokens}) == codec.decode({"output": logits}) == [{"text": "cab"}]


@pytest.mark.parametrize("record", [{"text": ""}, {"text": None}, {}])
def test_a_prompt_needs_a_character(record):
    with pytest.raises(ValueError, match="at least one character"):
        TokenCodec().fit("ab").encode(record)


def test_wrong_use_is_named():
    with pytest.raises(ValueError, match="not been fitted"):
        TokenCodec().stream("ab")
    with pytest.raises(ValueError, match="at least 1"):
        TokenCodec(length=0)
    with pytest.raises(ValueError, match="No token is left"):
        TokenCodec().fit("")


@pytest.mark.parametrize("tokenizer", [BPE(size=280), Unigram(size=30, min_count=1)])
def test_a_tokenizer_makes_the_stream_and_is_saved_with_the_codec(tokenizer):
    """Contract: TokenCodec with a tokenizer gives a known text back, keeps a prompt's end, and its spec rebuilds both."""
    text = "to be or not to be, to be or not"
    codec = TokenCodec(length=3, tokenizer=tokenizer).fit([{"text": text}])
    again = weft.build(json.loads(json.dumps(codec.spec())))
    assert again == codec and codec.num_tokens == codec.tokenizer.num_tokens and codec.text(codec.stream(text)) == text
    assert torch.equal(again.encode({"text": text})["input"], codec.stream(text)[-3:]) and len(codec.windows(text)) > 1
    assert codec.decode({"tokens": codec.stream("to be")[None]}) == [{"text": "to be"}]


def test_a_prompt_in_which_a_tokenizer_reads_nothing_is_refused():
    codec = TokenCodec(tokenizer=WordPiece(size=30, min_count=1)).fit("to be")
    with pytest.raises(ValueError, match="has no token"):
        codec.encode({"text": "  "})
    assert "tokenizer" not in TokenCodec().fit("ab").spec()["args"]
