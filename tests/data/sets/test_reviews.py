"""IMDb's folders on a fixture written here."""

from __future__ import annotations

import pytest

from weft.data.sets.laid_out import write_stand_in
from weft.data.sets.reviews import imdb

FILES = {"train/pos/10_9.txt": "Très bon.<br />", "train/pos/2_10.txt": "Good.", "train/neg/0_1.txt": "Bad.", "train/unsup/0_0.txt": "Some."}


def lay_out(folder, files=FILES):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_reviews_come_by_label_and_number(tmp_path):
    """imdb, contract: texts to the letter, labels of the folders, ratings of the names, in an order of their own."""
    records = imdb(lay_out(tmp_path))
    assert [(record["path"], record["label"], record["rating"]) for record in records] == [
        ("train/neg/0_1.txt", "neg", 1), ("train/pos/2_10.txt", "pos", 10), ("train/pos/10_9.txt", "pos", 9),
    ]  # fmt: skip
    assert records[2]["text"] == "Très bon.<br />"
    assert imdb(tmp_path, "unsup") == [{"text": "Some.", "path": "train/unsup/0_0.txt"}]


def test_a_made_copy_can_be_learned(tmp_path):
    """imdb, learned: a word tells the label in the made copy."""
    write_stand_in("imdb", tmp_path)
    for part, size in (("train", 240), ("test", 60)):
        records = imdb(tmp_path, part)
        assert len(records) == size and all(("good" in record["text"]) == (record["label"] == "pos") for record in records)
    assert len(imdb(tmp_path, "unsup")) == 60


def test_what_is_wrong_is_named(tmp_path):
    lay_out(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"lacks test/neg, test/pos; published at https://ai\.stanford"):
        imdb(tmp_path, "test")
    with pytest.raises(ValueError, match="expected 'train' or 'test' or 'unsup'"):
        imdb(tmp_path, "..")
    lay_out(tmp_path, {"train/pos/good.txt": "x"})
    with pytest.raises(ValueError, match=r"good\.txt'; expected names of a number and a rating"):
        imdb(tmp_path)
    (tmp_path / "train/pos/good.txt").rename(tmp_path / "train/pos/3_9.txt")
    (tmp_path / "train/pos/3_9.txt").write_text("x" * 1_000_001)
    with pytest.raises(ValueError, match="more than 1,000,000 bytes"):
        imdb(tmp_path)
    for file in (tmp_path / "train/unsup").iterdir():
        file.unlink()
    with pytest.raises(ValueError, match="holds no reviews"):
        imdb(tmp_path, "unsup")
