"""Every example in a docstring runs and prints what it says."""

from __future__ import annotations

import ast
import contextlib
import doctest
import importlib
import io

import pytest

from tests.house.source import Source, library

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def with_examples() -> list[Source]:
    return [source for source in library() if any(">>>" in (ast.get_docstring(node) or "") for node in (source.tree, *source.functions(), *source.classes()))]


def run(module: object, globals_: dict[str, object]) -> str:
    """The report of every failed example; missing extras skip."""
    report = io.StringIO()
    runner = doctest.DocTestRunner(verbose=False, optionflags=OPTIONS)
    for case in doctest.DocTestFinder(exclude_empty=True).find(module, extraglobs=globals_):  # type: ignore[arg-type]
        case_report = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()):
            runner.run(case, out=case_report.write, clear_globs=False)
        text = case_report.getvalue()
        if "ModuleNotFoundError" in text or "MissingExtra" in text or "pip install 'weft[" in text:
            pytest.skip(f"an example of {case.name} needs an extra")
        report.write(text)
    return report.getvalue()


@pytest.mark.parametrize("source", with_examples(), ids=lambda source: source.path)
def test_examples_in_docstrings_run(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = ".".join(("weft", *source.parts)).removesuffix(".__init__")
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name and missing.name.startswith("weft"):
            raise
        pytest.skip(f"{name} needs the extra that brings {missing.name}")
    report = run(module, {})
    assert not report, report


def test_a_wrong_example_is_seen():
    import types

    module = types.ModuleType("example")
    module.__doc__ = ">>> 1 + 1\n3\n"
    assert "Expected:\n    3" in run(module, {})
