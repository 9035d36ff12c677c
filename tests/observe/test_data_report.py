"""The page about a data set."""

from __future__ import annotations

import pytest
from PIL import Image

from tests.data.quality.files import drawn, photo, tone, write
from tests.observe.test_report import ATTRIBUTE, EVIL, Reader
from weft.data import inspect
from weft.data.quality.findings import Inspection, Problem
from weft.observe import write_data_report


def page(inspection, folder) -> Reader:
    return Reader(write_data_report(inspection, folder / "report.html").read_text())


def test_pictures_are_shown_and_problems_named(tmp_path):
    for i in range(6):
        write(tmp_path / "photos" / "ab"[i % 2] / f"{i}.png", drawn(photo(i)))
    write(tmp_path / "photos" / "a" / "bad.jpg", b"no picture")
    reader = page(inspect(tmp_path / "photos"), tmp_path)
    pictures = [value for key, value in reader.attributes if key == "src"]
    assert len(pictures) == 6 and all(value.startswith("data:image/png;base64,") for value in pictures)
    assert "a/bad.jpg" in reader.text and "brightness" in reader.text and "Balance" in reader.text and "script" not in reader.tags


def test_tables_texts_and_sounds_are_shown(tmp_path):
    write(tmp_path / "a.csv", b"age,label\n" + b"".join(b"%d,%s\n" % (i, b"ab"[i % 2 : i % 2 + 1]) for i in range(50)))
    reader = page(inspect(tmp_path / "a.csv"), tmp_path)
    assert "First rows" in reader.text and "24.5" in reader.text and "0 … 49" in reader.text and "rect" in reader.tags
    write(tmp_path / "texts" / "one.txt", b"some words to read")
    assert "some words to read" in page(inspect(tmp_path / "texts"), tmp_path).text
    write(tmp_path / "sounds" / "one.wav", tone())
    reader = page(inspect(tmp_path / "sounds" / "one.wav"), tmp_path)
    assert ("aria-label", "0.25 s") in reader.attributes and "one.wav" in reader.text


def test_hostile_names_and_contents_are_only_text(tmp_path):
    found = Inspection(str(tmp_path / EVIL), f"tables {EVIL}", {EVIL: 1}, {EVIL: 3}, {ATTRIBUTE: 3}, advice=[EVIL])
    found.columns[EVIL] = {"kind": "text", "count": 1, "missing": 0, "values": {ATTRIBUTE: 1}}
    found.examples = [{EVIL: ATTRIBUTE, "bad\x00name\udcff": "x"}]
    found.problems.add(Problem("row", EVIL, ATTRIBUTE, 3, EVIL))
    reader = page(found, tmp_path)
    assert "script" not in reader.tags and not any(key.startswith("on") for key, _ in reader.attributes)
    assert reader.text.count(EVIL) >= 6 and ATTRIBUTE in reader.text


def test_long_lists_are_cut_but_each_file_is_named(tmp_path):
    found = Inspection("photos", "pictures", {"files": 500})
    found.problems.add(*(Problem("unreadable", "is cut", f"{i:03}.png", severity="error") for i in range(500)))
    text = page(found, tmp_path).text
    assert "500" in text and all(f"{i:03}.png" in text for i in range(500)) and text.count("is cut") == 300


def test_a_picture_that_has_gone_since_is_left_out(tmp_path):
    write(tmp_path / "photos" / "a.png", drawn(photo(1)))
    write(tmp_path / "photos" / "b.png", drawn(Image.new("L", (9, 9))))
    found = inspect(tmp_path / "photos")
    (tmp_path / "photos" / "a.png").unlink()
    assert len([1 for key, _ in page(found, tmp_path).attributes if key == "src"]) == 1


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder"):
        write_data_report(Inspection("x", "pictures"), tmp_path / "none" / "report.html")
