"""Data sets that come with scikit-learn and scikit-image."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from weft.data.arrays import Arrays

PHOTOGRAPHS = ("astronaut", "camera", "chelsea", "coffee", "coins", "moon", "page", "rocket")


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


def iris() -> list[dict[str, Any]]:
    """150 rows of four lengths of flowers and ``species``, one of three. Needs the extra ``samples``.

    Fisher, 1936, doi:10.24432/C56C76; CC BY 4.0.

    >>> iris()[0]["species"]
    'setosa'
    """
    return rows("load_iris", "species")


def diabetes() -> list[dict[str, Any]]:
    """442 rows of ten measurements and ``progression`` of diabetes after a year, a number. Needs the extra ``samples``.

    Efron et al., 2004, doi:10.1214/009053604000000067.

    >>> diabetes()[0]["progression"]
    151.0
    """
    return rows("load_diabetes", "progression")


def photographs() -> list[dict[str, Any]]:
    """Eight of scikit-image's photographs: ``image`` uint8, (H, W) or (H, W, 3), and ``name``. Needs the extra ``samples``.

    Public domain or CC0, see scikit-image's ``data/README.txt``. Only those that come with the package; nothing is downloaded.

    >>> [record["name"] for record in photographs()][:3]
    ['astronaut', 'camera', 'chelsea']
    """
    data = package("skimage.data", "scikit-image")
    return [{"image": np.ascontiguousarray(getattr(data, name)()), "name": name} for name in PHOTOGRAPHS]


def rows(loader: str, target: str) -> list[dict[str, Any]]:
    """A table of scikit-learn as records; class numbers become class names."""
    loaded = bundled(loader)
    names = [str(name) for name in loaded["feature_names"]]
    classes = loaded.get("target_names")
    labels = [float(y) if classes is None else str(classes[y]) for y in loaded["target"]]
    return [dict(zip(names, row, strict=True)) | {target: y} for row, y in zip(loaded["data"].tolist(), labels, strict=True)]


def bundled(loader: str) -> dict[str, Any]:
    """A data set that scikit-learn carries."""
    return getattr(package("sklearn.datasets", "scikit-learn"), loader)()


def package(module: str, name: str) -> Any:
    """A module of a package that carries data; raises ValueError saying what to install."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ValueError(f"This data set comes with {name}: pip install 'weft[samples]'") from None
