"""HDF5 as a source: parity with h5py, safe in other processes, closed to other files."""

from __future__ import annotations

import multiprocessing
import pickle

import numpy as np
import pytest
import torch

from weft.data import Blocks, Loader
from weft.data.files.hdf5 import HDF5

h5py = pytest.importorskip("h5py")


@pytest.fixture
def path(tmp_path):
    random = np.random.default_rng(0)
    with h5py.File(tmp_path / "a.h5", "w", libver="latest") as file:
        file.create_dataset("train/data", data=random.normal(size=(50, 3)).astype("f4"), chunks=(8, 3), compression="gzip", shuffle=True)
        file.create_dataset("train/labels", data=np.arange(50))
        file.create_dataset("train/names", data=[f"n{i}" for i in range(50)])
        ragged = file.create_dataset("train/ragged", (50,), dtype=h5py.vlen_dtype("i4"), chunks=(8,))
        for i in range(50):
            ragged[i] = np.arange(i % 4)
        file["short"] = [1, 2]
        file["scalar"] = 3
    return tmp_path / "a.h5"


COLUMNS = {"input": "train/data", "target": "/train/labels", "name": "train/names", "items": "train/ragged"}


def test_records_and_batches_are_those_of_h5py(path):
    """Parity: HDF5 against h5py itself, with filters, scalars, text and items of variable length."""
    source = HDF5(path, COLUMNS)
    assert len(source) == 50 and source.block == 1024 and source.blocks["input"] == 8
    index = torch.tensor([49, 3, 3, 17, 0])
    batch = source.gather(index)
    with h5py.File(path) as file:
        group = file["train"]
        for n, i in enumerate(index.tolist()):
            record = source[i]
            for got in (record, {key: values[n] for key, values in batch.items()}):
                assert np.array_equal(got["input"], group["data"][i]) and got["target"].shape == () and got["target"] == group["labels"][i]
                assert got["name"] == f"n{i}" and got["items"].tolist() == group["ragged"][i].tolist()
    assert source[-1]["target"] == 49
    with pytest.raises(IndexError):
        source[50]


def first(source, queue):
    queue.put([source[i]["target"].item() for i in range(50)])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_open_it_anew(path, method):
    source = HDF5(path, {"target": "train/labels"})
    assert source[3]["target"] == 3  # opened here first
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    processes = [context.Process(target=first, args=(source, queue)) for _ in range(2)]
    for process in processes:
        process.start()
    assert [queue.get(timeout=120) for _ in processes] == [list(range(50))] * 2
    for process in processes:
        process.join()
    assert len(pickle.dumps(source)) < 2000 and source[4]["target"] == 4


def test_workers_change_nothing(path):
    source = HDF5(path, {"input": "train/data", "target": "train/labels"})
    alone, together = (list(Loader(source, batch_size=8, shuffle=True, workers=workers)) for workers in (0, 2))
    assert all(torch.equal(a["input"], b["input"]) for a, b in zip(alone, together, strict=True)) and len(alone) == 7


def test_a_reader_follows_a_writer(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w", libver="latest") as file:
        data = file.create_dataset("x", data=np.arange(4), maxshape=(None,), chunks=(4,))
        file.swmr_mode = True
        source = HDF5(tmp_path / "w.h5", {"x": "x"}, swmr=True)
        data[0] = 9
        data.flush()
        source._arrays()["x"].refresh()
        assert source[0]["x"] == 9


def test_errors_name_file_and_array(path, tmp_path):
    for columns, words in (
        ({"input": "train/dota"}, r"a\.h5.*no array 'train/dota'. Did you mean 'train/data'"),
        ({"input": "train"}, "no array with a record"),
        ({"input": "scalar"}, "no array with a record"),
        ({"input": "short", "target": "train/labels"}, "different lengths"),
    ):
        with pytest.raises(ValueError, match=words):
            HDF5(path, columns)
    (tmp_path / "b.h5").write_bytes(path.read_bytes()[:-900])
    with pytest.raises(ValueError, match=r"b\.h5.* not a whole HDF5"):
        HDF5(tmp_path / "b.h5", COLUMNS)
    with pytest.raises(FileNotFoundError):
        HDF5(tmp_path / "none.h5")


def test_a_file_may_not_lead_to_another(path, tmp_path):
    """Hostile: external links, external storage and virtual arrays."""
    (tmp_path / "secret.bin").write_bytes(bytes(range(80)))
    with h5py.File(tmp_path / "bad.h5", "w") as file:
        file["link"] = h5py.ExternalLink(str(path), "train/data")
        file["group"] = h5py.ExternalLink(str(path), "train")
        file.create_dataset("outside", (10,), "i8", external=[(str(tmp_path / "secret.bin"), 0, 80)])
        layout = h5py.VirtualLayout((50,), "i8")
        layout[:] = h5py.VirtualSource(str(path), "train/labels", (50,))
        file.create_virtual_dataset("virtual", layout)
    for place in ("link", "group/data", "outside", "virtual"):
        with pytest.raises(ValueError, match=r"bad\.h5.*other file"):
            HDF5(tmp_path / "bad.h5", {"x": place})


def test_chunk_by_chunk_every_record_comes_once_from_few_chunks(tmp_path):
    """Blocks over HDF5, property: with the file's own chunk as ``block`` every record comes once an epoch, shuffled, and each chunk is read for
    no more than the batches that its records fill; a plain shuffle reads nearly every chunk for every batch."""
    path = tmp_path / "chunks.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=np.arange(96.0)[:, None], chunks=(12, 1))
    source = HDF5(path, {"input": "data"})

    def touched(loader):
        batches = [batch["input"][:, 0].long() for batch in loader]
        assert sorted(torch.cat(batches).tolist()) == list(range(96)) and torch.cat(batches).tolist() != list(range(96))
        return sum(len((rows // source.block).unique()) for rows in batches)

    assert source.block == 12
    assert touched(Loader(source, None, Blocks(source.block, 8, together=1))) <= 8 + 12 and touched(Loader(source, None, 8, shuffle=True)) > 40
