"""Sets that packages carry."""

from __future__ import annotations

import numpy as np
import pytest

from weft._lazy import load
from weft.data import ImageCodec, TableCodec
from weft.data.image_file import read_image
from weft.data.sets import TABLE, bundled


def test_scikit_learns_sets_fit_their_codecs():
    """Contract: digits, breast_cancer, wine, iris and diabetes have the published sizes and go through their codecs."""
    pytest.importorskip("sklearn")
    digits = bundled.digits()
    assert digits.columns["image"].shape == (1797, 8, 8) and digits.columns["image"].max() == 255
    assert ImageCodec(size=8, channels=1).fit(digits).classes == tuple("0123456789")
    for name, target, size, features, classes in (
        ("breast_cancer", "diagnosis", 569, 30, ("benign", "malignant")),
        ("wine", "cultivar", 178, 13, ("class_0", "class_1", "class_2")),
        ("iris", "species", 150, 4, ("setosa", "versicolor", "virginica")),
        ("diabetes", "progression", 442, 10, None),
    ):
        rows = load(TABLE[name])()
        codec = TableCodec(target=target).fit(rows)
        assert len(rows) == size and codec.num_features == features and codec.classes == classes


def test_scikit_images_photographs_are_pictures():
    """Parity: photographs against skimage.data, and through the reader of pictures."""
    data = pytest.importorskip("skimage.data")
    records = bundled.photographs()
    assert len(records) == 8
    for record in records:
        assert np.array_equal(record["image"], getattr(data, record["name"])()) and record["image"].dtype == np.uint8
        assert read_image(record["image"]).size == record["image"].shape[1::-1]


def test_an_absent_package_is_said():
    with pytest.raises(ValueError, match=r"comes with Nothing: pip install 'weft\[samples\]'"):
        bundled.package("no_such_package_as_this", "Nothing")
