"""CoQA and QuAC on fixtures written here."""

from __future__ import annotations

import copy
import json

import pytest

from weft.data.sets.conversations import coqa, quac

STORY = {
    "id": "3dr", "source": "wikipedia", "story": "Ångström lived in Uppsala. He lived long.",
    "questions": [{"input_text": "Who?", "turn_id": 1}, {"input_text": "Where?", "turn_id": 2}, {"input_text": "When?", "turn_id": 3}],
    "answers": [
        {"input_text": "Ångström", "span_start": 0, "span_end": 8, "span_text": "Ångström", "turn_id": 1},
        {"input_text": "In Uppsala", "span_start": 15, "span_end": 25, "span_text": "in Uppsala", "turn_id": 2},
        {"input_text": "unknown", "span_start": -1, "span_end": -1, "span_text": "unknown", "turn_id": 3},
    ],
}  # fmt: skip
CONTEXT = "He was born in 1814. He died in 1874. CANNOTANSWER"
ARTICLE = {
    "title": "Ångström", "section_title": "Life", "background": "A physicist.",
    "paragraphs": [{"id": "C_1", "context": CONTEXT, "qas": [
        {"id": "C_1_q#0", "question": "When born?", "answers": [{"text": "in 1814", "answer_start": 12}], "yesno": "x", "followup": "y"},
        {"id": "C_1_q#1", "question": "Married?", "answers": [{"text": "CANNOTANSWER", "answer_start": 38}], "yesno": "x", "followup": "n"},
    ]}],
}  # fmt: skip


def lay_out(folder, name, entry):
    (folder / name).write_text(json.dumps({"version": "1", "data": [entry]}, ensure_ascii=False), encoding="utf-8")
    return folder


def test_a_turn_knows_what_was_said_before(tmp_path):
    """coqa, contract: turns of a story written by hand, with spans, answers without one, and what was said before."""
    first, second, third = coqa(lay_out(tmp_path, "coqa-train-v1.0.json", STORY))
    assert first == {
        "id": "3dr", "turn": 1, "source": "wikipedia", "context": STORY["story"], "question": "Who?", "answer": "Ångström",
        "span": {"text": "Ångström", "start": 0}, "history": [],
    }  # fmt: skip
    assert second["span"] == {"text": "in Uppsala", "start": 15} and second["history"] == [{"question": "Who?", "answer": "Ångström"}]
    assert third["span"] is None and len(third["history"]) == 2 and first["history"] == []


def test_answers_stand_where_they_say_or_nowhere(tmp_path):
    """quac, contract: turns of a section written by hand; the word for no answer is no answer."""
    first, second = quac(lay_out(tmp_path, "val_v0.2.json", ARTICLE), "val")
    assert first["answers"] == [{"text": "in 1814", "start": 12}] and not first["impossible"] and (first["yes_no"], first["follow_up"]) == ("x", "y")
    assert (first["title"], first["section"], first["background"], first["context"]) == ("Ångström", "Life", "A physicist.", CONTEXT)
    assert second["answers"] == [] and second["impossible"] and second["history"] == [{"question": "When born?", "answer": "in 1814"}]


def test_damage_is_named(tmp_path):
    """Hostile: spans beyond the story, answers elsewhere, fields that lack, turns without an answer."""
    for change, words in (
        ({"span_end": 999}, r"story '3dr', turn 1: a span 0 to 999 of 41"), ({"span_start": "0"}, "has not the layout"),
    ):  # fmt: skip
        story = copy.deepcopy(STORY)
        story["answers"][0] |= change
        with pytest.raises(ValueError, match=words):
            coqa(lay_out(tmp_path, "coqa-dev-v1.0.json", story), "dev")
    for entry in (STORY | {"answers": []}, [], {"story": "a"}):
        with pytest.raises(ValueError, match=r"3 questions and 0 answers|has not the layout"):
            coqa(lay_out(tmp_path, "coqa-dev-v1.0.json", entry), "dev")
    article = copy.deepcopy(ARTICLE)
    article["paragraphs"][0]["qas"][0]["answers"][0]["answer_start"] = 13
    with pytest.raises(ValueError, match=r"question 'C_1_q#0': the answer 'in 1814' does not stand at 13"):
        quac(lay_out(tmp_path, "train_v0.2.json", article))
    with pytest.raises(FileNotFoundError, match=r"lacks coqa-train-v1\.0\.json; published at https://stanfordnlp"):
        coqa(tmp_path)
    with pytest.raises(ValueError, match="expected 'train' or 'val'"):
        quac(tmp_path, "dev")
