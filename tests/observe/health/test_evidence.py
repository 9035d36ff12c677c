"""What is known of a training when it is judged."""

from __future__ import annotations

import json
import math

import pytest

from weft.observe.health.evidence import Evidence, failure, stages


def test_chance_is_that_of_guessing_only_for_classes():
    """Closed form: log K where a metric or the first loss says that classes are answered, else the first loss."""
    rows = [{"step": 1, "loss": 14.0}, {"step": 9, "loss": 2.0, "val/accuracy": 0.3}]
    assert Evidence(rows, [{"step": 1, "output/classes": 8.0}]).chance == pytest.approx(math.log(8))
    assert Evidence(rows[:1], [{"step": 1, "output/classes": 8.0}]).chance == 14.0
    assert Evidence([{"step": 1, "loss": 2.1}], [{"step": 1, "output/classes": 8.0}]).classifies
    assert not Evidence([{"step": 1, "loss": 0.5}], [{"step": 1, "output/classes": 1.0}]).classifies


def test_series_pass_over_what_is_not_finite():
    evidence = Evidence([{"step": 1, "loss": 2.0}, {"step": 2, "loss": math.nan}, {"step": 3, "loss": 1.0}], [{"step": 1, "a/x": 0.1, "a/y": 0.7, "loss": 2.5}])
    assert evidence.values("loss") == [2.0, 1.0] and evidence.first == 2.5 and evidence.steps == 3
    assert evidence.where("a/") == "y" and evidence.latest("a/x") == 0.1 == evidence.at_first("a/x") and evidence.most("none") == 0
    assert evidence.ending("loss") == 1.0 and math.isnan(evidence.ending("nothing"))


def test_a_run_is_read_stage_by_stage(tmp_path):
    (tmp_path / "health").mkdir()
    lines = [{"stage": s, "step": i, "loss": 1.0} for s in ("probe", "tune") for i in (1, 2)]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines))
    (tmp_path / "health" / "gradients.jsonl").write_text(json.dumps({"stage": "tune", "step": 2, "update/ratio": 0.1}) + "\n")
    (tmp_path / "failed.json").write_text(json.dumps({"stage": "tune", "error": "NonFinite", "message": "loss term 'loss' is nan"}))
    assert stages(tmp_path) == ["probe", "tune"]
    probe, tune = (Evidence.of(tmp_path, stage) for stage in ("probe", "tune"))
    assert not probe.reports and not probe.failed and tune.most("update/ratio") == 0.1 and tune.failed["error"] == "NonFinite"
    (tmp_path / "failed.json").write_text("{torn")
    assert failure(tmp_path) == {}
