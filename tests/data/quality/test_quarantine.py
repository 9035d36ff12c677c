"""Quarantine: nothing is lost, everything comes back."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.data.quality.files import write
from weft.data import Problem, content_hash, quarantine, restore
from weft.data.quality.quarantine import read


@pytest.fixture
def folder(tmp_path):
    for name in ("a/1.png", "a/2.png", "b/1.png", "rows.csv"):
        write(tmp_path / "data" / name, name.encode())
    return tmp_path / "data"


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_go_and_come_back_as_they_were(folder, tmp_path):
    before = tree(folder)
    problems = [Problem("unreadable", "is cut", "a/1.png"), Problem("empty", "0 bytes", "b/1.png"), Problem("blurred", "soft", "a/1.png")]
    made = quarantine(folder, problems, tmp_path / "aside")
    assert made.count == 2 and set(tree(folder)) == {"a/2.png", "rows.csv"}
    assert read(tmp_path / "aside").items[0] == {"file": "a/1.png", "sha256": content_hash(b"a/1.png"), "reasons": ["unreadable: is cut", "blurred: soft"]}
    assert quarantine(folder, ["a/2.png"], tmp_path / "aside").count == 1
    assert restore(tmp_path / "aside") == 3 and tree(folder) == before and not (tmp_path / "aside").exists()


def test_a_dry_run_moves_nothing(folder, tmp_path):
    before = tree(folder)
    assert quarantine(folder, ["a/1.png"], tmp_path / "aside", dry_run=True).count == 1
    assert tree(folder) == before and not (tmp_path / "aside").exists()


def test_rows_and_members_of_archives_stay(folder, tmp_path):
    problems = [Problem("row", "too short", "rows.csv", 3), Problem("unreadable", "broken", "a.tar/1.png"), Problem("leak", "no file named")]
    assert quarantine(folder, problems, tmp_path / "aside").count == 0 and not (tmp_path / "aside").exists()


def test_an_interrupted_move_is_undone_too(folder, tmp_path, monkeypatch):
    before = tree(folder)
    moved = []

    def once(source, target):
        if moved:
            raise OSError("the disk is full")
        moved.append(source)
        source.rename(target)

    monkeypatch.setattr(shutil, "move", once)
    with pytest.raises(OSError, match="full"):
        quarantine(folder, ["a/1.png", "a/2.png"], tmp_path / "aside")
    monkeypatch.undo()
    assert restore(tmp_path / "aside") == 1 and tree(folder) == before


def test_names_that_lead_outside_are_refused(folder, tmp_path):
    write(tmp_path / "secret.txt", b"x")
    with pytest.raises(ValueError, match="leads out"):
        quarantine(folder, ["../secret.txt"], tmp_path / "aside")
    quarantine(folder, ["a/1.png"], tmp_path / "aside")
    record = tmp_path / "aside" / "quarantine.json"
    text = json.loads(record.read_text())
    text["items"][0]["file"] = "../secret.txt"
    record.write_text(json.dumps(text))
    with pytest.raises(ValueError, match="leads out"):
        restore(tmp_path / "aside")
    record.write_text("{")
    with pytest.raises(ValueError, match="not a quarantine's manifest"):
        restore(tmp_path / "aside")


def test_a_place_that_was_taken_and_a_changed_file_stop_before_anything_moves(folder, tmp_path):
    quarantine(folder, ["a/1.png", "a/2.png"], tmp_path / "aside")
    write(folder / "a" / "2.png", b"new")
    with pytest.raises(ValueError, match="taken by another"):
        restore(tmp_path / "aside")
    (folder / "a" / "2.png").unlink()
    (tmp_path / "aside" / "a" / "1.png").write_bytes(b"changed")
    with pytest.raises(ValueError, match="not the file that was put there"):
        restore(tmp_path / "aside")
    assert not (folder / "a" / "2.png").exists()


def test_a_quarantine_belongs_to_one_folder_beside_it(folder, tmp_path):
    with pytest.raises(ValueError, match="inside"):
        quarantine(folder, ["a/1.png"], folder / "aside")
    write(tmp_path / "tables" / "a.csv", b"x")
    with pytest.raises(ValueError, match=r"lies inside '[^']*tables', where the data are"):
        quarantine(tmp_path / "tables" / "a.csv", ["a.csv"], tmp_path / "tables" / "aside")
    quarantine(folder, ["a/1.png"], tmp_path / "aside")
    write(tmp_path / "other" / "x", b"")
    with pytest.raises(ValueError, match="belongs to"):
        quarantine(tmp_path / "other", ["x"], tmp_path / "aside")
    with pytest.raises(FileNotFoundError, match="no quarantine"):
        restore(tmp_path)
