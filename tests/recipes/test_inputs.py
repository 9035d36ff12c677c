from __future__ import annotations

import io
import json

import pytest

from weft.data import AudioCodec, ImageCodec, TableCodec, TextCodec, wav_bytes
from weft.recipes import records
from weft.recipes.inputs import opened
from weft.serve.values import Values

IMAGE = ImageCodec(size=8, channels=1, mean=(0.0,), std=(1.0,), classes=("a", "b"))
TEXT = TextCodec(vocabulary=("<pad>", "<unk>", "good"), classes=("a", "b"))
TABLE = TableCodec("y").fit([{"age": 1, "city": "Rome", "y": "no"}, {"age": 2, "city": "Oslo", "y": "yes"}])
NOTHING = io.BytesIO(b"")


def test_pictures_are_files_folders_and_standard_input(photos):
    file = next((photos / "one").iterdir())
    found = records(IMAGE, [str(file), str(photos / "one"), "-"], io.BytesIO(file.read_bytes()))
    assert len(found) == 2 + len(list((photos / "one").iterdir()))
    assert all("target" not in IMAGE.encode(record) for _, record in found)
    assert found[0][0] == str(file) and found[-1][0] == "-"


def test_sounds_are_files_folders_and_standard_input(tmp_path):
    import torch

    codec = AudioCodec(sample_rate=8000)
    data = wav_bytes(torch.zeros(1, 80), 8000)
    for name in ("b.wav", "deep/a.wav", "deep/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    found = records(codec, [str(tmp_path), str(tmp_path / "b.wav"), f"audio={tmp_path / 'b.wav'}"], io.BytesIO())
    assert [record["audio"] for _, record in found] == [tmp_path / "b.wav", tmp_path / "deep" / "a.wav", tmp_path / "b.wav", tmp_path / "b.wav"]
    assert records(codec, ["-"], io.BytesIO(data)) == [("-", {"audio": data})]


def test_texts_are_files_folders_lines_and_fields(tmp_path):
    for name in ("b.txt", "a.txt"):
        (tmp_path / name).write_text(f"words of {name}")
    found = records(TEXT, [str(tmp_path / "b.txt"), str(tmp_path), "-", "text=a=b"], io.BytesIO(b"one\n\ntwo\n"))
    assert [record["text"] for _, record in found] == ["words of b.txt", "words of a.txt", "words of b.txt", "one", "two", "a=b"]


def test_words_with_a_space_are_the_text_itself(tmp_path):
    (tmp_path / "my words.txt").write_text("in a file")
    long = "good " * 2_000  # longer than any file's name may be
    found = records(TEXT, ["a good film", long, str(tmp_path / "my words.txt"), f"text={long}"], NOTHING)
    assert [record["text"] for _, record in found] == ["a good film", long, "in a file", long] and found[0][0] == "a good film"


@pytest.mark.parametrize("stdin", [b"age,city,y\n3,Rome,no\n", b'{"age": 3, "city": "Rome", "extra": 1}\n'])
def test_rows_lose_what_the_codec_does_not_take(tmp_path, stdin):
    (tmp_path / "rows.csv").write_text("age,city,y\n4,Oslo,yes\n")
    found = records(TABLE, [str(tmp_path / "rows.csv"), "-", "age=5", "city=Lima"], io.BytesIO(stdin))
    assert [record for _, record in found] == [{"age": 4, "city": "Oslo"}, {"age": 3, "city": "Rome"}, {"age": 5, "city": "Lima"}]


def test_a_codec_without_names_takes_json_lines(tmp_path):
    (tmp_path / "x.jsonl").write_text(json.dumps({"input": [1, 2]}))
    assert records(Values(), [str(tmp_path / "x.jsonl")], NOTHING)[0][1] == {"input": [1, 2]}


@pytest.mark.parametrize(
    ("codec", "words", "stdin", "message"),
    [
        (IMAGE, [], b"", "nothing to predict"),
        (IMAGE, ["gone.png"], b"", r"no file or folder 'gone\.png'"),
        (IMAGE, ["-"], b"", "Standard input is empty"),
        (TABLE, ["agee=3"], b"", "Did you mean 'age'"),
        (TABLE, ["rows.xlsx"], b"", "is no table"),
        (TABLE, ["."], b"", "is a folder; this model takes rows"),
        (TEXT, ["empty"], b"", r"no \.txt files"),
        (TEXT, ["good"], b"", "If it is the text itself: text=good"),
        (TEXT, ["my words.txt"], b"", r"no file or folder 'my words\.txt'"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, monkeypatch, codec, words, stdin, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.xlsx").write_bytes(b"PK")
    (tmp_path / "empty").mkdir()
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        records(codec, words, io.BytesIO(stdin))


def test_what_is_neither_run_nor_bundle_is_said(tmp_path, own):
    (tmp_path / "digits.weft").write_bytes(b"no bundle")
    with pytest.raises(FileNotFoundError, match=r"Did you mean 'digits\.weft'"):
        opened(tmp_path / "digit.weft")
    with pytest.raises(ValueError, match=r"digits\.weft"):
        opened(tmp_path / "digits.weft")
    with pytest.raises(FileNotFoundError, match="holds no run"):
        opened(tmp_path)


def test_classes_of_ones_own_come_with_a_run_and_are_given_with_a_bundle(tmp_path, own):
    import weft

    result = weft.run(f"{own}:train", run=tmp_path / "run", progress=False)
    assert opened(result.run).predict([{"input": [1.0, 0, 0, 0]}]) == opened(result.bundle, own=own).predict([{"input": [1.0, 0, 0, 0]}])
    with pytest.raises(ValueError, match="your own class 'mine:Net'"):
        opened(result.bundle)
