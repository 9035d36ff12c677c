from __future__ import annotations

import math

import pytest

import weft
from tests.recipes.material import write_running_text
from weft.recipes import continued, judge

SMALL = {"context": 16, "model": {"name": "gpt", "args": {"dim": 32, "depth": 1, "num_heads": 2}}, "length": 20, "every": 50}


def test_running_text_becomes_a_model_that_continues_it(tmp_path):
    """Contract: the language_model recipe beats chance by far, shows samples, and its bundle writes on from a prompt."""
    data = write_running_text(tmp_path / "text.txt")
    result = weft.run("language_model", data=data, run=tmp_path / "run", progress=False, **SMALL)
    bundle = weft.Bundle.open(result.bundle)
    assert result.metrics["loss"] < 0.8 * math.log(bundle.codec.num_tokens)
    assert list((result.run / "samples").rglob("*.txt")) and "sample 1" in result.report.read_text()
    first, again = (continued(bundle, ["the film"], length=30)[0]["text"] for _ in range(2))
    assert first == again and first.startswith("the film") and len(first) == len("the film") + 30
    assert judge(bundle, data)["loss"] < 0.8 * math.log(bundle.codec.num_tokens)


def test_the_held_out_text_is_its_end_and_counts_once(tmp_path):
    data = write_running_text(tmp_path / "text.txt")
    seen = data.read_text()
    data.write_text(seen + "QQQQ" * 100)
    result = weft.run("language_model", data=data, quick=True, run=tmp_path / "run", progress=False, **SMALL)
    vocabulary = weft.Bundle.open(result.bundle).codec.vocabulary
    assert "Q" not in vocabulary, "tokens are learned from the training text alone"


@pytest.mark.parametrize(("text", "message"), [("", "holds no text"), ("short", "Shorten|tokens"), (None, "no file")])
def test_a_text_that_cannot_teach_is_refused(tmp_path, text, message):
    data = tmp_path / "text.txt"
    if text is not None:
        data.write_text(text)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        weft.run("language_model", data=data, run=tmp_path / "run", progress=False, **SMALL)
    assert not (tmp_path / "run").exists()
