"""Parquet larger than memory: at random and as a flow, against pyarrow's own reading."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from weft.data import FlowLoader, Loader
from weft.data.files.parquet import Parquet, parquet_flow, row_blocks

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    for n in range(2):
        table = pa.table({"i": np.arange(1000) + 1000 * n, "x": random.normal(size=1000), "t": [f"t{i}" for i in range(1000)], "big": ["z" * 50] * 1000})
        parquet.write_table(table, tmp_path / f"{n}.parquet", row_group_size=300)
    return tmp_path


def test_rows_are_those_of_pyarrow(folder):
    """Parity: Parquet and parquet_flow against pyarrow.parquet.read_table."""
    table = pa.concat_tables([parquet.read_table(folder / f"{n}.parquet") for n in range(2)])
    source = Parquet(folder, ["i", "x", "t"])
    assert len(source) == 2000 and source.blocks[:4] == [300, 600, 900, 1000] and source[0].keys() == {"i", "x", "t"}
    index = torch.randperm(2000)[:500]
    batch = source.gather(index)
    assert torch.equal(batch["i"], index) and batch["t"] == [f"t{i % 1000}" for i in index.tolist()]
    assert torch.equal(batch["x"], torch.from_numpy(table["x"].to_numpy().astype("f4"))[index])
    assert source[1299]["t"] == "t299" and source[-1]["i"] == 1999
    assert list(parquet_flow(folder, ["t", "i"])) == table.select(["t", "i"]).to_pylist()
    for i in (2000, -2001):
        with pytest.raises(IndexError):
            source[i]


def test_few_row_groups_stay_decoded_and_each_is_decoded_once_a_batch(folder):
    source = Parquet(folder, ["i"], keep=2)
    reads = []
    for file in source._files():
        read = file.read_row_group
        object.__setattr__(file, "read_row_group", lambda *a, read=read, **k: (reads.append(a), read(*a, **k))[1])
    source.gather(torch.tensor([1, 1999, 301, 2, 302, 1998]))
    assert len(reads) == 3 and len(source._decoded) == 2
    assert source[1997]["i"] == 1997 and len(reads) == 3
    assert len(pickle.dumps(source)) < 3000 and pickle.loads(pickle.dumps(source))[5]["i"] == 5


def test_every_row_once_through_the_loaders(folder):
    seen = torch.cat([batch["i"] for batch in Loader(Parquet(folder, ["i"]), batch_size=128, shuffle=True, workers=1)])
    assert sorted(seen.tolist()) == list(range(2000))
    flow = parquet_flow(folder, ["i"], shuffle=True, seed=2)
    streamed = torch.cat([batch["i"] for batch in FlowLoader(flow, batch_size=64, shuffle=256)])
    assert sorted(streamed.tolist()) == list(range(2000)) and streamed.tolist() != list(range(2000))


@pytest.mark.parametrize("given", [0, 1, 300, 950, 1999])
def test_a_flow_goes_on_where_it_was(folder, given):
    flow = parquet_flow(folder, ["i"], shuffle=True, seed=3)
    whole = [record["i"] for record in parquet_flow(folder, ["i"], shuffle=True, seed=3)]
    reading = iter(flow)
    first = [next(reading)["i"] for _ in range(given)]
    later = parquet_flow(folder, ["i"], shuffle=True, seed=3)
    later.load_state_dict(flow.state_dict())
    assert first + [record["i"] for record in later] == whole


def test_ranges_prune_row_groups_and_rows(folder):
    """Brute force: where against filtering every row; row groups outside are not even listed."""
    flow = parquet_flow(folder, ["t"], where={"i": (290, 1300)})
    assert [group for _, group in flow.pieces] == [0, 1, 2, 3, 0, 1]
    assert [record["t"] for record in flow] == [f"t{i % 1000}" for i in range(290, 1301)]
    both = parquet_flow(folder, ["i", "x"], where={"i": (0, 999), "x": (0.0, 1.0)})
    assert [r["i"] for r in both] == [r["i"] for r in parquet_flow(folder) if r["i"] < 1000 and 0 <= r["x"] <= 1]
    with pytest.raises(ValueError, match="No row group"):
        parquet_flow(folder, where={"i": (5000, 6000)})


def test_gaps_and_errors_name_the_place(folder, tmp_path):
    parquet.write_table(pa.table({"x": [1.0, 2.0, None, 4.0], "n": [1, None, 3, 4]}), tmp_path / "gaps.parquet", row_group_size=2)
    with pytest.raises(ValueError, match=r"gaps\.parquet.*row 3, column 'x' is missing"):
        Parquet(tmp_path / "gaps.parquet", ["x"])[3]
    assert Parquet(tmp_path / "gaps.parquet", missing="nan").gather(torch.arange(4))["n"].isnan().tolist() == [False, True, False, False]
    for make in (Parquet, parquet_flow):
        with pytest.raises(ValueError, match="no column 'y'"):
            make(folder / "0.parquet", ["y"])
        with pytest.raises(ValueError, match="other columns"):
            make([folder / "0.parquet", tmp_path / "gaps.parquet"])
        (tmp_path / "cut.parquet").write_bytes((folder / "0.parquet").read_bytes()[:-100])
        with pytest.raises(ValueError, match=r"cut\.parquet.*not a whole"):
            make(tmp_path / "cut.parquet")
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(ValueError, match="holds no"):
            make(tmp_path / "empty")
    data = bytearray((folder / "0.parquet").read_bytes())
    data[4:2000] = bytes(1996)
    (tmp_path / "bad.parquet").write_bytes(data)
    with pytest.raises(ValueError, match=r"bad\.parquet"):
        list(parquet_flow(tmp_path / "bad.parquet"))
    parquet.write_table(pa.table({"x": pa.array([], pa.int64())}), tmp_path / "none.parquet")
    with pytest.raises(ValueError, match="has no rows"):
        Parquet(tmp_path / "none.parquet")
    with pytest.raises(ValueError, match="at least 1"):
        Parquet(folder, keep=0)


def test_one_row_group_larger_than_the_bound_streams_within_it(tmp_path):
    """Memory of its own, asked of the system in a process of its own: 128 MB in one row group, far less in memory."""
    if sys.platform != "linux":
        pytest.skip("resident memory is read from /proc")
    random = np.random.default_rng(0)
    parquet.write_table(pa.table({f"c{i}": random.normal(size=1 << 20) for i in range(16)}), tmp_path / "a.parquet", row_group_size=1 << 20, compression="none", use_dictionary=False)
    assert (tmp_path / "a.parquet").stat().st_size > 128 << 20
    script = f"""
from pathlib import Path
from weft.data.files.parquet import row_blocks
def used(): return [int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")][0]
blocks = row_blocks(Path({str(tmp_path / "a.parquet")!r}), [0], [f"c{{i}}" for i in range(16)])
next(blocks)
before = used()
rows = sum(block.num_rows for block in blocks)
print(rows + 4096, used() - before)
"""
    rows, growth = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert int(rows) == 1 << 20 and int(growth) < 60_000  # kB
    assert next(row_blocks(tmp_path / "a.parquet", [0], ["c0"], rows=7)).num_rows == 7
