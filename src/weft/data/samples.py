"""Small named data sets: those that come with scikit-learn, and checked files of a mirror."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from weft._lazy import unknown
from weft.data.arrays import Arrays
from weft.data.idx import read_idx
from weft.data.lines import Lines

# name -> (publisher's address, {file: SHA-256})
FILES: dict[str, tuple[str, dict[str, str]]] = {
    "mnist-10k": (
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        {
            "t10k-images-idx3-ubyte.gz": "9fe7630f90c0e670227960a294637bc2e78a29d724810e24204eb342c9f033a1",
            "t10k-labels-idx1-ubyte.gz": "2c54c993d38068b3c3adb720a5cdee07065a066a7b36e7d1df720548d6359eba",
        },
    ),
    "tinyshakespeare": (
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare",
        {"input.txt": "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"},
    ),
}


def fetch(name: str) -> Path:
    """The folder with the files of a named data set, each checked against its SHA-256.

    Looked for in ``$WEFT_MIRROR/<name>``, then in the cache ``$WEFT_CACHE`` (default ``~/.cache/weft``) ``/data/<name>``. Nothing is downloaded.
    Raises ValueError for an unknown name or a file with another checksum, FileNotFoundError saying where to get the files and where to put them.
    """
    if name not in FILES:
        raise unknown("data set", name, FILES)
    address, sums = FILES[name]
    cache = Path(os.environ.get("WEFT_CACHE") or Path.home() / ".cache" / "weft") / "data" / name
    mirror = os.environ.get("WEFT_MIRROR")
    for folder in ([Path(mirror) / name] if mirror else []) + [cache]:
        if all((folder / file).is_file() for file in sums):
            for file, expected in sums.items():
                found = hashlib.sha256((folder / file).read_bytes()).hexdigest()
                if found != expected:
                    raise ValueError(f"{str(folder / file)!r} has SHA-256 {found}, expected {expected}; delete it and get it again")
            return folder
    looked = f"$WEFT_MIRROR ({mirror})" if mirror else "WEFT_MIRROR, which is not set,"
    wanted = ", ".join(f"{address}/{file}" for file in sums)
    raise FileNotFoundError(f"The data set {name!r} is neither under {looked} nor in {str(cache)!r}. Download {wanted} into that folder")


def mnist_10k() -> Arrays:
    """MNIST's 10,000 test digits: ``image`` (N, 28, 28) uint8, ``label`` 0-9. Train on the first 8,000, test on the last 2,000.

    LeCun, Cortes, Burges; CC BY-SA 3.0.

    >>> len(mnist_10k())  # doctest: +SKIP
    10000
    """
    folder = fetch("mnist-10k")
    images, labels = read_idx(folder / "t10k-images-idx3-ubyte.gz"), read_idx(folder / "t10k-labels-idx1-ubyte.gz")
    return Arrays({"image": images, "label": labels.astype(np.int64)})


def tiny_shakespeare() -> Lines:
    """1.1 million characters of Shakespeare. Train on the first 90 % of ``.text``, validate on the rest.

    A. Karpathy's selection of public-domain text.

    >>> len(tiny_shakespeare().text)  # doctest: +SKIP
    1115394
    """
    return Lines(fetch("tinyshakespeare") / "input.txt")


def digits() -> Arrays:
    """scikit-learn's 1,797 handwritten digits: ``image`` (N, 8, 8) uint8, ``label`` 0-9. Needs the extra ``samples``.

    Alpaydin and Kaynak, 1998, doi:10.24432/C50P49; CC BY 4.0.

    >>> digits().columns["image"].shape
    torch.Size([1797, 8, 8])
    """
    loaded = bundled("load_digits")
    return Arrays({"image": np.round(loaded["images"] * (255 / 16)).astype(np.uint8), "label": loaded["target"].astype(np.int64)})


def breast_cancer() -> list[dict[str, Any]]:
    """569 rows of 30 measurements of cell nuclei and ``diagnosis``, malignant or benign. Needs the extra ``samples``.

    Wolberg et al., 1993, doi:10.24432/C5DW2B; CC BY 4.0.

    >>> breast_cancer()[0]["diagnosis"]
    'malignant'
    """
    return rows("load_breast_cancer", "diagnosis")


def wine() -> list[dict[str, Any]]:
    """178 rows of 13 chemical measurements and ``cultivar``, one of three. Needs the extra ``samples``.

    Aeberhard and Forina, 1992, doi:10.24432/C5PC7J; CC BY 4.0.

    >>> wine()[0]["cultivar"]
    'class_0'
    """
    return rows("load_wine", "cultivar")


def diabetes() -> list[dict[str, Any]]:
    """442 rows of ten measurements and ``progression`` of diabetes after a year, a number. Needs the extra ``samples``.

    Efron et al., 2004, doi:10.1214/009053604000000067.

    >>> diabetes()[0]["progression"]
    151.0
    """
    return rows("load_diabetes", "progression")


def rows(loader: str, target: str) -> list[dict[str, Any]]:
    """A table of scikit-learn as records; class numbers become class names."""
    loaded = bundled(loader)
    names = [str(name) for name in loaded["feature_names"]]
    classes = loaded.get("target_names")
    labels = [float(y) if classes is None else str(classes[y]) for y in loaded["target"]]
    return [dict(zip(names, row, strict=True)) | {target: y} for row, y in zip(loaded["data"].tolist(), labels, strict=True)]


def bundled(loader: str) -> dict[str, Any]:
    """A data set that scikit-learn carries."""
    try:
        from sklearn import datasets
    except ImportError:
        raise ValueError("This data set comes with scikit-learn: pip install 'weft[samples]'") from None
    return getattr(datasets, loader)()
