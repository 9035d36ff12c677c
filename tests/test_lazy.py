"""Names arrive when they are first used, and unknown ones list the nearest."""

from __future__ import annotations

import subprocess
import sys

import pytest

from weft import _lazy


def test_load_follows_a_path():
    assert _lazy.load("json:dumps")({}) == "{}"


def test_attach_exports_the_table_by_attribute_and_the_extra_names():
    getattribute, names = _lazy.attach("package", {"cross_entropy": "json:dumps"}, {"Path": "pathlib:Path", "paths": "pathlib"})
    assert names() == ["Path", "dumps", "paths"]
    assert getattribute("dumps")({}) == "{}"
    assert getattribute("paths").Path is getattribute("Path")


def test_attach_names_the_nearest_when_nothing_has_the_name():
    getattribute, _ = _lazy.attach("package", {"a": "json:dumps"})
    with pytest.raises(AttributeError, match=r"has no attribute 'dump'. Did you mean 'dumps'"):
        getattribute("dump")


def test_the_hint_of_an_attribute_stands_once():
    done = subprocess.run([sys.executable, "-c", "import weft; weft.ft"], capture_output=True, text=True, check=False)
    assert done.stderr.count("Did you mean") == 1 and "'fit'" in done.stderr


def test_unknown_speaks_in_one_voice():
    assert str(_lazy.unknown("model", "resnet_18", ["resnet18", "vit"])) == "Unknown model 'resnet_18'. Did you mean 'resnet18'?"
    assert str(_lazy.unknown("model", "zzz", ["vit", "gpt"])) == "Unknown model 'zzz'. Known: gpt, vit."
    many = [f"part{i}" for i in range(200)]
    assert str(_lazy.unknown("name", "zzz", [*many, *many])).startswith("Unknown name 'zzz'. None of the 200 known names is near; weft list")
    assert str(_lazy.unknown("model", "zzz", [])) == "Unknown model 'zzz'. None are known."


def test_import_weft_leaves_torch_alone():
    program = "import sys, weft; dir(weft); assert weft.__version__; print([name for name in ('torch', 'numpy', 'rich') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_name_wins_over_the_file_of_the_same_name(tmp_path, monkeypatch):
    (tmp_path / "shelf_of_names").mkdir()
    (tmp_path / "shelf_of_names" / "dice.py").write_text("def dice():\n    return 'a number'\n")
    (tmp_path / "shelf_of_names" / "focal.py").write_text("value = 1\n")
    (tmp_path / "shelf_of_names" / "__init__.py").write_text(
        "from weft._lazy import attach\n"
        "TABLE = {'dice': 'shelf_of_names.dice:dice', 'focal': 'shelf_of_names.dice:dice'}\n"
        "__getattr__, __dir__ = attach(__name__, TABLE, {'focal': 'shelf_of_names.dice:dice'})\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import shelf_of_names  # type: ignore[import-not-found]
    import shelf_of_names.dice  # type: ignore[import-not-found]
    import shelf_of_names.focal  # type: ignore[import-not-found]

    assert shelf_of_names.dice() == "a number"
    assert shelf_of_names.focal() == "a number"
    assert sys.modules["shelf_of_names.dice"].dice is shelf_of_names.dice
