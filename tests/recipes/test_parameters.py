from __future__ import annotations

import inspect
from pathlib import Path
from typing import Literal

import pytest

from weft.recipes import Choice
from weft.recipes.parameters import convert, declared, read_arguments, read_file, settle, written


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (int, "12", 12), (int, "1e3", 1000), (float, "1e-3", 0.001), (bool, "yes", True), (bool, "False", False), (str, "3", "3"), (Path, "a/b", Path("a/b")),
        (tuple[int, ...], "64,32", (64, 32)), (tuple[int, ...], [64, 32], (64, 32)), (tuple[int, int], "(1, 2)", (1, 2)), (tuple[str, ...], "", ()),
        (Literal["stop", "skip"], "skip", "skip"), (Literal[1, 3], "3", 3), (int | None, "none", None), (int | None, "5", 5), (float | None, None, None),
        (Choice, "mlp", {"name": "mlp", "args": {}}),
    ],
)  # fmt: skip
def test_text_becomes_the_declared_type(kind, text, value):
    found = convert("key", text, kind)
    assert found == value and type(found) in (type(value), Choice)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (int, "many"), (int, "1.5"), (int, True), (float, "fast"), (float, "nan"), (float, "inf"), (bool, "maybe"), (bool, 2), (str, 3),
        (tuple[int, ...], "1,x"), (tuple[int, int], "1,2,3"), (Literal["a", "b"], "c"), (int | None, "x"), (Path, ""), (int, [1]), (Choice, "no_such_net"),
    ],
)  # fmt: skip
def test_what_does_not_fit_says_what_came_and_what_was_expected(kind, text):
    with pytest.raises(ValueError, match=r"^key=") as error:
        convert("key", text, kind)
    assert str(text) in str(error.value) and ("expected" in str(error.value) or "Unknown" in str(error.value))


KNOWN = {"epochs": (int, 20), "lr": (float, 0.1), "model": (Choice, "mlp")}


def test_arguments_wait_for_the_part_that_a_recipe_chooses():
    known = {"model": (Choice, "auto")}
    assert settle("r", known, {"model.width": "8"})["model"].settled("simple_cnn") == {"name": "simple_cnn", "args": {"width": 8}}
    assert settle("r", known, {"model": "gpt", "model.depth": 2})["model"].settled("simple_cnn") == {"name": "gpt", "args": {"depth": 2}}


def test_choices_are_listed_once_and_the_nearest_is_named():
    with pytest.raises(ValueError) as caught:
        convert("precision", "fp16", Literal["auto", "float32", "float16"])
    assert str(caught.value) == "precision=fp16: expected one of auto, float32, float16."
    with pytest.raises(ValueError, match=r"one of auto, float32, float16\. Did you mean 'float32'[?]$"):
        convert("precision", "float3", Literal["auto", "float32", "float16"])


def test_defaults_are_written_out_and_parts_take_arguments():
    assert settle("r", KNOWN, {"lr": "1"}) == {"epochs": 20, "lr": 1.0, "model": {"name": "mlp", "args": {}}}
    assert settle("r", KNOWN, {"model.hidden": "[8, 8]", "model.norm": "layer"})["model"]["args"] == {"hidden": [8, 8], "norm": "layer"}


@pytest.mark.parametrize(("key", "near"), [("epoch", "epochs"), ("lr.x", "lr"), ("modle", "model")])
def test_an_unknown_key_names_the_nearest(key, near):
    with pytest.raises(ValueError, match=f"no parameter '{key}'.*{near}"):
        settle("r", KNOWN, {key: "1"})


def test_a_missing_parameter_is_named_with_its_type():
    with pytest.raises(ValueError, match=r"r needs data=\.\.\. \(a path\)"):
        settle("r", {"data": (Path, inspect.Parameter.empty)}, {})


def test_a_function_that_is_no_recipe_is_refused():
    def no_session(epochs: int = 3): ...
    def untyped(session, epochs=3): ...
    def swallowing(session, **rest: int): ...

    for function, message in ((no_session, "expected session"), (untyped, "has no type"), (swallowing, "names its parameters")):
        with pytest.raises(TypeError, match=message):
            declared(function)


def test_words_win_over_files_and_nothing_is_said_twice(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text("epochs: 3\nlr: 1e-3\n")
    assert read_arguments([f"@{file}", "epochs=5"]) == {"epochs": "5", "lr": "1e-3"}
    for words, message in ((["epochs"], "not an argument"), (["a=1", "a=2"], "given twice"), (["@nowhere.yaml"], "no parameter file")):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            read_arguments(words)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x [1]\nb: *x", "reference"), ("a: !!python/object/apply:os.system ['true']", "not YAML"), ("- 1", "holds a list"), ("a: [", "not YAML"),
        ("[" * 50 + "]" * 50, "nested"), ("a: " + "x" * 1_000_001, "bytes"),
    ],
    ids=["reference", "python", "list", "broken", "deep", "large"],
)  # fmt: skip
def test_a_hostile_parameter_file_is_refused(tmp_path, text, message):
    file = tmp_path / "params.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_file(file)


def test_what_is_written_is_read_back():
    for kind, value in ((Path, Path("/a")), (tuple[int, ...], (1, 2)), (Choice, Choice.of("mlp")), (int | None, None), (bool, True), (float, 0.5)):
        assert convert("key", written(value), kind) == value
