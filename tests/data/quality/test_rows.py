"""Reading on after what is wrong."""

from __future__ import annotations

import gzip
import json

import pytest

from weft.data.quality.findings import Problems
from weft.data.quality.rows import is_table, pieces


def read(path):
    """Row numbers, records and problems of a file."""
    found = Problems()
    rows, records = [], []
    for numbers, columns in pieces(path, found, path.name):
        rows += numbers
        records += [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return rows, records, [str(problem) for problem in found]


def test_good_rows_are_kept_and_bad_ones_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('\na;b\n1;2\n"two\nlines";3\n4\n5;6;7\n\n8;9\n')
    rows, records, problems = read(path)
    assert rows == [3, 4, 9] and records == [{"a": "1", "b": "2"}, {"a": "two\nlines", "b": "3"}, {"a": "8", "b": "9"}]
    assert problems == ["a.csv, row 6: 1 cell; expected 2, as in the header", "a.csv, row 7: 3 cells; expected 2, as in the header"]


def test_many_rows_come_in_pieces_with_their_lines(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "".join(f"{i},x\n" for i in range(12_001)))
    found = list(pieces(path, Problems()))
    assert [len(rows) for rows, _ in found] == [5000, 5000, 2001] and found[2][0][0] == 10_002 and found[2][1]["a"][0] == "10000"


def test_an_open_quotation_mark_is_named_with_its_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('a,b\n1,2\n3,"never closed\n4,5\n')
    rows, _, (problem,) = read(path)
    assert rows == [2] and problem.startswith("a.csv, row 3: ") and "quotation mark" in problem


@pytest.mark.parametrize(
    ("head", "message", "names"),
    [
        ("a,a", "more than once", ["a", "a 2"]),
        ("a,", "column 2 has no name", ["a", "column 2"]),
        ("1,2", "starts with numbers", ["1", "2"]),
    ],
)
def test_a_bad_header_is_said_and_the_rows_are_read(tmp_path, head, message, names):
    path = tmp_path / "a.csv"
    path.write_text(f"{head}\nx,y\n")
    _, records, (problem,) = read(path)
    assert message in problem and list(records[0]) == names


def test_bytes_that_are_not_utf8_are_replaced_and_placed(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\n1,caf\xe9\n2,caf\xc3\xa9\n")
    _, records, problems = read(path)
    assert records == [{"a": "1", "b": "caf\ufffd"}, {"a": "2", "b": "café"}]
    assert problems == ["a.csv, row 2: byte 0xe9 is not UTF-8; save the file as UTF-8"]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
@pytest.mark.parametrize("data", [b"", b"\n\n"])
def test_an_empty_file_is_said(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    assert read(tmp_path / name) == ([], [], [f"{name}: holds no rows"])


def test_a_header_without_rows_is_said(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n\n")
    assert read(tmp_path / "a.csv") == ([], [], ["a.csv: holds no rows below its header"])
    (tmp_path / "a.csv").write_text("a,b\n1\n")
    assert read(tmp_path / "a.csv")[2] == ["a.csv, row 2: 1 cell; expected 2, as in the header"]


def test_json_lines_are_read_around_bad_ones(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n{"a": 2,\n[1]\n\n{"a": NaN, "b": "x"}\n' + "[" * 100_000 + "\n" + '{"a": ' + "9" * 5000 + "}\n")
    rows, records, problems = read(path)
    assert rows == [1, 5] and records[1]["b"] == "x" and records[0]["b"] is None
    assert [problem.split(":")[0] for problem in problems] == ["a.jsonl, row 2", "a.jsonl, row 3", "a.jsonl, row 6", "a.jsonl, row 7"]


def test_packed_files_are_read_as_far_as_they_go(tmp_path):
    whole, cut = tmp_path / "a.csv.gz", tmp_path / "b.jsonl.gz"
    whole.write_bytes(gzip.compress(b"a,b\n1,2\n"))
    lines = "".join(json.dumps({"a": i, "b": hash(str(i)) % 97}) + "\n" for i in range(20_000)).encode()
    cut.write_bytes(gzip.compress(lines)[:-2000])
    assert read(whole) == ([2], [{"a": "1", "b": "2"}], [])
    rows, _, problems = read(cut)
    assert 0 < len(rows) < 20_000 and "cannot be read to its end" in problems[-1]
    assert is_table(whole) and is_table(cut) and not is_table(tmp_path / "a.txt")


def test_parquet_is_read_and_its_damage_named(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")

    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"a": list(range(7000)), "b": ["x", None] * 3500}), path, row_group_size=2000, write_page_checksum=True)
    rows, records, problems = read(path)
    assert problems == [] and rows == list(range(1, 7001)) and records[1] == {"a": 1, "b": None}
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0xFF
    path.write_bytes(data)
    _, _, problems = read(path)
    assert len(problems) == 1 and "is not a whole Parquet file" in problems[0]
    path.write_bytes(bytes(data[: len(data) // 2]))
    assert "is not a whole Parquet file" in read(path)[2][0]


def test_a_column_that_comes_late_is_none_before(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n' * 5001 + '{"c": 2}\n')
    rows, columns = list(pieces(path, Problems()))[1]
    assert rows == [5001, 5002] and columns == {"a": [1, None], "c": [None, 2]}
