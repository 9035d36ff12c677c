"""Arrays on disk: what is written is read, whole chunks at any time, sizes checked."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.data import Loader
from weft.data.files.memory_map import MemoryMap, MemoryMapWriter, RawFile


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 15), st.lists(st.integers(1, 3), max_size=2))
def test_what_is_written_is_read(tmp_path_factory, count, chunk, shape):
    """Property: MemoryMap gives back what MemoryMapWriter got, for any chunk and shape, appended in two halves."""
    folder = tmp_path_factory.mktemp("m") / "data"
    x, y = np.random.default_rng(0).normal(size=(count, *shape)).astype("f4"), np.arange(count)
    half = count // 2
    with MemoryMapWriter(folder, chunk=chunk) as writer:
        writer.extend({"input": x[: half + 1], "target": y[: half + 1]})
    with MemoryMapWriter(folder, chunk=chunk, append=True) as writer:
        writer.write({"input": a, "target": b} for a, b in zip(x[half + 1 :], y[half + 1 :], strict=True))
    source = MemoryMap(folder)
    source.verify()
    batch = source.gather(torch.arange(count))
    assert len(source) == count and torch.equal(batch["input"], torch.from_numpy(x)) and batch["target"].tolist() == y.tolist()
    assert source[-1]["target"].shape == () and source[-1]["target"] == count - 1
    with pytest.raises(IndexError):
        source[count]


def test_types_are_those_of_networks(tmp_path):
    for kind, expected in (("f8", torch.float32), ("f2", torch.float16), (">f4", torch.float32), ("u2", torch.int32), ("u4", torch.int64), ("?", torch.bool), ("i1", torch.int8)):
        np.save(tmp_path / "a.npy", np.array([[1, 0]], dtype=kind))
        np.array([1, 0], dtype=kind).tofile(tmp_path / "a.raw")
        source = MemoryMap({"a": tmp_path / "a.npy", "b": RawFile(tmp_path / "a.raw", kind, (2,))})
        assert source[0]["a"].dtype == source.gather(torch.tensor([0]))["b"].dtype == expected
        assert source[0]["a"].tolist() == source[0]["b"].tolist() == [1, 0]
    source[0]["a"].zero_()
    assert source[0]["a"].tolist() == [1, 0]  # an item is a copy


def test_sizes_are_checked_when_opened(tmp_path):
    np.zeros(10, "f4").tofile(tmp_path / "a.raw")
    assert len(MemoryMap({"a": RawFile(tmp_path / "a.raw", "f4", (5,))})) == 2
    for raw in (RawFile(tmp_path / "a.raw", "f4", (3,)), RawFile(tmp_path / "a.raw", "f4", (0,))):
        with pytest.raises(ValueError, match=r"a\.raw.*40 bytes, no whole number of records"):
            MemoryMap({"a": raw})
    with pytest.raises(ValueError, match="not one of numbers"):
        MemoryMap({"a": RawFile(tmp_path / "a.raw", "O")})
    np.save(tmp_path / "b.npy", np.zeros((4, 2)))
    with pytest.raises(ValueError, match="different numbers of records"):
        MemoryMap({"a": RawFile(tmp_path / "a.raw", "f4"), "b": tmp_path / "b.npy"})
    np.save(tmp_path / "o.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    np.save(tmp_path / "f.npy", np.asfortranarray(np.zeros((4, 2))))
    (tmp_path / "c.npy").write_bytes((tmp_path / "b.npy").read_bytes()[:-8])
    for name in ("o", "f", "c"):
        with pytest.raises(ValueError, match=rf"{name}\.npy"):
            MemoryMap({"a": tmp_path / f"{name}.npy"})
    with pytest.raises(ValueError, match="no files"):
        MemoryMap({})
    with pytest.raises(ValueError, match="carries checksums"):
        MemoryMap({"b": tmp_path / "b.npy"}).verify()


def test_a_damaged_chunk_and_a_short_file_are_named(tmp_path):
    with MemoryMapWriter(tmp_path / "d", chunk=10) as writer:
        writer.extend({"x": np.arange(35, dtype="i4")})
    data = bytearray((tmp_path / "d" / "x.bin").read_bytes())
    data[4 * 12] ^= 1
    (tmp_path / "d" / "x.bin").write_bytes(data)
    with pytest.raises(ValueError, match=r"x\.bin.*records 10 to 19.*checksum"):
        MemoryMap(tmp_path / "d").verify()
    (tmp_path / "d" / "x.bin").write_bytes(data[:-1])
    with pytest.raises(ValueError, match=r"139 bytes.*takes 140"):
        MemoryMap(tmp_path / "d")


def test_an_interrupted_writer_leaves_what_was_flushed(tmp_path):
    writer = MemoryMapWriter(tmp_path / "d", chunk=4)
    writer.extend({"x": np.arange(6)})
    writer.flush()
    writer.extend({"x": np.arange(6, 14)})  # two chunks more on disk, not in the header
    assert (tmp_path / "d" / "x.bin").stat().st_size > 6 * 8
    assert MemoryMap(tmp_path / "d").gather(torch.arange(6))["x"].tolist() == list(range(6))
    with pytest.raises(ValueError, match="expected"), MemoryMapWriter(tmp_path / "d", append=True) as again:
        again.write([{"x": 100}, {"y": 100}])
    with MemoryMapWriter(tmp_path / "d", append=True) as again:
        again.add({"x": 60})
    source = MemoryMap(tmp_path / "d")
    source.verify()
    assert source.gather(torch.arange(7))["x"].tolist() == [*range(6), 60]


def test_what_does_not_fit_is_refused_by_name(tmp_path):
    writer = MemoryMapWriter(tmp_path / "d")
    writer.add({"x": np.zeros(2, "f4"), "y": 1})
    for record, words in (
        ({"x": np.zeros(3, "f4"), "y": 1}, "'x' of a record"), ({"x": np.zeros(2, "i4"), "y": 1}, "'x' of a record"), ({"x": np.zeros(2, "f4")}, "expected"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            writer.add(record)
    writer.flush()
    with pytest.raises(FileExistsError, match="append=True"):
        MemoryMapWriter(tmp_path / "d")
    with pytest.raises(ValueError, match="at least 1"):
        MemoryMapWriter(tmp_path / "e", chunk=0)
    for name, value in (("../x", 1), ("x", "text"), ("x", np.zeros((2, 0)))):
        with pytest.raises(ValueError, match="letters and digits"):
            MemoryMapWriter(tmp_path / "e").add({name: value})
    with pytest.raises(ValueError, match="all of one length"):
        MemoryMapWriter(tmp_path / "f").extend({"x": [1], "y": [1, 2]})


@pytest.mark.parametrize(
    "change", [{"format": 9}, {"records": -1}, {"records": True}, {"columns": {}}, {"columns": {"../x": None}}, {"columns": {"x": {"dtype": "O", "shape": [], "chunks": [[1, ""]]}}}, None]
)
def test_a_foreign_header_is_refused(tmp_path, change):
    with MemoryMapWriter(tmp_path / "d") as writer:
        writer.add({"x": 1})
    header = json.loads((tmp_path / "d" / "header.json").read_text())
    (tmp_path / "d" / "header.json").write_text("nonsense" if change is None else json.dumps(header | change))
    with pytest.raises(ValueError, match="not a header"):
        MemoryMap(tmp_path / "d")


def test_a_source_is_small_and_works_in_workers(tmp_path):
    with MemoryMapWriter(tmp_path / "d", chunk=100) as writer:
        writer.extend({"input": np.arange(1000.0), "target": np.arange(1000)})
    source = MemoryMap(tmp_path / "d")
    assert len(pickle.dumps(source)) < 2000 and pickle.loads(pickle.dumps(source))[7]["target"] == 7
    batches = [list(Loader(source, batch_size=64, shuffle=True, workers=workers)) for workers in (0, 2)]
    for one, two in zip(*batches, strict=True):
        assert torch.equal(one["input"], two["input"]) and torch.equal(one["target"].float(), two["input"])


def test_a_file_larger_than_the_bound_is_read_within_it(tmp_path):
    """Memory of its own, asked of the system in a process of its own: less than a third of what is read."""
    np.zeros((256, 1 << 18), "u1").tofile(tmp_path / "big.raw")
    script = f"""
from weft.data.files.memory_map import MemoryMap, RawFile
source = MemoryMap({{"x": RawFile({str(tmp_path / "big.raw")!r}, "u1", ({1 << 18},))}})
before = [int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon")][0]
total = sum(int(source[i]["x"].sum()) for i in range(len(source)))
after = [int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon")][0]
print(total, after - before)
"""
    if sys.platform != "linux":
        pytest.skip("resident memory is read from /proc")
    total, growth = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert int(total) == 0 and int(growth) < 20_000  # kB, of 64 MB read
