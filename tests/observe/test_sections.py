"""The parts of a report."""

from __future__ import annotations

import base64
import io
import re
import shlex

import numpy as np
import pytest
import torch
from PIL import Image

from weft.observe import Outcome, sections


def picture(markup):
    (data,) = re.findall(r'src="data:image/png;base64,([^"]*)"', markup)
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_the_call_can_be_pasted_back(tmp_path):
    arguments = {"data": "my photos; rm -rf", "layers": [1, 2], "note": "it's", "lr": 0.001}
    shown = sections.call({"name": "digits", "args": arguments, "then": []}, tmp_path)
    (line,) = re.findall(r"<pre>(.*?)</pre>", shown)
    assert shlex.split(line.replace("&#x27;", "'").replace("&quot;", '"'))[2:] == [
        "digits",
        "data=my photos; rm -rf",
        "layers=[1, 2]",
        "note=it's",
        "lr=0.001",
    ]
    assert str(tmp_path) in shown and sections.call({}, tmp_path) is None


def test_later_stages_are_put_behind_earlier_ones():
    rows = [{"stage": stage, "step": step, "epoch": 0, "time": 1.0, "loss": 1.0} for stage in ("probe", "tune") for step in (10, 20)]
    series, marks = sections.over_steps(rows)
    assert series == {"loss": [(10.0, 1.0), (20.0, 1.0), (30.0, 1.0), (40.0, 1.0)]} and marks == [(0.0, "probe"), (20.0, "tune")]
    assert sections.over_steps(rows[:2])[1] == [], "one stage needs no mark"


def test_training_and_evaluation_share_a_chart_and_loss_comes_first():
    rows = [{"step": step, "lr": 0.1, "val/accuracy": 0.5, "loss": 1.0, "val/loss": 2.0} for step in (1, 2)]
    shown = sections.curves(rows)
    assert re.findall(r'aria-label="([^"]*)"', shown) == ["loss", "accuracy", "learning rate"] and sections.curves([]) is None


def test_many_classes_are_shown_as_their_most_frequent_confusions():
    size = 60
    output = torch.eye(size)[torch.arange(size)]
    output[5] = output[6]
    shown = sections.confusion(Outcome(torch.arange(size), output, tuple(f"class {i}" for i in range(size))))
    assert "<svg" not in shown and "class 5" in shown and "class 6" in shown and "class 7" not in shown


@pytest.mark.parametrize(
    "record",
    [
        {"image": np.zeros((6, 4), np.uint8)},
        {"image": Image.new("RGB", (4, 6))},
        {"input": torch.rand(3, 6, 4), "target": 1},
        {"input": np.random.default_rng(0).random((6, 4))},
    ],
    ids=["array", "image", "tensor", "floats"],
)
def test_a_record_with_a_picture_is_shown_as_one(record):
    assert picture(sections.show_record(record)).size == (4, 6)


def test_a_large_picture_is_reduced_and_keeps_its_shape(tmp_path):
    Image.new("RGB", (2000, 1000), "red").save(tmp_path / "large.jpg")
    assert picture(sections.show_record({"image": tmp_path / "large.jpg"})).size == (320, 160)


def test_other_records_are_shown_as_text_and_broken_ones_do_not_stop_the_report(tmp_path):
    assert "once &lt;upon&gt;" in sections.show_record({"text": "once <upon>"})
    assert "age: 5" in sections.show_record({"age": 5, "vector": np.zeros(30)})
    (tmp_path / "bad.png").write_bytes(b"no picture")
    assert "bad.png" in sections.show_record({"image": tmp_path / "bad.png"})
    assert sections.show_record(None) is None and len(sections.show("x" * 9999)) < 2100


def test_numbers_are_short_and_nan_is_a_dash():
    assert [sections.number(value) for value in (0.123456, 12345, float("nan"), float("inf"))] == ["0.1235", "12,345", "–", "inf"]


def test_agreement_states_the_usual_errors():
    target, output = torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([1.0, 2.0, 3.0, 6.0])
    shown = sections.agreement(Outcome(target, output))
    assert "<b>0.5</b><span>mean absolute error" in shown and "<b>1</b><span>root mean squared error" in shown and "<b>0.2</b><span>R²" in shown


def test_nothing_to_show_is_no_section():
    assert sections.headline({}) is None and sections.gallery({}) is None and sections.environment({}) is None
    assert sections.mistakes(Outcome(torch.tensor([0]), torch.tensor([[1.0, 0.0]]), ("a", "b"))) is None
