from __future__ import annotations

import pytest

from weft.recipes import find
from weft.recipes.recipe import Call


def test_a_recipe_of_the_catalogue_knows_its_own_and_the_shared_keys():
    known = find("digits").parameters
    assert known["epochs"][0] is int and known["seed"] == (int, 0)


@pytest.mark.parametrize(("name", "near"), [("digit", "digits"), ("tabel", "table"), ("image_clasification", "image_classification")])
def test_an_unknown_recipe_names_the_nearest(name, near):
    with pytest.raises(ValueError, match=f"Unknown recipe '{name}'.*'{near}'"):
        find(name)


def test_a_recipe_of_ones_own_file(own):
    recipe = find(str(own))
    assert recipe.name == find(f"{own}:train").name == f"{own}:train" and recipe.file == own
    assert list(recipe.own_classes()) == ["mine:Net", "mine:Plain"]
    call = Call.of(recipe, {"hidden": "16"})
    assert call.spec()["name"] == f"{own}:train" and call.spec()["args"]["hidden"] == 16 and call.spec()["args"]["epochs"] == 2


@pytest.mark.parametrize(
    ("name", "text", "error", "message"),
    [
        ("gone.py:train", None, FileNotFoundError, "no file"),
        ("mine.py:trian", "def train(session): ...", ValueError, "Did you mean 'train'"),
        ("mine.py", "def a(session): ...\ndef b(session): ...", ValueError, "2 recipes"),
        ("mine.py:f", "def f(x: int): ...", TypeError, "expected session"),
        ("random.py:train", "def train(session): ...", ValueError, "rename"),
        ("mine.py:train", "def train(session, *, seed: int = 3): ...", TypeError, "declares seed"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, name, text, error, message):
    if text is not None:
        (tmp_path / name.partition(":")[0]).write_text(text)
    with pytest.raises(error, match=message):
        _ = find(str(tmp_path / name)).parameters
