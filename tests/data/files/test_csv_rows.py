"""Rows of large CSV files, one after the other."""

from __future__ import annotations

import gzip

import pytest

from weft.data import Table
from weft.data.files.csv_rows import csv_flow

pytest.importorskip("pyarrow")


def test_rows_are_those_of_the_table_reader(tmp_path):
    """Parity: csv_flow against Table over several blocks, plain and packed, with gaps and quoted line ends."""
    text = "n;x;word\n" + "".join(f'{i};{i / 8 if i % 7 else ""};"word ""{i}"",\nnext"\n' for i in range(60_000))
    (tmp_path / "a.csv").write_text(text)
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(text.encode()))
    expected = list(Table(tmp_path / "a.csv"))
    assert (tmp_path / "a.csv").stat().st_size > 2 << 20
    assert list(csv_flow(tmp_path / "a.csv")) == expected == list(csv_flow(tmp_path / "b.csv.gz"))
    assert [row["x"] for row in csv_flow(tmp_path / "a.csv", ["x"])][:9] == [row["x"] for row in expected][:9]
    flow = csv_flow([tmp_path / "a.csv", tmp_path / "b.csv.gz"], ["n"])
    reading = iter(flow)
    first = [next(reading) for _ in range(70_000)]
    later = csv_flow([tmp_path / "a.csv", tmp_path / "b.csv.gz"], ["n"])
    later.load_state_dict(flow.state_dict())
    assert [row["n"] for row in [*first, *later]] == [*range(60_000)] * 2


def test_errors_name_file_and_row(tmp_path):
    (tmp_path / "a.csv").write_text("n,x\n" + "1,2\n" * 400_000 + "1,two\n")
    with pytest.raises(ValueError, match=r"a\.csv.*after row \d{6}.*text=\[\.\.\.\]"):
        list(csv_flow(tmp_path / "a.csv"))
    assert sum(1 for row in csv_flow(tmp_path / "a.csv", text=["x"]) if row["x"] == "two") == 1
    with pytest.raises(ValueError, match="no column 'y'"):
        csv_flow(tmp_path / "a.csv", ["y"])
    (tmp_path / "a.csv").write_text("n,x\n1,2\n3\n")
    with pytest.raises(ValueError, match=r"a\.csv.*Expected 2 columns, got 1"):
        list(csv_flow(tmp_path / "a.csv"))
