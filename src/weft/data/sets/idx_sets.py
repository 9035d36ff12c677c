"""Sets of small pictures in the format of MNIST."""

from __future__ import annotations

import numpy as np

from weft.data.arrays import Arrays
from weft.data.sets.idx import read_idx
from weft.data.sets.published import fetch
from weft.data.sets.stand_ins import stripes

CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


def mnist(part: str = "train", *, download: bool = False, stand_in: bool = False) -> Arrays:
    """MNIST's handwritten digits: ``image`` (N, 28, 28) uint8, ``label`` 0-9; ``part`` "train" (60,000) or "test" (10,000).

    ``stand_in`` gives a few made pictures of stripes in the same form, without a file.

    LeCun, Bottou, Bengio, Haffner, 1998, doi:10.1109/5.726791; CC BY-SA 3.0.

    >>> len(mnist())  # doctest: +SKIP
    60000
    """
    return idx_set("mnist", part, download, stand_in)


def mnist_10k() -> Arrays:
    """MNIST's 10,000 test digits: ``image`` (N, 28, 28) uint8, ``label`` 0-9. Train on the first 8,000, test on the last 2,000.

    LeCun, Cortes, Burges; CC BY-SA 3.0.

    >>> len(mnist_10k())  # doctest: +SKIP
    10000
    """
    return idx_set("mnist-10k", "test", False, False)


def fashion_mnist(part: str = "train", *, download: bool = False, stand_in: bool = False) -> Arrays:
    """Pictures of clothes, as hard as MNIST is easy: ``image`` (N, 28, 28) uint8, ``label`` 0-9 (``CLOTHES``); ``part`` "train" or "test".

    ``stand_in`` as in ``mnist``.

    Xiao, Rasul, Vollgraf, 2017, arXiv:1708.07747; MIT.

    >>> len(fashion_mnist())  # doctest: +SKIP
    60000
    """
    return idx_set("fashion-mnist", part, download, stand_in)


def idx_set(name: str, part: str, download: bool, stand_in: bool) -> Arrays:
    """Pictures and labels of one part."""
    if part not in ("train", "test"):
        raise ValueError(f"part={part!r}; expected 'train' or 'test'")
    if stand_in:
        images, labels = stripes(part, 10, (28, 28), len(name))
        return Arrays({"image": images, "label": labels})
    stem = "train" if part == "train" else "t10k"
    folder = fetch(name, download=download)
    pixels, numbers = read_idx(folder / f"{stem}-images-idx3-ubyte.gz"), read_idx(folder / f"{stem}-labels-idx1-ubyte.gz")
    return Arrays({"image": pixels, "label": numbers.astype(np.int64)})
