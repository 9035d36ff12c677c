"""Data and finished runs for the commands, made once."""

from __future__ import annotations

import pytest

from tests.recipes import material


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    return material.write_photos(tmp_path_factory.mktemp("data") / "photos")


@pytest.fixture(scope="session")
def customers(tmp_path_factory):
    return material.write_csv(tmp_path_factory.mktemp("data") / "customers.csv", material.rows())


@pytest.fixture(scope="session")
def texts(tmp_path_factory):
    return material.write_csv(tmp_path_factory.mktemp("data") / "reviews.csv", material.reviews())


@pytest.fixture
def own(tmp_path):
    return material.write_own(tmp_path / "mine.py")


@pytest.fixture(scope="session")
def photo_run(photos, tmp_path_factory):
    """A quick run on pictures."""
    import weft

    return weft.run("image_classification", data=photos, quick=True, progress=False, run=tmp_path_factory.mktemp("runs") / "photos").run


@pytest.fixture(scope="session")
def table_run(customers, tmp_path_factory):
    """A short run on a table."""
    import weft

    return weft.run("table", data=customers, target="buys", epochs=5, progress=False, run=tmp_path_factory.mktemp("runs") / "customers").run


@pytest.fixture(scope="session")
def text_run(texts, tmp_path_factory):
    """A short run on texts."""
    import weft

    return weft.run("text_classification", data=texts, epochs=8, progress=False, run=tmp_path_factory.mktemp("runs") / "texts").run


@pytest.fixture(scope="session")
def language_run(tmp_path_factory):
    """A quick run on running text."""
    import weft

    folder = tmp_path_factory.mktemp("runs")
    small = {"context": 16, "model": {"name": "gpt", "args": {"dim": 32, "depth": 1, "num_heads": 2}}, "length": 20}
    data = material.write_running_text(folder / "text.txt")
    return weft.run("language_model", data=data, quick=True, progress=False, run=folder / "language", **small).run
