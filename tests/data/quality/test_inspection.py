"""Inspection of folders and tables: all that was planted is reported, and nothing else."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import tracemalloc

import pytest
import torch
from PIL import Image

from tests.data.quality.files import blurred, drawn, photo, tone, write
from weft.data import content_hash, inspect
from weft.data.audio.wav import wav_bytes


def said(found, kind):
    return sorted(problem.file for problem in found.problems.of(kind))


@pytest.fixture
def pictures(tmp_path):
    for i in range(12):
        write(tmp_path / "photos" / ("cat", "dog")[i % 2] / f"{i}.png", drawn(photo(i)))
    return tmp_path / "photos"


def test_a_clean_folder_has_no_finding(pictures):
    found = inspect(pictures)
    assert found.problems.counts == {} and found.kind == "pictures" and found.counts["files"] == 12
    assert found.classes == {"cat": 6, "dog": 6} and found.columns["width"]["min"] == found.columns["width"]["max"] == 96
    assert "no problem found" in str(found) and len(found.examples) == 12 and {e["label"] for e in found.examples[:2]} == {"cat", "dog"}


def test_every_planted_fault_of_pictures_is_named(pictures):
    write(pictures / "cat" / "cut.jpg", drawn(photo(20), "JPEG")[:900])
    write(pictures / "cat" / "none.png", b"")
    write(pictures / "cat" / "other.png", drawn(photo(21), "JPEG"))
    write(pictures / "cat" / "grey.png", drawn(Image.new("L", (50, 50), 127)))
    write(pictures / "dog" / "soft.png", drawn(blurred(photo(22, (256, 192)))))
    write(pictures / "dog" / "small.jpg", drawn(photo(1).resize((64, 48)), "JPEG"))
    write(pictures / "dog" / "copy.png", drawn(photo(3)))
    write(pictures / "dog" / "wrong.png", drawn(photo(4)))
    write(pictures / "notes.docx", b"?")
    found = inspect(pictures)
    assert said(found, "unreadable") == ["cat/cut.jpg"] and said(found, "empty") == ["cat/none.png"]
    assert said(found, "wrong ending") == ["cat/other.png"] and said(found, "constant") == ["cat/grey.png"] and said(found, "blurred") == ["dog/soft.png"]
    assert said(found, "duplicate") == ["dog/copy.png"] and said(found, "conflict") == ["dog/wrong.png"]
    (near,) = found.problems.of("near duplicate")
    assert near.file == "dog/small.jpg" and "is nearly dog/1.png" in near.message
    assert found.problems.counts["not read"] == 1 and found.counts["files"] == 21
    assert found.classes == {"cat": 8, "dog": 10}  # what cannot be read has no class


def test_leaks_between_splits_are_errors(tmp_path):
    for split, seeds in (("train", (1, 2, 3)), ("test", (4, 5, 1))):
        for i in seeds:
            write(tmp_path / split / "ab"[i % 2] / f"{i}.png", drawn(photo(i)))
    write(tmp_path / "test" / "b" / "near.jpg", drawn(photo(2).resize((64, 48)), "JPEG"))
    found = inspect(tmp_path)
    assert found.splits == {"test": 4, "train": 3} and found.classes == {"a": 2, "b": 5}
    leaks = found.problems.of("leak")
    assert {(leak.file, leak.severity) for leak in leaks} == {("train/b/1.png", "error"), ("train/a/2.png", "error")}
    assert "near.jpg" in str(leaks[-1]) and any("Splits share records" in text for text in found.advice)
    assert said(inspect(tmp_path, near=False), "leak") == ["train/b/1.png"]


def test_sounds(tmp_path):
    for i in range(4):
        write(tmp_path / "ab"[i % 2] / f"{i}.wav", tone(0.25, hertz=300 + 50 * i))
    write(tmp_path / "a" / "silent.wav", wav_bytes(torch.zeros(800), 16000))
    write(tmp_path / "a" / "clipped.wav", tone(loudness=4.0))
    write(tmp_path / "b" / "cut.wav", tone()[:-9])
    write(tmp_path / "b" / "song.mp3", b"ID3")
    found = inspect(tmp_path)
    assert said(found, "silent") == ["a/silent.wav"] and said(found, "clipped") == ["a/clipped.wav"] and said(found, "unreadable") == ["b/cut.wav"]
    assert found.classes == {"a": 4, "b": 2} and found.columns["rate"]["values"] == {"8000": 5, "16000": 1}
    assert any("resample" in text for text in found.advice) and "not WAV" in str(found)


def test_texts(tmp_path):
    long = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    for name, data in {"pos/1.txt": long, "pos/2.txt": long + " seventeen", "neg/1.txt": "something else", "neg/2.txt": "cafÃ©", "neg/3.txt": "a\x00b"}.items():
        write(tmp_path / name, data.encode())
    write(tmp_path / "neg" / "4.txt", "Käse".encode("latin-1"))
    found = inspect(tmp_path)
    assert said(found, "mojibake") == ["neg/2.txt"] and said(found, "control") == ["neg/3.txt"] and said(found, "encoding") == ["neg/4.txt"]
    assert said(found, "near duplicate") == ["pos/2.txt"] and found.classes == {"neg": 4, "pos": 2} and found.columns["words"]["max"] == 17
    assert found.examples[0]["text"] == "something else"


@pytest.fixture
def table(tmp_path):
    rows = [f"{20 + i % 40},{1.5 * i},{'Rome' if i % 2 else 'Oslo'},{'no' if i % 20 else 'yes'}" for i in range(400)]
    rows[10] = ",9,Rome,no"
    rows[20] = "old,9,Rome,no"
    rows[30] = "30,1e9,Rome,no"
    rows[40] = "1,2"
    rows[50] = rows[7]
    rows[61] = rows[41].rsplit(",", 1)[0] + ",yes"
    path = tmp_path / "people.csv"
    path.write_text("age,income,city,label\n" + "\n".join(rows) + "\n")
    return path


def test_every_planted_fault_of_a_table_is_named_with_row_and_column(table):
    found = inspect(table)
    places = {(problem.kind, problem.row, problem.column) for problem in found.problems}
    assert places == {
        ("missing", 12, "age"), ("mixed types", 22, "age"), ("outlier", 32, "income"), ("row", 42, None), ("duplicate", 52, None), ("conflict", 63, None),
    }  # fmt: skip
    assert found.counts["rows"] == 399 and found.classes == {"no": 380, "yes": 19} and found.kind == "tables"
    assert any("Classes are unequal" in text for text in found.advice) and any("impute" in text for text in found.advice)
    assert json.loads(json.dumps(found.to_json()))["columns"]["city"]["values"] == {"Rome": 204, "Oslo": 195}


def test_the_target_is_by_name_or_guessed(table):
    assert inspect(table, "city").classes == {"Oslo": 195, "Rome": 204}
    with pytest.raises(ValueError, match="no column 'town'"):
        inspect(table, "town")


@pytest.mark.parametrize("label", ["-1.5", "x y", "true"])
def test_labels_of_any_kind_are_counted(tmp_path, label):
    """Float, negative and text labels: no array of counts is indexed by them."""
    write(tmp_path / "a.csv", f"x,label\n1,{label}\n2,{label}\n3,0\n".encode())
    assert inspect(tmp_path / "a.csv").classes == {label: 2, "0": 1}


def test_the_same_table_in_three_formats_gives_the_same(tmp_path, table):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")

    rows = [{"x": i, "y": i / 7, "city": "Rome" if i % 3 else None, "label": "ab"[i % 2]} for i in range(300)]
    write(tmp_path / "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    text = "x,y,city,label\n" + "".join(",".join("" if value is None else str(value) for value in row.values()) + "\n" for row in rows)
    write(tmp_path / "a.csv.gz", gzip.compress(text.encode()))
    a, b, c = (inspect(tmp_path / name).to_json() for name in ("a.jsonl", "a.parquet", "a.csv.gz"))
    assert a["columns"] == b["columns"] == c["columns"] and a["classes"] == b["classes"] == c["classes"] == {"a": 150, "b": 150}


def test_tables_of_different_columns_in_one_folder(tmp_path):
    write(tmp_path / "a.csv", b"x,label\n1,a\n2,b\n")
    write(tmp_path / "b.jsonl", b'{"x": 3}\n{"x": 4, "y": "z"}\n')
    write(tmp_path / "c.jsonl", b'{"x": "old"}\n{"x": 6}\n' * 2600 + b'{"late": 1}\n')
    found = inspect(tmp_path)
    assert found.columns["x"]["count"] == 5204 and found.columns["label"]["missing"] == 0 and found.columns["y"]["missing"] == 1
    assert found.columns["late"]["missing"] == 5200
    (mixed,) = found.problems.of("mixed types")
    assert mixed.column == "x" and mixed.file == "c.jsonl" and mixed.row == 1


def test_an_archive_is_looked_into_and_nothing_unpacked(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, data in {"cat/1.png": drawn(photo(1)), "dog/2.png": drawn(photo(2)), "dog/3.png": b"broken", "../4.png": drawn(photo(4))}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    found = inspect(tmp_path / "a.tar")
    assert said(found, "unreadable") == ["a.tar/dog/3.png"] and said(found, "unsafe name") == ["a.tar"]
    assert found.columns["width"]["count"] == 2 and sorted(os.listdir(tmp_path)) == ["a.tar"]


def test_changes_since_a_manifest_are_named(pictures):
    known = {path.relative_to(pictures).as_posix(): content_hash(path) for path in pictures.rglob("*.png")}
    write(pictures / "cat" / "0.png", drawn(photo(99)))
    (pictures / "dog" / "1.png").unlink()
    write(pictures / "dog" / "new.png", drawn(photo(98)))
    found = inspect(pictures, known=known)
    assert said(found, "changed") == ["cat/0.png"] and said(found, "missing file") == ["dog/1.png"] and said(found, "new file") == ["dog/new.png"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes")
def test_a_pipe_in_a_folder_does_not_block(pictures):
    os.mkfifo(pictures / "cat" / "pipe.png")
    (pictures / "cat" / "gone.png").symlink_to(pictures / "nowhere.png")
    found = inspect(pictures)
    assert said(found, "not a file") == ["cat/pipe.png"] and said(found, "unreadable") == ["cat/gone.png"]


def test_memory_does_not_grow_with_the_table(tmp_path):
    """Three times the rows need little more memory: what grows is a hash for each row."""

    def peak(rows):
        path = tmp_path / f"{rows}.csv"
        path.write_text("a,b,text\n" + "".join(f"{i},{i % 7},some longer text of row {i} that is not worth keeping in memory at all\n" for i in range(rows)))
        tracemalloc.start()
        inspect(path)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(16_000) - peak(6_000) < 10_000 * 250  # the rows themselves take over 400 bytes each


def test_what_is_not_there_or_of_no_kind_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        inspect(tmp_path / "none")
    with pytest.raises(ValueError, match=r"ends in '.xyz'"):
        inspect(write(tmp_path / "a.xyz", b""))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no files"):
        inspect(tmp_path / "empty")
