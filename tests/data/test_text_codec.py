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


PAIRS = [
    {"text": "A man plays.", "other": "Somebody makes music", "label": ["true", "music"]},
    {"text": "A dog", "other": "no dog", "label": ["false"]},
    {"text": "", "other": "A man, a man and a dog!", "label": []},
]


def test_pairs_are_joined_cut_and_told_apart():
    """text_codec, closed form: first, separator, second; segment 0 up to the separator; the longer text gives up tokens first; padding is 0."""
    codec = TextCodec(pair="other", several=True).fit(PAIRS)
    assert codec.vocabulary[2] == "<sep>"
    batch = codec.collate([codec.encode(row) for row in PAIRS])
    separators = [row.index(2) for row in batch["input"].tolist()]
    assert separators == [4, 2, 1]  # an empty text is one unknown token
    second = [[int(s < n < length) for n in range(11)] for s, length in zip(separators, [8, 5, 11], strict=True)]
    assert batch["segment"].tolist() == second
    assert batch["attend"].sum(1).tolist() == [8, 5, 11]
    short = TextCodec(pair="other", max_length=6, vocabulary=codec.vocabulary)
    assert short.encode(PAIRS[2])["input"].tolist() == codec.encode(PAIRS[2])["input"].tolist()[:6]
    assert short.encode(PAIRS[0])["segment"].tolist() == [0, 0, 0, 0, 1, 1]  # of 4 and 3 tokens 3 and 2 stay
    again = weft.build(json.loads(json.dumps(codec.spec())))
    assert again == codec and torch.equal(again.encode(PAIRS[0])["input"], codec.encode(PAIRS[0])["input"])
    assert codec.schema()["required"] == ["text", "other"]
    with pytest.raises(ValueError, match="needs text under 'other'"):
        codec.encode({"text": "a"})
    with pytest.raises(ValueError, match="no token '<sep>'"):
        TextCodec(pair="other", vocabulary=("<pad>", "<unk>", "a"))


@pytest.mark.parametrize("max_length", [5, 8, 9, 40])
def test_pairs_are_those_of_tokenizers(max_length):
    """Parity: text_codec's pairs beside tokenizers' with the same word pieces, a separator between and the longest cut first: numbers, segments
    and masks of a whole batch, padded to its longest."""
    tokenizers = pytest.importorskip("tokenizers")
    pieces = WordPiece(size=60, min_count=1).fit(text for row in PAIRS for text in (row["text"], row["other"]))
    codec = TextCodec(pair="other", separator="[SEP]", tokenizer=pieces, max_length=max_length)
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece({token: n for n, token in enumerate(pieces.vocabulary)}, unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = tokenizers.normalizers.BertNormalizer(), tokenizers.pre_tokenizers.BertPreTokenizer()
    separator = ("[SEP]", pieces.vocabulary.index("[SEP]"))
    made.post_processor = tokenizers.processors.TemplateProcessing(single="$A", pair="$A [SEP] $B:1", special_tokens=[separator])
    made.enable_truncation(max_length, strategy="longest_first")
    made.enable_padding()
    rows = [{"text": a, "other": b} for a, b in (("A man plays.", "Somebody makes music"), ("a dog plays", "man"), ("a", "a man and a dog makes music, a dog"))]
    theirs = made.encode_batch([(row["text"], row["other"]) for row in rows])
    ours = codec.collate([codec.encode(row) for row in rows])
    assert ours["input"].tolist() == [each.ids for each in theirs]
    assert ours["segment"].tolist() == [each.type_ids for each in theirs]
    assert ours["attend"].long().tolist() == [each.attention_mask for each in theirs]


def test_several_labels_are_rows_of_zeros_and_ones_and_come_back():
    """text_codec, closed form: a list of labels becomes a row, none a row of zeros, and sure logits decode to the labels again."""
    codec = TextCodec(several=True).fit(PAIRS)
    batch = codec.collate([codec.encode(row) for row in PAIRS])
    assert codec.classes == ("false", "music", "true") and batch["target"].tolist() == [[0, 1, 1], [1, 0, 0], [0, 0, 0]]
    assert "segment" not in batch
    decoded = codec.decode({"output": batch["target"] * 20 - 10})
    assert [set(record["labels"]) for record in decoded] == [set(row["label"]) for row in PAIRS]
    with pytest.raises(ValueError, match="several labels are a list"):
        codec.encode(PAIRS[0] | {"label": "true"})
    with pytest.raises(ValueError, match="'ture' was not among"):
        codec.encode(PAIRS[0] | {"label": ["ture"]})
    with pytest.raises(ValueError, match="one logit per class"):
        codec.decode({"output": torch.zeros(2, 4)})
