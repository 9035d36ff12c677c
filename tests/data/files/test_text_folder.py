"""Texts in a folder."""

from __future__ import annotations

import pickle

import pytest

from weft.data import TextCodec
from weft.data.files.text_folder import TextFolder


@pytest.fixture
def folder(tmp_path):
    for name, text in {"good/1.txt": "a good film", "good/deep/2.TXT": "another", "bad/1.txt": "a bad film", "bad/.hidden.txt": "x", ".git/3.txt": "x", "bad/notes.md": "x"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_texts_are_labelled_by_their_folder(folder):
    """Contract: TextFolder gives every text once, by label and path, and goes through the codec for texts."""
    source = TextFolder(folder)
    assert [(record["label"], record["path"], record["text"]) for record in source] == [
        ("bad", "bad/1.txt", "a bad film"), ("good", "good/1.txt", "a good film"), ("good", "good/deep/2.TXT", "another"),
    ]  # fmt: skip
    assert source.classes == ("bad", "good") == TextCodec().fit(source).classes and source.key(-1) == "good/deep/2.TXT"
    assert pickle.loads(pickle.dumps(source))[0] == source[0]
    assert len(TextFolder(folder, labels=False, endings=(".txt", ".md"))) == 4
    with pytest.raises(IndexError):
        source[3]


def test_bad_texts_stop_by_name_or_are_counted(folder):
    (folder / "good" / "0.txt").write_bytes(b"\xff\xfe")
    (folder / "good" / "9.txt").write_text("x" * 200)
    with pytest.raises(ValueError, match=r"good/0\.txt.*not UTF-8"):
        TextFolder(folder)[1]
    source = TextFolder(folder, unreadable="skip", max_bytes=100)
    assert len(source) == 3 and len(source.skipped) == 2 and "more than 100 bytes" in source.skipped[1]


def test_folders_that_do_not_fit_are_refused(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder"):
        TextFolder(tmp_path / "none")
    (folder / "loose.txt").write_text("x")
    with pytest.raises(ValueError, match=r"'loose\.txt' lies in no sub-folder"):
        TextFolder(folder)
    with pytest.raises(ValueError, match=r"holds no texts; looked for \.rst"):
        TextFolder(folder, endings=(".rst",))
    (tmp_path / "one" / "a").mkdir(parents=True)
    (tmp_path / "one" / "a" / "1.txt").write_text("x")
    with pytest.raises(ValueError, match="expected two or more"):
        TextFolder(tmp_path / "one")
    with pytest.raises(ValueError, match="expected 'stop' or 'skip'"):
        TextFolder(folder, unreadable="no")
