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
