from __future__ import annotations

import csv
import io
import json

import pytest

from weft.cli.answers import csv_text, harmless, show, write


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_text_becomes_a_formula(text):
    rows = list(csv.reader(io.StringIO(csv_text([{"input": text, text: {"=x": 0.5}}]), newline="")))
    assert all(not cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row)
    assert harmless(text) == "'" + text and harmless(-1.5) == -1.5


def test_columns_are_the_union_and_keep_their_order():
    rows = list(csv.DictReader(io.StringIO(csv_text([{"a": 1, "s": {"x": 0.5}}, {"a": 2, "b": [1, 2]}]))))
    assert rows == [{"a": "1", "s.x": "0.5", "b": ""}, {"a": "2", "s.x": "", "b": "[1, 2]"}]


def test_files_are_whole_or_not_there(tmp_path):
    write([{"label": "ß"}], tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text()) == [{"label": "ß"}]
    for path, message in (("a.txt", "ends in"), ("gone/a.csv", "no folder")):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            write([], tmp_path / path)


def test_a_table_holds_no_control_characters_and_no_markup(capsys):
    show([{"input": "\x1b[31m[red]a.png[/red]", "label": "cat", "score": 0.123456, "scores": {"cat": 1.0}}])
    shown = capsys.readouterr().out
    assert "\x1b" not in shown and "[red]a.png[/red]" in shown and "0.1235" in shown and "scores" not in shown
