"""Table files: types by column, errors by line."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.data import Table
from weft.data.table import typed


def write(folder, text, name="t.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_columns_are_typed_as_a_whole(tmp_path):
    """Contract: table reads numbers where a whole column is numeric, and None where a value is missing."""
    path = write(tmp_path, "a,b,zip,word,mixed,on\n1,1.5,007,x,1,true\n-2,,012,NA,two,false\n")
    assert list(Table(path)) == [
        {"a": 1, "b": 1.5, "zip": "007", "word": "x", "mixed": "1", "on": "true"},
        {"a": -2, "b": None, "zip": "012", "word": None, "mixed": "two", "on": "false"},
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(tmp_path, separator):
    path = write(tmp_path, f'\ufeff"a"{separator}b\n1{separator}"x{separator}\ny"\n')
    assert list(Table(path)) == [{"a": 1, "b": f"x{separator}\ny"}]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8), min_size=2, max_size=2), min_size=1, max_size=5))
def test_text_survives_the_way_through_a_file(tmp_path_factory, rows):
    buffer = io.StringIO()
    csv.writer(buffer).writerows([["first", "second"], *[["x" + a, "x" + b] for a, b in rows]])
    path = write(tmp_path_factory.mktemp("t"), buffer.getvalue())
    assert [list(r.values()) for r in Table(path)] == [[("x" + a).strip(), ("x" + b).strip()] for a, b in rows]


def test_numbers_are_read_as_written():
    assert typed(["1", "2e3", ".5", "-7."]) == [1.0, 2000.0, 0.5, -7.0]
    assert typed(["1_000"]) == ["1_000"]
    assert typed(["9" * 30]) == [1e30]
    assert typed(["inf", "1"]) == [float("inf"), 1.0]
    assert typed(["", "null"]) == [None, None]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("a,b\n", "no rows"),
        ("a,a\n1,2\n", "'a' more than once"),
        ("1,2\n3,4\n", "starts with numbers"),
        ("a,b\n1,2\n3\n", "line 3: 1 cells; expected 2"),
        ("a,b\n1,2,3\n", "line 2: 3 cells"),
        ('a,b\n1,"open\n', "quotation mark"),
        (b"a,b\n\xff,1\n", "not UTF-8"),
    ],
)
def test_a_broken_table_is_located(tmp_path, text, words):
    with pytest.raises(ValueError, match=words):
        Table(write(tmp_path, text))


def test_an_absent_column_has_near_names(tmp_path):
    path = write(tmp_path, "price,size\n1,2\n")
    with pytest.raises(ValueError, match=r"no column 'prize'. Did you mean 'price'"):
        Table(path).column("prize")
    assert Table(path, columns=["size"])[0] == {"size": 2}
    with pytest.raises(ValueError, match="no column 'sise'"):
        Table(path, columns=["sise"])


def test_json_lines(tmp_path):
    path = write(tmp_path, '{"a": 1, "b": "x"}\n\n{"a": NaN, "c": 2}\n', "t.jsonl")
    assert list(Table(path)) == [{"a": 1, "b": "x", "c": None}, {"a": None, "b": None, "c": 2}]
    with pytest.raises(ValueError, match="line 2 is not JSON"):
        Table(write(tmp_path, '{"a": 1}\n{"a": \n', "u.jsonl"))
    with pytest.raises(ValueError, match="line 1 holds a list"):
        Table(write(tmp_path, "[1]\n", "v.jsonl"))
    with pytest.raises(ValueError, match="not JSON"):
        Table(write(tmp_path, "[" * 200_000, "w.jsonl"))


def test_parquet_reads_as_csv_does(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table({"a": [1, None], "b": ["x", "y"], "c": [float("nan"), 2.5]}), tmp_path / "t.parquet")
    assert list(Table(tmp_path / "t.parquet")) == [{"a": 1, "b": "x", "c": None}, {"a": None, "b": "y", "c": 2.5}]
    with pytest.raises(ValueError, match="not a whole Parquet"):
        Table(write(tmp_path, (tmp_path / "t.parquet").read_bytes()[:-20], "u.parquet"))


def test_other_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"expected \.csv"):
        Table(write(tmp_path, "x", "t.xlsx"))
    with pytest.raises(FileNotFoundError):
        Table(tmp_path / "nothing.csv")


def test_equal_rows_have_equal_keys(tmp_path):
    table = Table(write(tmp_path, "a,b\n1,x\n2,y\n1,x\n"))
    assert table.key(0) == table.key(2) != table.key(1)
    assert json.loads(table.key(1)) == {"a": 2, "b": "y"}
