"""Records of several fields."""

from __future__ import annotations

import json

import pytest
import torch

from weft.data import FieldsCodec, Loader

QUESTIONS = [
    {"question": "Who is it?", "context": "It is Ann .", "answer": "Ann", "year": 1990, "place": "Rome", "clicks": [1, 3], "label": "yes"},
    {"question": "Who?", "context": "Nobody knows", "answer": "", "year": 2010, "place": "Oslo", "clicks": [5.0], "label": "no"},
]
FIELDS = [
    {"column": "question", "kind": "text", "share": "words"},
    {"column": "context", "kind": "text", "share": "words", "max_length": 3},
    {"column": "answer", "kind": "text", "level": "character"},
    {"column": "year", "kind": "number", "optional": True},
    {"column": "place", "kind": "category", "to": "city", "optional": True},
    {"column": "clicks", "kind": "sequence"},
    {"column": "label", "kind": "label"},
]


def test_a_batch_of_questions_equals_tensors_made_by_hand():
    """Closed form: fields_codec on a question, its context and its answer, with a number, a category, a sequence and a label beside them."""
    codec = FieldsCodec(FIELDS).fit(QUESTIONS)
    words = codec.learned[0]["vocabulary"]
    assert words == codec.learned[1]["vocabulary"] == ["<pad>", "<unk>", "?", "is", "it", "who", "ann", "knows", "nobody"]
    (batch,) = Loader(QUESTIONS, codec, batch_size=2)
    assert batch["question"].tolist() == [[5, 3, 4, 2], [5, 2, 0, 0]] and batch["question_attend"].tolist() == [[True] * 4, [True, True, False, False]]
    assert batch["context"].tolist() == [[4, 3, 6], [8, 7, 0]]
    assert codec.learned[2]["vocabulary"] == ["<pad>", "<unk>", "n", "A"] and batch["answer"].tolist() == [[3, 2, 2], [1, 0, 0]]
    assert batch["year"].tolist() == [-1, 1] and batch["city"].tolist() == [2, 1] and batch["target"].tolist() == [1, 0]
    mean, std = 3.0, (8 / 3) ** 0.5
    torch.testing.assert_close(batch["clicks"], torch.tensor([[(1 - mean) / std, 0.0], [(5 - mean) / std, 0.0]]))
    assert batch["clicks_attend"].tolist() == [[True, True], [True, False]]
    assert codec.classes == ("no", "yes") and codec.num_tokens("question") == 9 and codec.num_tokens("city") == 3
    assert codec.decode({"output": torch.tensor([[0.0, 9.0]])})[0]["label"] == "yes"
    assert codec.schema()["required"] == ["question", "context", "answer", "clicks"]


def test_it_is_written_down_as_json_and_learns_from_training_only():
    codec = FieldsCodec(FIELDS).fit(QUESTIONS)
    again = FieldsCodec(**json.loads(json.dumps(codec.spec()["args"])))
    assert again == codec
    new = {"question": "What is that", "context": "", "answer": "x", "place": "Paris", "clicks": [3]}
    one, two = codec.encode(new), again.encode(new)
    assert one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one) and "target" not in one
    assert one["question"].tolist() == [1, 3, 1] and one["context"].tolist() == [1] and one["city"] == 0 and one["year"] == 0


def test_pictures_and_sounds_are_fields_too():
    """Parity: an image and an audio field against ImageCodec and AudioCodec on their own."""
    from weft.data import AudioCodec, ImageCodec

    records = [{"photo": torch.full((6, 6), 100 * i, dtype=torch.uint8), "voice": torch.sin(torch.arange(1600 + 800 * i) * 0.1), "sample_rate": 8000} for i in range(2)]
    fields = [{"column": "photo", "kind": "image", "size": 4, "channels": 1}, {"column": "voice", "kind": "audio", "sample_rate": 8000, "num_features": 20}]
    codec = FieldsCodec(fields).fit(records)
    batch = codec.collate([codec.encode(record) for record in records])
    pictures = [{"image": record["photo"]} for record in records]
    sounds = [{"audio": record["voice"], "sample_rate": 8000} for record in records]
    photo, voice = ImageCodec(size=4, channels=1).fit(pictures), AudioCodec(sample_rate=8000, num_features=20).fit(sounds)
    assert torch.equal(batch["photo"], photo.collate([photo.encode(p) for p in pictures])["input"])
    expected = voice.collate([voice.encode(s) for s in sounds])
    assert torch.equal(batch["voice"], expected["input"]) and torch.equal(batch["voice_attend"], expected["attend"])
    with pytest.raises(ValueError, match="field 'photo'"):
        codec.encode(records[0] | {"photo": b"no picture"})


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ([], "at least one field"),
        ([{"kind": "text"}], "names no column"),
        ([{"column": "question", "kind": "texts"}], r"unknown kind 'texts'\. Did you mean 'text'"),
        ([{"column": "question", "kind": "text", "max_len": 3}], r"no option 'max_len'\. Did you mean 'max_length'"),
        ([{"column": "question", "kind": "text"}, {"column": "year", "kind": "number", "to": "question"}], "become 'question'"),
        ([{"column": "question", "kind": "text"}, {"column": "year", "kind": "number", "to": "question_attend"}], "become 'question_attend'"),
        ([{"column": "questions", "kind": "text"}], r"no column 'questions'\. Did you mean 'question'"),
        ([{"column": "year", "kind": "text"}], "'year' holds a int; expected text"),
        ([{"column": "question", "kind": "number"}], "'question' holds 'Who is it"),
        ([{"column": "question", "kind": "sequence"}], "expected a sequence of numbers"),
        ([{"column": "none", "kind": "number", "optional": True}], "missing in all 2 records"),
    ],
)
def test_what_does_not_fit_is_named(fields, words):
    with pytest.raises(ValueError, match=words):
        FieldsCodec(fields).fit(QUESTIONS)


def test_an_unknown_or_missing_value_is_named():
    codec = FieldsCodec(FIELDS).fit(QUESTIONS)
    with pytest.raises(ValueError, match=r"field 'clicks' \(sequence\) is missing"):
        codec.encode({key: value for key, value in QUESTIONS[0].items() if key != "clicks"})
    with pytest.raises(ValueError, match="Class 'maybe' was not among"):
        codec.encode(QUESTIONS[0] | {"label": "maybe"})
    with pytest.raises(ValueError, match="has not been fitted"):
        FieldsCodec(FIELDS).encode(QUESTIONS[0])
    with pytest.raises(ValueError, match="No text or category becomes 'yeer'"):
        codec.num_tokens("yeer")
    with pytest.raises(ValueError, match="no field of kind 'label'"):
        FieldsCodec(FIELDS[:1]).fit(QUESTIONS).decode({"output": torch.zeros(1, 2)})
