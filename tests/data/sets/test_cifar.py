"""CIFAR from its binary archives."""

from __future__ import annotations

import hashlib
import io
import tarfile

import numpy as np
import pytest

from weft.data.sets import cifar
from weft.data.sets.published import FILES, Published


def rows(count, labels, start=0):
    random = np.random.default_rng(start)
    return np.concatenate([np.arange(count * labels, dtype=np.uint8).reshape(count, labels), random.integers(0, 256, (count, 3072), np.uint8)], 1)


@pytest.fixture
def publish(monkeypatch, tmp_path):
    def publish(name, members):
        (file,) = FILES[name].sums
        (tmp_path / name).mkdir(exist_ok=True)
        with tarfile.open(tmp_path / name / file, "w:gz") as tar:
            for member, data in members.items():
                info = tarfile.TarInfo(member)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        right = hashlib.sha256((tmp_path / name / file).read_bytes()).hexdigest()
        monkeypatch.setitem(FILES, name, Published("https://example.org", {file: right}, "CC0"))
        monkeypatch.setenv("WEFT_MIRROR", str(tmp_path))
        return tmp_path / name / file

    return publish


def test_planes_and_labels_are_where_the_format_has_them(publish):
    """Contract: cifar10 and cifar100 read small archives of the published layout byte by byte, the five batches in order."""
    batches = {f"cifar-10-batches-bin/data_batch_{i}.bin": rows(2, 1, i).tobytes() for i in (3, 1, 2, 5, 4)}
    publish("cifar-10", {"cifar-10-batches-bin/readme.html": b"x", **batches, "cifar-10-batches-bin/test_batch.bin": rows(1, 1, 9).tobytes()})
    train = cifar.cifar10().columns
    assert train["image"].shape == (10, 3, 32, 32) and train["label"].tolist() == [0, 1] * 5
    for i in range(5):
        assert np.array_equal(train["image"][2 * i].flatten(), rows(2, 1, i + 1)[0, 1:])
    assert np.array_equal(cifar.cifar10("test").columns["image"][0, 2, 31, 31], rows(1, 1, 9)[0, -1])
    publish("cifar-100", {"cifar-100-binary/train.bin": rows(3, 2).tobytes(), "cifar-100-binary/test.bin": rows(1, 2).tobytes()})
    hundred = cifar.cifar100().columns
    assert hundred["coarse"].tolist() == [0, 2, 4] and hundred["label"].tolist() == [1, 3, 5] and len(cifar.cifar100("test")) == 1
    assert np.array_equal(hundred["image"][1].flatten(), rows(3, 2)[1, 2:]) and len(cifar.CLASSES) == 10


def test_other_archives_are_named(publish):
    publish("cifar-100", {"cifar-100-binary/train.bin": rows(3, 2).tobytes()[:-1]})
    with pytest.raises(ValueError, match="no whole number of pictures"):
        cifar.cifar100()
    with pytest.raises(ValueError, match=r"no member cifar-100-binary/test\.bin"):
        cifar.cifar100("test")
    with pytest.raises(ValueError, match="expected 'train' or 'test'"):
        cifar.cifar10("val")


def test_an_archive_that_grows_without_end_is_stopped(publish, monkeypatch):
    """Hostile: more unpacked bytes than any CIFAR has."""
    monkeypatch.setattr(cifar, "MAX_UNPACKED", 100_000)
    publish("cifar-100", {"cifar-100-binary/other": bytes(10**6), "cifar-100-binary/train.bin": rows(3, 2).tobytes()})
    with pytest.raises(ValueError, match="unpacks to more than 100,000"):
        cifar.cifar100()
