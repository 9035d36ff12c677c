from __future__ import annotations

import json

import pytest

from weft.recipes import demo

pytest.importorskip("sklearn")


def test_the_main_job_runs_from_data_to_an_answer_over_http(tmp_path, capsys):
    """Contract: the demo trains digits to 0.975 held-out accuracy, writes report and bundle, predicts files, serves and stops."""
    pytest.importorskip("fastapi")
    assert demo.main([str(tmp_path / "demo")]) == 0
    said = capsys.readouterr().out
    assert (tmp_path / "demo" / "run" / "report.html").is_file() and (tmp_path / "demo" / "run" / "bundle.weft").is_file()
    assert json.loads((tmp_path / "demo" / "run" / "result.json").read_text())["metrics"]["accuracy"] >= 0.975
    assert '{"label": "7"' in said and "The server has stopped" in said and "What to try next" in said
    demo.prepare(tmp_path / "demo")
    assert not (tmp_path / "demo" / "run").exists(), "its own folder is replaced"


def test_a_folder_that_is_not_its_own_is_left_alone(tmp_path, capsys):
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "thesis.txt").write_text("years of work")
    assert demo.main([str(tmp_path / "demo")]) == 1
    assert "was not made by this demo" in capsys.readouterr().err and (tmp_path / "demo" / "thesis.txt").is_file()
