"""Sets in the format of MNIST."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct

import numpy as np
import pytest
import torch

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
