from __future__ import annotations

import pytest

import weft


def test_labelled_texts_become_a_classifier(tmp_path, texts):
    """Contract: the text_classification recipe learns which words tell, and its bundle reads new texts."""
    result = weft.run("text_classification", data=texts, epochs=10, run=tmp_path / "run", progress=False)
    assert result.metrics["accuracy"] >= 0.8
    answers = weft.Bundle.open(result.bundle).predict([{"text": "a lovely warm superb film"}, {"text": "awful dull boring music"}])
    assert [answer["label"] for answer in answers] == ["good", "bad"]


def test_other_columns_and_folders_are_read(tmp_path, texts):
    from tests.recipes.material import reviews, write_csv

    folder = tmp_path / "reviews"
    for i, review in enumerate(reviews()):
        (folder / str(review["label"])).mkdir(parents=True, exist_ok=True)
        (folder / str(review["label"]) / f"{i}.txt").write_text(str(review["text"]))
    other = write_csv(tmp_path / "other.csv", [{"words": review["text"], "mood": review["label"]} for review in reviews()])
    first = weft.run("text_classification", data=folder, quick=True, run=tmp_path / "a", progress=False)
    second = weft.run("text_classification", data=other, text="words", label="mood", quick=True, run=tmp_path / "b", progress=False)
    assert set(first.metrics) == set(second.metrics) and weft.recipes.opened(second.run).predict([{"words": "fine"}])[0]["label"] in ("good", "bad")
    with pytest.raises(ValueError, match="no column 'text'"):
        weft.run("text_classification", data=other, run=tmp_path / "c")
