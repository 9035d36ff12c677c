"""Zarr as a source."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import torch

from weft.data import Loader
from weft.data.files.zarr_array import Zarr

zarr = pytest.importorskip("zarr")


@pytest.fixture(params=[2, 3])
def store(request, tmp_path):
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=request.param)
    group.create_array("data", data=np.random.default_rng(0).normal(size=(50, 3)), chunks=(8, 3))
    group.create_array("part/labels", data=np.arange(50), chunks=(50,))
    group.create_array("short", data=np.arange(3))
    return tmp_path / "a.zarr"


def test_records_and_batches_are_those_of_zarr(store):
    """Parity: Zarr against the zarr library itself, formats 2 and 3."""
    source = Zarr(store, {"input": "data", "target": "part/labels"})
    expected = zarr.open(str(store), mode="r")["data"][:]
    index = torch.tensor([49, 3, 3, 17, 0])
    batch = source.gather(index)
    assert torch.equal(batch["input"], torch.from_numpy(expected[index].astype("f4"))) and batch["target"].tolist() == index.tolist()
    assert source[-1]["target"].shape == () and source[-1]["target"] == 49 and len(source) == 50 and source.blocks["input"] == 8
    assert len(pickle.dumps(source)) < 2000 and pickle.loads(pickle.dumps(source))[5]["target"] == 5
    assert sum(len(b["input"]) for b in Loader(source, batch_size=16, workers=1)) == 50
    with pytest.raises(IndexError):
        source[50]


def test_errors_name_store_and_array(store, tmp_path):
    with pytest.raises(ValueError, match=r"a\.zarr.*no array 'dota'. Did you mean 'data'"):
        Zarr(store, {"x": "dota"})
    with pytest.raises(ValueError, match="different lengths"):
        Zarr(store, {"x": "data", "y": "short"})
    with pytest.raises(ValueError, match="leads out of the store"):
        Zarr(store, {"x": "../other"})
    with pytest.raises(FileNotFoundError):
        Zarr(tmp_path / "none.zarr")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no Zarr store"):
        Zarr(tmp_path / "empty", {"x": "x"})


def test_pickled_objects_are_refused_before_they_are_read(tmp_path):
    """Hostile: an array of format 2 whose object codec is pickle."""
    folder = tmp_path / "bad.zarr" / "x"
    folder.mkdir(parents=True)
    (tmp_path / "bad.zarr" / ".zgroup").write_text('{"zarr_format": 2}')
    described = {"zarr_format": 2, "shape": [1], "chunks": [1], "dtype": "|O", "compressor": None, "fill_value": None, "order": "C", "filters": [{"id": "pickle", "protocol": 4}]}
    (folder / ".zarray").write_text(json.dumps(described))
    marker = tmp_path / "ran"
    (folder / "0").write_bytes(b"cbuiltins\nopen\n(V%s\nVw\ntR." % str(marker).encode())
    with pytest.raises(ValueError, match="could run code"):
        Zarr(tmp_path / "bad.zarr", {"x": "x"})
    assert not marker.exists()
