"""Sets in the format of MNIST."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct

import numpy as np
import pytest
import torch

from tests.references import reference
from weft.data.sets import idx_sets
from weft.data.sets.published import FILES, Published

needs_mirror = pytest.mark.skipif(not os.environ.get("WEFT_MIRROR"), reason="WEFT_MIRROR is not set")


@needs_mirror
def test_mnist_10k_is_what_was_published():
    """Contract: mnist_10k has 10,000 pictures and the published count of each digit."""
    source = idx_sets.mnist_10k()
    assert source.columns["image"].shape == (10_000, 28, 28) and source.columns["image"].dtype == torch.uint8
    assert source.columns["label"].bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert source.columns["label"][:5].tolist() == [7, 2, 1, 0, 4]


@pytest.mark.parametrize(("read", "name", "peer"), [(idx_sets.mnist, "mnist", "MNIST"), (idx_sets.fashion_mnist, "fashion-mnist", "FashionMNIST")])
def test_items_are_those_of_torchvision(monkeypatch, tmp_path, read, name, peer):
    """mnist and fashion_mnist, parity: torchvision.datasets.MNIST and FashionMNIST give the same pictures and labels of the same files."""
    datasets = reference("torchvision.datasets")
    random = np.random.default_rng(0)
    raw = tmp_path / peer / "raw"
    raw.mkdir(parents=True)
    (tmp_path / name).mkdir()
    sums = {}
    for stem, size in (("train", 5), ("t10k", 3)):
        for kind, array in (("images-idx3", random.integers(0, 256, (size, 28, 28), np.uint8)), ("labels-idx1", random.integers(0, 10, size, np.uint8))):
            data = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
            (raw / f"{stem}-{kind}-ubyte").write_bytes(data)
            (tmp_path / name / f"{stem}-{kind}-ubyte.gz").write_bytes(gzip.compress(data))
            sums[f"{stem}-{kind}-ubyte.gz"] = hashlib.sha256((tmp_path / name / f"{stem}-{kind}-ubyte.gz").read_bytes()).hexdigest()
    monkeypatch.setitem(FILES, name, Published("https://example.org", sums, "CC0"))
    monkeypatch.setenv("WEFT_MIRROR", str(tmp_path))
    for part, size in (("train", 5), ("test", 3)):
        ours, theirs = read(part), getattr(datasets, peer)(tmp_path, train=part == "train")
        assert len(ours) == len(theirs) == size
        for i, (picture, label) in enumerate(theirs):
            assert np.array_equal(np.array(picture), ours.columns["image"][i]) and ours.columns["label"][i] == label


@pytest.mark.parametrize(("read", "name"), [(idx_sets.mnist, "mnist"), (idx_sets.fashion_mnist, "fashion-mnist")])
def test_both_parts_are_read_byte_by_byte(monkeypatch, tmp_path, read, name):
    """Contract: mnist and fashion_mnist read small files of the same format, each part from its own."""
    images = {"train": np.arange(24, dtype=np.uint8).reshape(2, 3, 4), "t10k": np.full((1, 3, 4), 7, np.uint8)}
    sums = {}
    (tmp_path / name).mkdir()
    for stem, values in images.items():
        for kind, array in (("images-idx3", values), ("labels-idx1", np.arange(len(values), dtype=np.uint8))):
            data = gzip.compress(struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes())
            file = f"{stem}-{kind}-ubyte.gz"
            (tmp_path / name / file).write_bytes(data)
            sums[file] = hashlib.sha256(data).hexdigest()
    assert sums.keys() == FILES[name].sums.keys()
    monkeypatch.setitem(FILES, name, Published("https://example.org", sums, "CC0"))
    monkeypatch.setenv("WEFT_MIRROR", str(tmp_path))
    assert np.array_equal(read("train").columns["image"], images["train"]) and read("train").columns["label"].tolist() == [0, 1]
    assert read("test").columns["image"].unique().tolist() == [7] and len(idx_sets.CLOTHES) == 10
    with pytest.raises(ValueError, match="expected 'train' or 'test'"):
        read("val")
