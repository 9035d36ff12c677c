"""Manifests: equal content, equal version."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.data.quality.files import write
from weft.data import Manifest, Table, dataset_card, inspect


@pytest.fixture
def folder(tmp_path):
    for name in ("a/1.txt", "a/2.txt", "b/3.txt", ".hidden"):
        write(tmp_path / "data" / name, f"text {name}".encode())
    return tmp_path / "data"


def test_the_version_is_of_names_and_contents_alone(folder, tmp_path):
    """Property: a copy has the same version, one changed byte or name another."""
    version = Manifest.of(folder).version
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "a" / "1.txt").touch()
    assert Manifest.of(copy).version == version and set(Manifest.of(copy).files) == {"a/1.txt", "a/2.txt", "b/3.txt"}
    (copy / "a" / "1.txt").rename(copy / "a" / "4.txt")
    assert Manifest.of(copy).version != version
    write(folder / "a" / "1.txt", b"text a/1.tyt")
    assert Manifest.of(folder).version != version


def test_the_difference_lists_what_came_went_and_changed(folder):
    old = Manifest.of(folder)
    write(folder / "new.txt", b"new")
    write(folder / "a" / "1.txt", b"changed")
    (folder / "b" / "3.txt").unlink()
    difference = old.diff(Manifest.of(folder))
    assert (difference.added, difference.removed, difference.changed) == (("new.txt",), ("b/3.txt",), ("a/1.txt",)) and difference
    assert not old.diff(old)


def test_records_of_a_source_are_told_apart_by_row():
    rows = [{"id": i, "x": i * i} for i in range(5)]
    changed = [dict(row) for row in rows]
    changed[3]["x"] = 0
    assert Manifest.of(rows).diff(Manifest.of(changed)).changed == ("3",)


def test_rows_of_a_table_have_their_content_as_key(tmp_path):
    write(tmp_path / "a.csv", b"a,b\n1,x\n2,y\n1,x\n")
    assert len(Manifest.of(Table(tmp_path / "a.csv")).files) == 2


def test_a_saved_manifest_is_checked_when_it_is_read(folder, tmp_path):
    made = Manifest.of(folder, lineage=("v0: removed duplicates",))
    made.save(tmp_path / "manifest.json")
    assert Manifest.open(tmp_path / "manifest.json") == made
    text = (tmp_path / "manifest.json").read_text()
    (tmp_path / "manifest.json").write_text(text.replace(made.files["a/1.txt"], "0" * 64))
    with pytest.raises(ValueError, match="changed by hand"):
        Manifest.open(tmp_path / "manifest.json")
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(ValueError, match="is not a manifest"):
        Manifest.open(tmp_path / "manifest.json")
    with pytest.raises(FileNotFoundError):
        Manifest.of(tmp_path / "none")


def test_inspection_takes_a_manifest(folder):
    files = Manifest.of(folder).files
    write(folder / "a" / "2.txt", b"other text")
    assert [problem.file for problem in inspect(folder, known=files).problems.of("changed")] == ["a/2.txt"]


def test_a_card_has_source_licence_statistics_and_issues(tmp_path):
    write(tmp_path / "a|b.csv", b"age,label\n20,x\n30,<y>\n,x\n")
    found = inspect(tmp_path / "a|b.csv")
    card = dataset_card(found, source="made | up", licence="CC0", version="abc", issues="small")
    assert card.startswith("# a\\|b.csv\n") and "- source: made \\| up" in card and "- licence: CC0" in card and "- version: abc" in card
    assert "| &lt;y> | 1 | 33.3% |" in card and "| age | number | 2 | 1 | 20 to 30 |" in card and "- missing: 1" in card and "- small" in card


def test_tags_name_a_version_without_changing_it(tmp_path):
    """Manifest, property: tags are kept in the file, once each and in order, and leave the version alone; files without tags still open."""
    plain = Manifest({"a": "1"}, ("made",))
    named = plain.tagged("gold").tagged("2026-10", "gold")
    assert named.tags == ("gold", "2026-10") and named.version == plain.version and not plain.tags and not plain.diff(named)
    named.save(tmp_path / "m.json")
    assert Manifest.open(tmp_path / "m.json") == named
    written = json.loads((tmp_path / "m.json").read_text())
    del written["tags"]
    (tmp_path / "m.json").write_text(json.dumps(written))
    assert Manifest.open(tmp_path / "m.json") == plain
    with pytest.raises(ValueError, match="got an empty one"):
        plain.tagged(" ")
