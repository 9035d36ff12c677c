"""The text codec: padding, masks, unknown words."""

from __future__ import annotations

import json

import pytest
import torch

import weft
from weft.data import BPE, TextCodec, Unigram, WordPiece, WordTokenizer

ROWS = [{"text": "The film was good, good!", "label": "yes"}, {"text": "bad", "label": "no"}, {"text": "", "label": "no"}]


def test_padding_is_to_the_longest_of_the_batch_and_the_mask_is_true_at_tokens():
    """Contract: text_codec's attend is True exactly where input is not padding, one count per token."""
    codec = TextCodec().fit(ROWS)
    batch = codec.collate([codec.encode(row) for row in ROWS])
    assert batch["input"].shape == batch["attend"].shape == (3, 7) and batch["input"].dtype == torch.int64
    assert batch["attend"].dtype == torch.bool and batch["attend"].sum(1).tolist() == [7, 1, 1]
    assert torch.equal(batch["attend"], batch["input"] != 0)
    assert batch["target"].tolist() == [1, 0, 0]


def test_case_and_white_space_do_not_count_but_signs_do():
    codec = TextCodec().fit(ROWS)
    assert torch.equal(codec.encode({"text": "GOOD\n\tFilm"})["input"], codec.encode({"text": "good film"})["input"])
    assert not torch.equal(codec.encode({"text": "good!"})["input"], codec.encode({"text": "good"})["input"])


def test_unknown_and_empty_texts_are_one_unknown_token():
    codec = TextCodec().fit(ROWS)
    for text in ("zebra", "", " \n"):
        encoded = codec.encode({"text": text})
        assert encoded["input"].tolist() == [1] and encoded["attend"].tolist() == [True]


@pytest.mark.parametrize("level", ["word", "character"])
def test_long_texts_are_cut(level):
    codec = TextCodec(level=level, max_length=5).fit(ROWS)
    assert codec.encode({"text": "good " * 100_000})["input"].shape == (5,)


def test_size_bounds_the_vocabulary():
    codec = TextCodec(size=4).fit(ROWS)
    assert codec.num_tokens == 4 and codec.vocabulary[2] == "good"
    assert codec.encode({"text": "film"})["input"].tolist() == [1]


def test_labels_must_be_known_and_texts_must_be_text():
    codec = TextCodec().fit(ROWS)
    with pytest.raises(ValueError, match="'maybe' was not among"):
        codec.encode({"text": "x", "label": "maybe"})
    for record in ({"txt": "x"}, {"text": 3}, {"text": None}):
        with pytest.raises(ValueError, match="needs text under 'text'"):
            codec.encode(record)
    with pytest.raises(ValueError, match="not been fitted"):
        TextCodec().encode({"text": "x"})
    with pytest.raises(ValueError, match="at least 1"):
        TextCodec(max_length=0)


def test_other_column_names_and_texts_without_labels():
    codec = TextCodec(text="review", label="stars").fit([{"review": "a b", "stars": 5}, {"review": "c", "stars": 1}])
    assert codec.classes == ("1", "5") and codec.schema()["required"] == ["review"]
    assert codec.decode({"output": torch.tensor([[0.0, 9.0]])})[0]["label"] == "5"
    bare = TextCodec().fit([{"text": "a"}])
    assert bare.classes is None and "target" not in bare.encode({"text": "a"})
    with pytest.raises(ValueError, match="knows no classes"):
        bare.decode({"output": torch.zeros(1, 2)})


@pytest.mark.parametrize("tokenizer", [BPE(size=300), WordPiece(size=60, min_count=1), Unigram(size=40, min_count=1), WordTokenizer(min_count=1)])
def test_a_tokenizer_takes_the_place_of_words_and_is_saved_with_the_codec(tokenizer):
    """Contract: TextCodec with a tokenizer fits it on training texts, and its spec rebuilds both."""
    codec = TextCodec(tokenizer=tokenizer, max_length=6).fit(ROWS)
    again = weft.build(json.loads(json.dumps(codec.spec())))
    encoded = codec.encode(ROWS[0])
    assert codec.num_tokens == codec.tokenizer.num_tokens > 2 and codec.vocabulary is None and again == codec
    assert encoded["input"].tolist() == codec.tokenizer.encode(ROWS[0]["text"])[:6] and encoded["target"] == 1
    assert codec.fit(ROWS).tokenizer is codec.tokenizer, "a fitted tokenizer stays"
    batch = again.collate([again.encode(row) for row in ROWS])
    assert torch.equal(batch["attend"], batch["input"] != 0) and batch["input"][2, 0] == 1
    assert codec.encode(ROWS[0] | {"tokens": [3, 2]})["input"].tolist() == [3, 2]


def test_a_codec_without_tokenizer_is_written_as_before():
    """Regression: bundles of before open, and the spec has no new name where there is no tokenizer."""
    assert "tokenizer" not in TextCodec().fit(ROWS).spec()["args"]
    with pytest.raises(ValueError, match="padding '<pad>' at 1"):
        TextCodec(tokenizer=WordTokenizer(vocabulary=("a", "<pad>", "<unk>")))
