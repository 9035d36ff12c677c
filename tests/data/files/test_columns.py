"""Columns of files, read by the batch."""

from __future__ import annotations

import gzip
import pickle

import numpy as np
import pytest
import torch

from weft.data import Loader
from weft.data.files.columns import Columns
from weft.data.table import Table

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")
feather = pytest.importorskip("pyarrow.feather")


def write(folder, text, name="t.csv"):
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / name


@pytest.fixture
def rows(tmp_path):
    random = np.random.default_rng(0)
    table = pa.table({"a": random.normal(size=9000), "b": random.integers(0, 9, 9000), "kind": random.choice(["x", "y", "z"], 9000)})
    parquet.write_table(table, tmp_path / "t.parquet", row_group_size=1000)
    feather.write_feather(table, tmp_path / "t.arrow", compression="uncompressed")
    lines = ["a,b,kind"] + [f"{a!r},{b},{k}" for a, b, k in zip(*(column.to_pylist() for column in table.columns), strict=True)]
    write(tmp_path, "\n".join(lines))
    write(tmp_path, gzip.compress("\n".join(lines).encode()), "t.csv.gz")
    return tmp_path


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet", "t.arrow"])
def test_columns_are_those_of_the_table_reader(rows, name):
    """Parity: Columns against Table, which reads the same file value by value."""
    plain = Table(rows / "t.csv")
    source = Columns(rows / name)
    assert len(source) == len(plain) == 9000
    for i in (0, 8999, 4321, -1):
        record, expected = source[i], plain[i]
        assert record["kind"] == expected["kind"] and record["b"] == expected["b"] and record["a"].item() == pytest.approx(expected["a"], rel=1e-6)
    vectors = Columns(rows / name, input=["b", "a"], target="kind")
    batch = vectors.gather(torch.tensor([8000, 3]))
    assert vectors.classes == ("x", "y", "z") and batch["input"].dtype == torch.float32
    for row, number, i in zip(batch["input"].tolist(), batch["target"].tolist(), (8000, 3), strict=True):
        assert row == pytest.approx([plain[i]["b"], plain[i]["a"]], rel=1e-6) and vectors.classes[number] == plain[i]["kind"]
    for i in (9000, -9001):
        with pytest.raises(IndexError):
            source[i]


def test_the_loader_reads_every_row_once(rows):
    loader = Loader(Columns(rows / "t.parquet", ["kind"], input=["a"], target="b"), batch_size=128, shuffle=True)
    seen = [(batch["input"], batch["target"], batch["kind"]) for batch in loader]
    assert sorted(torch.cat([a for a, _, _ in seen])[:, 0].tolist()) == sorted(Columns(rows / "t.csv", ["a"]).columns["a"].tolist())
    assert isinstance(seen[0][2], list) and len(seen[0][2]) == 128


def test_a_source_is_pickled_as_its_path_and_knows_its_file(rows):
    source = Columns(rows / "t.csv", input=["a"], target="kind")
    data = pickle.dumps(source)
    assert len(data) < 10_000
    assert torch.equal(pickle.loads(data).columns["input"], source.columns["input"])
    with (rows / "t.csv").open("a") as file:
        file.write("\n1,2,x")
    with pytest.raises(ValueError, match="has changed"):
        pickle.loads(data)[0]


def test_gaps_follow_the_policy(tmp_path):
    path = write(tmp_path, "a;b;c\n1;2;x\n;5;y\n3;NA;\n7;8;z\n")
    with pytest.raises(ValueError, match=r"t\.csv.*row 2, column 'a' is missing"):
        Columns(path)
    late = write(tmp_path, "a,b\n" + "1,2\n" * 20_000 + "1,\n", "late.csv")
    with pytest.raises(ValueError, match=r"late\.csv.*row 20001, column 'b' is missing"):
        Columns(late, input=["a", "b"])
    kept = Columns(path, missing="nan", input=["a", "b"])
    assert len(kept) == 4 and kept.columns["input"].isnan().sum() == 2
    whole = Columns(path, missing="skip")
    assert len(whole) == 2 and whole.skipped == 2 and whole[1] == {"a": 7, "b": 8, "c": "z"}
    with pytest.raises(ValueError, match="row 3: the target 'c' is missing"):
        Columns(path, input=["a"], target="c", missing="nan")


def test_rows_of_another_length_stop_or_are_counted(tmp_path):
    path = write(tmp_path, "a,b\n1,2\n3\n4,5\n6,7,8\n")
    with pytest.raises(ValueError, match=r"t\.csv.*Row #3: Expected 2 columns, got 1"):
        Columns(path)
    source = Columns(path, ragged="skip")
    assert source.skipped == 2 and source.columns["a"].tolist() == [1, 4]


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("", {}, "is empty"),
        ("a,b\n", {}, "no rows"),
        ("a,a\n1,2\n", {}, "'a' more than once"),
        ("1,2\n3,4\n", {}, "starts with numbers"),
        ("price,b\n1,2\n", {"input": ["prise"]}, "no column 'prise'. Did you mean 'price'"),
        ("a,b\n1,x\n", {"input": ["b"]}, r"t\.csv.*column #1.*'x'"),
        ("a,b\n1,2\n", {"missing": "ignore"}, "expected one of"),
        ("a,b\n1,2\n", {"ragged": "nan"}, "expected 'stop' or 'skip'"),
        ("a,b\n1,2\n", {"input": "a"}, "expected a list"),
    ],
)
def test_errors_name_the_place(tmp_path, text, options, words):
    with pytest.raises(ValueError, match=words):
        Columns(write(tmp_path, text), **options)


def test_broken_and_other_files_are_refused(rows):
    for name in ("t.parquet", "t.arrow"):
        (rows / name).write_bytes((rows / name).read_bytes()[:-40])
        with pytest.raises(ValueError, match="not a whole"):
            Columns(rows / name)
    with pytest.raises(ValueError, match=r"expected \.csv"):
        Columns(write(rows, "x", "t.xlsx"))
    parquet.write_table(pa.table({"w": ["x"]}), rows / "w.parquet")
    with pytest.raises(ValueError, match="input column 'w' holds string"):
        Columns(rows / "w.parquet", input=["w"])


def test_text_stays_text_when_named(tmp_path):
    path = write(tmp_path, "zip,n\n007,1\n012,2\n")
    assert Columns(path).columns["zip"].tolist() == [7, 12]
    assert Columns(path, text=["zip"])[0]["zip"] == "007"
