"""Data for recipes, made once."""

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
