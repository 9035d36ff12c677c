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


@pytest.mark.parametrize("tokenizer", ["characters", "words", "bpe"])
def test_the_tokenizer_is_chosen_and_its_size_bounded(tmp_path, texts, tokenizer):
    """Contract: each tokenizer has at most as many tokens as asked for, goes into the bundle and still tells the words apart."""
    size = {"characters": 40, "words": 30, "bpe": 300}[tokenizer]
    result = weft.run("text_classification", data=texts, tokenizer=tokenizer, vocabulary=size, epochs=10, run=tmp_path / "run", progress=False)
    codec = weft.Bundle.open(result.bundle).codec
    counts = {"cut": len(codec.encode({"text": "superb superb"})["input"]), "tokens": codec.num_tokens}
    assert counts["tokens"] <= size + 2  # padding and the unknown token
    assert counts["cut"] == {"characters": 13, "words": 2}.get(tokenizer, counts["cut"]) and (tokenizer != "bpe" or 2 <= counts["cut"] < 13)
    assert result.metrics["accuracy"] >= 0.8


def test_bad_rows_stop_or_are_skipped(tmp_path, texts, capsys):
    broken = tmp_path / "broken.csv"
    broken.write_text(texts.read_text() + ",good\nfine,\n")
    with pytest.raises(ValueError, match="unreadable=skip"):
        weft.run("text_classification", data=broken, run=tmp_path / "no")
    weft.run("text_classification", data=broken, unreadable="skip", quick=True, run=tmp_path / "run", progress=False)
    assert "Skipped 2 records" in capsys.readouterr().out and not (tmp_path / "no").exists()
