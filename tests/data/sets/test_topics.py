"""AG News and Yahoo Answers on fixtures written here."""

from __future__ import annotations

import pytest

from weft.data.sets.laid_out import write_stand_in
from weft.data.sets.topics import ag_news, yahoo_answers


def test_rows_are_what_the_tables_say(tmp_path):
    """ag_news and yahoo_answers, contract: cells to the letter, doubled quotation marks, line breaks and backslashes; classes by name."""
    (tmp_path / "train.csv").write_text('"3","Wall St.","Short-sellers, ""seeing"" green\\band"\n"1","a","b\nc"\n', encoding="utf-8")
    first, second = ag_news(tmp_path)
    assert first == {"title": "Wall St.", "text": 'Short-sellers, "seeing" green\\band', "label": "Business"}
    assert second == {"title": "a", "text": "b\nc", "label": "World"}
    (tmp_path / "test.csv").write_text('"10","Why?","","Because,\\nsays he"\n')
    assert yahoo_answers(tmp_path, "test") == [{"question": "Why?", "detail": "", "answer": "Because,\\nsays he", "label": "Politics & Government"}]


@pytest.mark.parametrize(("name", "read", "classes"), [("ag_news", ag_news, 4), ("yahoo_answers", yahoo_answers, 10)])
def test_a_made_copy_can_be_learned(tmp_path, name, read, classes):
    """ag_news and yahoo_answers, learned: the first word tells the topic in the made copy, in both parts alike."""
    write_stand_in(name, tmp_path)
    column = "title" if name == "ag_news" else "answer"
    known = {record[column].split(":")[0]: record["label"] for record in read(tmp_path)}
    assert len(known) == classes and all(known[record[column].split(":")[0]] == record["label"] for record in read(tmp_path, "test"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('"1","a"\n', r"train\.csv', line 1: 2 cells; expected the class, title, text"),
        ('"5","a","b"\n', "the class '5'; expected 1 to 4"),
        ('"0","a","b"\n', "the class '0'"),
        ('"²","a","b"\n', "the class '²'"),
        ('"x","a","b"\n', "the class 'x'"),
        ('"1","a","b\n', "is a quotation mark left open"),
        (f'"1","a","{"b" * 1_000_001}"\n', "field larger than field limit"),
    ],
)
def test_damage_is_named(tmp_path, text, words):
    """Hostile: cells that lack, classes that are none, an open quotation mark, a cell without end."""
    (tmp_path / "train.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=words):
        ag_news(tmp_path)


def test_what_lacks_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"lacks train\.csv; published at https://github\.com/zhangxiangxiao"):
        ag_news(tmp_path)
    with pytest.raises(ValueError, match="expected 'train' or 'test'"):
        yahoo_answers(tmp_path, "../x")
