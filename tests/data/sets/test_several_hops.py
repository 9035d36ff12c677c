"""HotpotQA on a fixture written here."""

from __future__ import annotations

import json

import pytest

from weft.data.sets.several_hops import hotpot_qa

ENTRY = {
    "_id": "5a7", "question": "Where was the author of A born?", "answer": "Oslo", "type": "bridge", "level": "hard",
    "supporting_facts": [["A", 0], ["Ibsen", 3]], "context": [["A", ["A is by Ibsen.", " It is short."]], ["Ibsen", ["Ibsen was born in Oslo."]]],
}  # fmt: skip


@pytest.mark.parametrize(("part", "name"), [("train", "hotpot_train_v1.1.json"), ("dev", "hotpot_dev_distractor_v1.json"), ("fullwiki", "hotpot_dev_fullwiki_v1.json")])
def test_records_are_what_the_file_says(tmp_path, part, name):
    """hotpot_qa, contract: paragraphs by sentence and the sentences that were needed, numbers beyond their paragraph kept."""
    (tmp_path / name).write_text(json.dumps([ENTRY]))
    (record,) = hotpot_qa(tmp_path, part)
    assert record == {
        "id": "5a7", "question": ENTRY["question"], "answer": "Oslo", "kind": "bridge", "level": "hard",
        "paragraphs": [{"title": "A", "sentences": ["A is by Ibsen.", " It is short."]}, {"title": "Ibsen", "sentences": ["Ibsen was born in Oslo."]}],
        "supporting": [{"title": "A", "sentence": 0}, {"title": "Ibsen", "sentence": 3}],
    }  # fmt: skip


@pytest.mark.parametrize(
    "content", ["[1]", "{}x", "{", '[{"_id": "a"}]', json.dumps([ENTRY | {"context": [["A"]]}]), json.dumps([ENTRY | {"supporting_facts": [["A", "x"]]}]), "3"]
)
def test_damage_is_named(tmp_path, content):
    """Hostile: broken JSON, fields that lack, lists of another length."""
    (tmp_path / "hotpot_train_v1.1.json").write_text(content)
    with pytest.raises(ValueError, match=r"hotpot_train_v1\.1\.json' (is not whole JSON|has not the layout)"):
        hotpot_qa(tmp_path)


def test_what_lacks_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"lacks hotpot_dev_distractor_v1\.json; published at https://hotpotqa"):
        hotpot_qa(tmp_path, "dev")
    with pytest.raises(ValueError, match="expected 'train' or 'dev' or 'fullwiki'"):
        hotpot_qa(tmp_path, "test")
