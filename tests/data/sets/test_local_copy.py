"""Copies that the user brings."""

from __future__ import annotations

from pathlib import Path

import pytest

from weft.data.sets.local_copy import chosen, inside, read_json, whole_copy


def test_what_lacks_is_named_with_its_publisher(tmp_path):
    """Contract: whole_copy gives the folder, or names the files that lack and where they are published."""
    (tmp_path / "a.csv").touch()
    assert whole_copy(tmp_path, ["a.csv"], "https://example.org (CC0)") == tmp_path
    with pytest.raises(FileNotFoundError, match=r"lacks b\.csv, c; published at https://example\.org \(CC0\)"):
        whole_copy(tmp_path, ["a.csv", "b.csv", "c"], "https://example.org (CC0)")
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        whole_copy(tmp_path / "no", ["a.csv"], "x")
    with pytest.raises(ValueError, match="is a file"):
        whole_copy(tmp_path / "a.csv", ["a.csv"], "x")


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/etc/passwd", "..\\a", "C:/a", "\\\\host\\a", "", "a\0b", None, 3])
def test_names_that_lead_out_are_refused(name):
    """Hostile: a name out of the folder on any system, or no name at all."""
    with pytest.raises(ValueError, match=r"list\.txt names the file"):
        inside(Path("folder"), name, "list.txt")


def test_names_inside_are_paths_there():
    assert inside(Path("folder"), "a/b..c.jpg", "list.txt") == Path("folder/a/b..c.jpg")


@pytest.mark.parametrize("text", ["{", "", "[" * 100_000, "1" * 5_000, "\x00"])
def test_broken_json_is_named(tmp_path, text):
    """Hostile: cut, empty, nested without end, a number without end."""
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=r"a\.json' is not whole JSON"):
        read_json(tmp_path / "a.json")
    (tmp_path / "a.json").write_text('{"a": [1, 2.5]}')
    assert read_json(tmp_path / "a.json") == {"a": [1, 2.5]}
    with pytest.raises(ValueError, match="more than 5 bytes"):
        read_json(tmp_path / "a.json", 5)


def test_a_part_has_its_name():
    assert chosen("train", ["train", "test"]) == "train"
    with pytest.raises(ValueError, match="part='dev'; expected 'train' or 'test'"):
        chosen("dev", ["train", "test"])
