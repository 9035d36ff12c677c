"""weft data inspect: text, JSON, page, quarantine."""

from __future__ import annotations

import json

import pytest

from tests.cli.test_commands import refused, said
from tests.data.quality.files import drawn, photo, write
from weft.cli import main
from weft.data import restore


@pytest.fixture
def folder(tmp_path):
    for i in range(4):
        write(tmp_path / "photos" / "ab"[i % 2] / f"{i}.png", drawn(photo(i)))
    write(tmp_path / "photos" / "a" / "bad\x1b[31m.png", b"no picture")
    return tmp_path / "photos"


def test_the_report_is_text_json_or_a_page(capsys, folder, tmp_path):
    text = said(capsys, "data", "inspect", folder)
    assert "unreadable (error, 1)" in text and "classes: a 2, b 2" in text and "\x1b" not in text
    found = json.loads(said(capsys, "data", "inspect", folder, "--json"))
    assert found["problem_counts"] == {"unreadable": 1} and found["problems"][0]["file"] == "a/bad\x1b[31m.png"
    assert "report.html" in said(capsys, "data", "inspect", folder, "--out", tmp_path / "report.html")
    assert "data:image/png" in (tmp_path / "report.html").read_text()


def test_bad_files_can_be_moved_aside_and_back(capsys, folder, tmp_path):
    assert "1 files moved" in said(capsys, "data", "inspect", folder, "--quarantine", tmp_path / "aside")
    assert "no problem found" in said(capsys, "data", "inspect", folder)
    assert restore(tmp_path / "aside") == 1 and "unreadable" in said(capsys, "data", "inspect", folder)


def test_what_is_wrong_is_said_before_any_work(capsys, folder, tmp_path):
    assert "ends in .html" in refused(capsys, "data", "inspect", folder, "--out", tmp_path / "report.pdf")
    assert "no folder" in refused(capsys, "data", "inspect", folder, "--out", tmp_path / "none" / "report.html")
    assert "no file or folder" in refused(capsys, "data", "inspect", tmp_path / "nothing")
    write(tmp_path / "a.csv", b"x,y\n1,2\n")
    assert "no column 'z'" in refused(capsys, "data", "inspect", tmp_path / "a.csv", "--target", "z")
    assert main(["data"]) == 2 and main(["data", "inspect"]) == 2


def test_the_speed_of_reading_and_its_slowest_step(capsys, tmp_path):
    for i in range(4):
        write(tmp_path / "photos" / "ab"[i % 2] / f"{i}.png", drawn(photo(i)))
    write(tmp_path / "a.csv", b"x,y\n" + b"1,2\n" * 9)
    text = said(capsys, "data", "bench", tmp_path / "photos", "--workers", "0", "--batch-size", "2", "--size", "16")
    assert "4 records, batches of 2, 0 workers" in text and "2 batches, 4 records" in text and "slowest: " in text
    found = json.loads(said(capsys, "data", "bench", tmp_path / "a.csv", "--workers", "0", "--batch-size", "4", "--json"))
    assert found["survey"]["records"] == found["records"] and "input" in text
    assert found["records"] == 9 and found["pace"]["batches"] == 3 and found["bottleneck"]["slowest"] in found["bottleneck"]["seconds"]
    assert "at least 1" in refused(capsys, "data", "bench", tmp_path / "photos", "--batch-size", "0")
    assert "no" in refused(capsys, "data", "bench", tmp_path / "nothing")
