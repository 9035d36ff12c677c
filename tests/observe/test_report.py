"""The report of a run."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
import torch
from PIL import Image

from weft.engine import Epochs, Evaluation
from weft.observe import Outcome, Run, Samples, collect, write_report
from weft.observe.report import headlines

EVIL = "<script>alert('x')</script>"
ATTRIBUTE = '" onerror="alert(1)'


class Reader(HTMLParser):
    """Every tag, attribute and text of a page."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.text = set(), [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, name, attributes):
        self.tags.add(name)
        self.attributes += attributes

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def run(tmp_path, training, batches):
    with Run.create(tmp_path / "run", {"name": f"toy {EVIL}", "args": {f"key {EVIL}": f"value {ATTRIBUTE}"}}) as run:
        run.show_progress = False
        method, update = training()
        run.fit(
            "train",
            method,
            batches,
            update,
            until=Epochs(3),
            evaluate=Evaluation(batches),
            listeners=[Samples(lambda method: f"sample {EVIL}", every=6)],
        )
        run.finish({"accuracy": 0.875, f"metric {EVIL}": 1.0, "note": "no number"})
        yield run


def test_hostile_names_stay_text_everywhere(run):
    source = [
        {"image": Image.new("L", (4, 4)), "path": f"file {EVIL}{ATTRIBUTE}.png"},
        {"text": f"record {EVIL}"},
        {f"field {EVIL}": f"content {EVIL}"},
    ]
    classes = (f"class {EVIL}", f"class {ATTRIBUTE}", "</title></style></svg>")
    outcome = Outcome(torch.tensor([0, 1, 2]), torch.eye(3).roll(1, 0), classes, torch.arange(3), source, name=f"outcome {EVIL}")
    regression = Outcome(torch.tensor([1.0]), torch.tensor([2.0]), index=torch.tensor([1]), source=source, name=f"regression {EVIL}")
    text = write_report(run, [outcome, regression], samples={f"caption {EVIL}": f"given {EVIL}"}).read_text(encoding="utf-8")
    page = Reader(text)
    assert "script" not in page.tags and "<script" not in text.lower()
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "style"]
    for word in (
        "toy",
        "key",
        "value",
        "metric",
        "class",
        "file",
        "record",
        "field",
        "content",
        "outcome",
        "regression",
        "caption",
        "given",
        "sample",
    ):
        assert f"{word} {EVIL}" in page.text or f"{word} {ATTRIBUTE}" in page.text, f"{word} is missing or was changed"


def test_the_file_needs_nothing_else(run):
    text = write_report(run, samples={"picture": Image.new("RGB", (8, 8))}).read_text(encoding="utf-8")
    addresses = [value for name, value in Reader(text).attributes if name in ("src", "href", "action", "data", "srcset")]
    assert addresses and all(value.startswith("data:image/png;base64,") for value in addresses)
    assert not re.search(r"@import|url\(|javascript:", text) and "default-src 'none'" in Reader(text).attributes[3][1]


def test_every_section_is_there_with_the_run_s_numbers(run, training, batches):
    method, _ = training()
    outcome = collect(
        method,
        [{"input": x, "target": y, "index": torch.arange(len(y))} for x, y in batches],
        classes=["low", "high"],
        source=[{"row": i} for i in range(8)],
    )
    text = Reader(write_report(run, [outcome]).read_text(encoding="utf-8")).text
    for title in ("Results", "Call", "Curves", "Confusion matrix", "Per class", "Worst mistakes", "Samples", "Environment"):
        assert title in text
    assert "0.875" in text and torch.__version__ in text and "val/loss" in text and "weft run" in text


def test_an_unfinished_run_shows_its_latest_metrics(run):
    (run.path / "result.json").unlink()
    shown = headlines({}, run.metrics())
    assert shown == {"val/loss": run.metrics()[-1]["val/loss"]}
    assert "val/loss" in write_report(run.path).read_text(encoding="utf-8")


def test_an_empty_run_still_has_a_report(tmp_path):
    with Run.create(tmp_path / "run", {"name": "empty"}) as run:
        text = write_report(run, title="An empty one").read_text(encoding="utf-8")
    assert "An empty one" in text and "Curves" not in text and list(run.path.glob("report.html*")) == [run.path / "report.html"]


def test_a_broken_run_is_named(tmp_path, run):
    with pytest.raises(ValueError, match="not a run's directory"):
        write_report(tmp_path / "none")
    (run.path / "result.json").write_text("[1]")
    with pytest.raises(ValueError, match="expected a JSON object"):
        write_report(run)
    (run.path / "result.json").write_text("{")
    with pytest.raises(ValueError, match=r"result\.json is not valid JSON"):
        write_report(run)


def test_result_numbers_that_are_not_finite_are_headlines_too():
    values = headlines(json.loads('{"loss": "NaN", "val": {"accuracy": 0.5}, "done": true, "name": "x"}'), [])
    assert set(values) == {"loss", "val.accuracy"} and values["loss"] != values["loss"]


def test_results_bear_their_own_names():
    assert headlines({"metrics": {"accuracy": 0.5, "auroc": 0.75}}, []) == {"accuracy": 0.5, "auroc": 0.75}
