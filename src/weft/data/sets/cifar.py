"""CIFAR-10 and CIFAR-100, from the archives of the binary version."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import torch

from weft.data.arrays import Arrays
from weft.data.files.compressed import open_bounded
from weft.data.sets.published import fetch
from weft.data.sets.stand_ins import stripes

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
MAX_UNPACKED = 250_000_000
PIXELS = 3 * 32 * 32


def cifar10(part: str = "train", *, download: bool = False, stand_in: bool = False) -> Arrays:
    """60,000 photographs 32 × 32 of ten things: ``image`` (N, 3, 32, 32) uint8, ``label`` 0-9 (``CLASSES``); ``part`` "train" or "test".

    ``stand_in`` gives a few made pictures of stripes in the same form, without a file.

    Krizhevsky, 2009, "Learning multiple layers of features from tiny images".

    >>> cifar10().columns["image"].shape  # doctest: +SKIP
    torch.Size([50000, 3, 32, 32])
    """
    if stand_in:
        images, labels = stripes(checked(part), 10, (3, 32, 32), 10)
        return Arrays({"image": images, "label": labels})
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] if checked(part) == "train" else ["test_batch.bin"]
    values = np.concatenate(members(fetch("cifar-10", download=download) / "cifar-10-binary.tar.gz", "cifar-10-batches-bin", names, 1))
    return Arrays({"image": pictures(values), "label": values[:, 0].astype(np.int64)})


def cifar100(part: str = "train", *, download: bool = False, stand_in: bool = False) -> Arrays:
    """60,000 photographs 32 × 32 of a hundred things: ``image`` (N, 3, 32, 32) uint8, ``label`` 0-99, ``coarse`` 0-19; ``part`` "train" or "test".

    ``stand_in`` gives a few made pictures of stripes in the same form, without a file.

    Krizhevsky, 2009, "Learning multiple layers of features from tiny images".

    >>> cifar100().columns["image"].shape  # doctest: +SKIP
    torch.Size([50000, 3, 32, 32])
    """
    if stand_in:
        images, labels = stripes(checked(part), 100, (3, 32, 32), 100)
        return Arrays({"image": images, "label": labels, "coarse": labels // 5})
    name = f"{checked(part)}.bin"
    (values,) = members(fetch("cifar-100", download=download) / "cifar-100-binary.tar.gz", "cifar-100-binary", [name], 2)
    return Arrays({"image": pictures(values), "label": values[:, 1].astype(np.int64), "coarse": values[:, 0].astype(np.int64)})


def checked(part: str) -> str:
    """The part, when there is one of this name."""
    if part not in ("train", "test"):
        raise ValueError(f"part={part!r}; expected 'train' or 'test'")
    return part


def pictures(values: np.ndarray) -> torch.Tensor:
    """The last 3,072 bytes of each row: red, green and blue planes."""
    return torch.from_numpy(values[:, -PIXELS:].copy()).reshape(-1, 3, 32, 32)


def members(path: Path, folder: str, names: list[str], labels: int) -> list[np.ndarray]:
    """Files of an archive as rows of ``labels`` bytes and a picture; nothing is unpacked to the disk."""
    found: dict[str, np.ndarray] = {}
    with open_bounded(path, MAX_UNPACKED) as packed:
        try:
            with tarfile.open(fileobj=packed, mode="r|") as tar:
                for member in tar:
                    name = member.name.removeprefix(f"{folder}/")
                    if name in names and member.isreg():
                        file = tar.extractfile(member)
                        data = file.read() if file else b""
                        if not data or len(data) % (labels + PIXELS):
                            raise ValueError(f"{str(path)!r}, member {member.name!r} has {len(data):,} bytes, no whole number of pictures")
                        found[name] = np.frombuffer(data, np.uint8).reshape(-1, labels + PIXELS)
        except (tarfile.TarError, EOFError) as error:
            raise ValueError(f"{str(path)!r} is not a whole archive: {error}") from error
    absent = [name for name in names if name not in found]
    if absent:
        raise ValueError(f"{str(path)!r} has no member {folder}/{absent[0]}")
    return [found[name] for name in names]
