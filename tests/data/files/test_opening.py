"""The source that fits a path, and chunks of any source."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from weft.data import Arrays, Chain
from weft.data.files.memory_map import MemoryMapWriter
from weft.data.files.opening import chunks, open_source
from weft.data.files.shards import TarWriter


def test_every_kind_of_file_finds_its_source(tmp_path):
    """Round trip: a record written in each format comes back through open_source."""
    (tmp_path / "a.csv").write_text("x,y\n1,a\n2,b\n")
    (tmp_path / "a.jsonl").write_text('{"x": 1, "y": "a"}\n')
    (tmp_path / "a.txt").write_text("line\n")
    np.save(tmp_path / "a.npy", np.arange(6.0).reshape(3, 2))
    with MemoryMapWriter(tmp_path / "map") as writer:
        writer.add({"x": 1})
    with TarWriter(tmp_path / "shards") as writer:
        writer.add("a", {"cls": 1})
    for kind in ("cat", "dog"):
        (tmp_path / "photos" / kind).mkdir(parents=True)
        Image.new("RGB", (4, 4)).save(tmp_path / "photos" / kind / "1.png")
        (tmp_path / "texts" / kind).mkdir(parents=True)
        (tmp_path / "texts" / kind / "1.txt").write_text(kind)
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for kind in ("cat", "dog"):
            archive.write(tmp_path / "photos" / kind / "1.png", f"{kind}/1.png")
    found = {name: type(open_source(tmp_path / name)).__name__ for name in ("a.csv", "a.jsonl", "a.txt", "a.npy", "map", "shards", "photos", "texts", "photos.zip")}
    assert found == {
        "a.csv": "Table", "a.jsonl": "JsonLines", "a.txt": "Lines", "a.npy": "MemoryMap", "map": "MemoryMap",
        "shards": "TarShards", "photos": "ImageFolder", "texts": "TextFolder", "photos.zip": "ZipPictures",
    }  # fmt: skip
    assert open_source(str(tmp_path / "a.csv"))[1] == {"x": 2, "y": "b"} and open_source(tmp_path / "a.npy")[2]["input"].tolist() == [4, 5]
    with pytest.raises(ValueError, match=r"ends in '\.xlsx'; known are \.csv"):
        open_source(tmp_path / "a.xlsx")


def test_formats_of_extras_find_their_source(tmp_path):
    pa, parquet, h5py = (pytest.importorskip(name) for name in ("pyarrow", "pyarrow.parquet", "h5py"))
    zarr, datasets, fsspec = (pytest.importorskip(name) for name in ("zarr", "datasets", "fsspec"))
    parquet.write_table(pa.table({"x": [1, 2]}), tmp_path / "a.parquet")
    (tmp_path / "rows").mkdir()
    parquet.write_table(pa.table({"x": [1, 2]}), tmp_path / "rows" / "a.parquet")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"], file["labels"] = np.eye(2), [0, 1]
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
    for name in ("data", "labels"):
        group.create_array(name, data=np.arange(2))
    datasets.Dataset.from_dict({"x": [1, 2]}).save_to_disk(str(tmp_path / "saved"))
    for name, kind in (("a.parquet", "Parquet"), ("rows", "Parquet"), ("a.h5", "HDF5"), ("a.zarr", "Zarr"), ("saved", "HuggingFace")):
        source = open_source(tmp_path / name)
        assert type(source).__name__ == kind and len(source) == 2
    with fsspec.open(f"memory://somewhere/{tmp_path.name}.csv", "wb") as file:
        file.write(b"x\n1a\n")
    assert open_source(f"memory://somewhere/{tmp_path.name}.csv")[0] == {"x": "1a"}


def test_chunks_hold_every_record_once_and_only_one_chunk():
    """Brute force: chunks of a list, of arrays and of a flow, with what is alive counted."""
    expected = [list(range(i, min(i + 7, 50))) for i in range(0, 50, 7)]
    records = [{"x": i} for i in range(50)]
    for source in (records, Arrays({"x": torch.arange(50)}), Chain([records[:20], records[20:]], iter)):
        assert [chunk["x"].tolist() for chunk in chunks(source, 7)] == expected
    made = []
    flow = Chain([range(1000)], lambda numbers: (made.append(n) or {"x": n} for n in numbers))
    assert next(chunks(flow, 10))["x"].tolist() == list(range(10)) and len(made) == 10
    with pytest.raises(ValueError, match="at least 1"):
        next(chunks(records, 0))
