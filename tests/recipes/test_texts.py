from __future__ import annotations

import pytest

from weft.recipes.texts import labelled_texts


def test_a_folder_of_text_files_has_the_folders_as_labels(tmp_path):
    for label in ("good", "bad"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.txt").write_text(f"a {label} film")
    assert [dict(record) for record in labelled_texts(tmp_path)] == [
        {"text": "a bad film", "label": "bad", "path": "bad/1.txt"},
        {"text": "a good film", "label": "good", "path": "good/1.txt"},
    ]


def test_numbers_in_a_text_column_are_texts(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\n12,x\n13,y\n")
    assert labelled_texts(tmp_path / "a.csv")[0]["text"] == "12"


@pytest.mark.parametrize(
    ("text", "message"),
    [("text,label\n,x\nb,y\n", "missing in 1 rows, the first is row 1"), ("text,lable\na,x\n", "no column 'label'.*'lable'"), ("", "is empty")],
)
def test_a_bad_table_of_texts_is_refused(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        labelled_texts(tmp_path / "a.csv")


def test_a_bad_folder_of_texts_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        labelled_texts(tmp_path / "nowhere")
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "1.txt").write_text("words")
    with pytest.raises(ValueError, match="1 class folders"):
        labelled_texts(tmp_path)
    (tmp_path / "none").mkdir()
    with pytest.raises(ValueError, match=r"holds no \.txt files"):
        labelled_texts(tmp_path)


def test_what_cannot_be_read_is_skipped_and_said(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\n,x\nb,y\nc,\nd,x\n")
    source = labelled_texts(tmp_path / "a.csv", unreadable="skip")
    assert list(source) == [{"text": "b", "label": "y"}, {"text": "d", "label": "x"}]
    assert ["row 1 has no 'text'" in source.skipped[0], "row 3 has no 'label'" in source.skipped[1]] == [True, True]
    (tmp_path / "none.csv").write_text("text,label\n,x\nb,\n")
    with pytest.raises(ValueError, match="no row has both"):
        labelled_texts(tmp_path / "none.csv", unreadable="skip")
    for name, data in (("good/1.txt", b"a film"), ("good/2.txt", b"\xff\xfe"), ("bad/1.txt", b"dull"), ("bad/2.txt", b" \n")):
        (tmp_path / "films" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "films" / name).write_bytes(data)
    source = labelled_texts(tmp_path / "films", unreadable="skip")
    assert [record["path"] for record in source] == ["bad/1.txt", "good/1.txt"]
    assert "holds no text" in source.skipped[0] and "UTF-8" in source.skipped[1]
    with pytest.raises(ValueError, match="UTF-8"):
        labelled_texts(tmp_path / "films")
