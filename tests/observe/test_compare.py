"""Runs side by side."""

from __future__ import annotations

import pytest

from weft.observe import MetricsFile, Run, compare

EVIL = "<script>alert(1)</script>"


def made(path, arguments, result=None):
    with Run.create(path, {"name": "toy", "args": arguments}) as run:
        if result is not None:
            run.finish(result)
    return path


def test_only_differing_arguments_are_shown_beside_the_results(tmp_path):
    a = made(tmp_path / "a", {"lr": 0.1, "seed": 0, "depth": 2}, {"accuracy": 0.9, "val": {"loss": 0.5}})
    b = made(tmp_path / "b", {"lr": 0.2, "seed": 0, "width": [8]}, {"accuracy": 0.95})
    found = compare([a, b])
    assert found.arguments == {"args.lr": (0.1, 0.2), "args.depth": (2, None), "args.width": (None, [8])}
    assert found.results == {"accuracy": (0.9, 0.95), "val.loss": (0.5, None)}
    head, first, second = str(found).splitlines()
    assert head.split() == ["run", "args.lr", "args.depth", "args.width", "accuracy", "val.loss"]
    assert first.split() == [str(a), "0.1", "2", "0.9", "0.5"] and second.split() == [str(b), "0.2", "[8]", "0.95"]


def test_an_unfinished_run_shows_its_latest_metrics(tmp_path, moment):
    path = made(tmp_path / "a", {})
    listener = MetricsFile(path / "metrics.jsonl", every=1)
    for step, value in ((1, 0.5), (2, 0.75)):
        listener(moment(step), {"loss": 1.0, "val/accuracy": value})
    listener.close()
    assert compare([Run.open(path, read_only=True)]).results == {"val/accuracy": (0.75,)}


def test_a_notebook_s_table_is_escaped(tmp_path):
    a, b = made(tmp_path / "a", {"data": EVIL}, {EVIL: 1.0}), made(tmp_path / "b", {"data": "x"})
    table = compare([a, b])._repr_html_()
    assert "<script" not in table and "&lt;script&gt;" in table


def test_nothing_or_no_run_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="at least one"):
        compare([])
    with pytest.raises(FileNotFoundError, match="no run"):
        compare([tmp_path])
