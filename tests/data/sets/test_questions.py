"""SQuAD on a fixture written here."""

from __future__ import annotations

import json

import pytest

from weft.data.sets.laid_out import write_stand_in
from weft.data.sets.questions import squad

CONTEXT = "Ångström lived in Uppsala. He lived long."
ASKED = {"id": "1", "question": "Who lived?", "answers": [{"text": "Ångström", "answer_start": 0}, {"text": "He", "answer_start": 27}]}
NOT_SAID = {"id": "2", "question": "Who died?", "answers": [], "is_impossible": True, "plausible_answers": [{"text": "He", "answer_start": 27}]}


def lay_out(folder, qas, name="dev-v2.0.json"):
    content = {"version": "v2.0", "data": [{"title": "Name", "paragraphs": [{"context": CONTEXT, "qas": qas}]}]}
    (folder / name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return folder


def test_questions_answers_and_what_cannot_be_answered(tmp_path):
    """squad, contract: the records of files of both versions written by hand, starts counted in characters."""
    lay_out(tmp_path, [ASKED, NOT_SAID])
    first, second = squad(tmp_path, "dev", "2.0")
    assert first == {
        "id": "1", "title": "Name", "context": CONTEXT, "question": "Who lived?", "impossible": False,
        "answers": [{"text": "Ångström", "start": 0}, {"text": "He", "start": 27}],
    }  # fmt: skip
    assert second["impossible"] and second["answers"] == []
    assert squad(lay_out(tmp_path, [ASKED], "train-v1.1.json"))[0] == first


def test_a_made_copy_has_the_same_form(tmp_path):
    made = squad(write_stand_in("squad", tmp_path), version="2.0")
    assert len(made) == 480 and sum(record["impossible"] for record in made) == 240 and len(squad(tmp_path, "dev")) == 60
    assert all(record["context"].split()[1] == record["answers"][0]["text"] for record in made if not record["impossible"])


@pytest.mark.parametrize(
    ("qas", "words"),
    [
        ([ASKED | {"answers": [{"text": "He", "answer_start": 26}]}], "question '1': the answer 'He' does not stand at character 26"),
        ([ASKED | {"answers": [{"text": "long.", "answer_start": -5}]}], "does not stand"),
        ([ASKED | {"answers": [{"text": "He", "answer_start": 10**9}]}], "does not stand"),
        ([ASKED | {"answers": []}], "0 answers and is_impossible is False"),
        ([ASKED | {"answers": [{"text": "He", "answer_start": "27"}]}], "layout of SQuAD"),
        ([{"id": "1"}], "layout of SQuAD.*KeyError"),
        (None, "layout of SQuAD.*TypeError"),
        (["id"], "layout of SQuAD.*TypeError"),
        ([ASKED | {"answers": {"text": 1}}], "layout of SQuAD.*TypeError"),
        ([ASKED | {"answers": [{"text": 5, "answer_start": 0}]}], "layout of SQuAD"),
    ],
)
def test_damage_is_named(tmp_path, qas, words):
    """Hostile: answers elsewhere, fields that lack, other types."""
    with pytest.raises(ValueError, match=words):
        squad(lay_out(tmp_path, qas), "dev", "2.0")


def test_files_that_lack_or_break_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"lacks train-v1\.1\.json; published at https://rajpurkar"):
        squad(tmp_path)
    (tmp_path / "train-v1.1.json").write_text('{"data": [{"title": "", "paragraphs": [{"context": 3, "qas": [{"id": "1", "answers": [{"text": "", "answer_start": 0}]}]}]}]}')
    with pytest.raises(ValueError, match="has not the layout of SQuAD"):
        squad(tmp_path)
    (tmp_path / "train-v1.1.json").write_text("[1")
    with pytest.raises(ValueError, match="is not whole JSON"):
        squad(tmp_path)
    with pytest.raises(ValueError, match=r"expected '1\.1' or '2\.0'"):
        squad(tmp_path, version="3")
    with pytest.raises(ValueError, match="expected 'train' or 'dev'"):
        squad(tmp_path, "../dev")
