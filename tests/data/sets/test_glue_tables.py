"""GLUE's tables on fixtures written here."""

from __future__ import annotations

import pytest

from weft.data.sets.glue_tables import TASKS, glue
from weft.data.sets.laid_out import write_stand_in

FILES = {
    "SST-2/train.tsv": 'sentence\tlabel\nhide new "secretions" \t0\nsay "no \t1\n',
    "SST-2/test.tsv": "index\tsentence\n0\tfun\n",
    "CoLA/train.tsv": "gj04\t1\t\tThe sailors rode.\r\nr-67\t0\t*\tThey rode the.\r\n",
    "CoLA/test.tsv": "index\tsentence\n0\tBill ran.\n",
    "MRPC/train.tsv": "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t7\t8\tA b.\tB a.\n",
    "STS-B/dev.tsv": "index\tgenre\tsentence1\tsentence2\tscore\n0\tmain\ta\tb\t3.25\n",
}


def lay_out(folder, files=FILES):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
    return folder


def test_rows_are_what_the_tables_say(tmp_path):
    """glue, contract: texts to the letter (quotation marks close nothing), labels as written, pairs, scores, tests without labels."""
    lay_out(tmp_path)
    assert glue(tmp_path) == [{"text": 'hide new "secretions" ', "label": "0"}, {"text": 'say "no ', "label": "1"}]
    assert glue(tmp_path, "sst2", "test") == [{"text": "fun"}] and glue(tmp_path, "cola", "test") == [{"text": "Bill ran."}]
    assert glue(tmp_path, "cola") == [{"text": "The sailors rode.", "label": "1"}, {"text": "They rode the.", "label": "0"}]
    assert glue(tmp_path, "mrpc") == [{"text": "A b.", "text_pair": "B a.", "label": "1"}]
    assert glue(tmp_path, "stsb", "dev") == [{"text": "a", "text_pair": "b", "label": 3.25}]


def test_a_made_copy_can_be_learned(tmp_path):
    """glue, learned: a word tells SST-2's label in the made copy, and the order of words CoLA's."""
    write_stand_in("glue", tmp_path)
    assert all(("good" in row["text"]) == (row["label"] == "1") for row in glue(tmp_path)) and len(glue(tmp_path)) == 240
    assert all((row["text"].split() == sorted(row["text"].split())) == (row["label"] == "0") for row in glue(tmp_path, "cola", "dev"))


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("SST-2/train.tsv", "sentence\tlabel\na\tb\t0\n", r"train\.tsv', line 2: 3 cells; expected 2"),
        ("SST-2/train.tsv", "text\tlabel\na\t0\n", "no column 'sentence'; its columns are 'text', 'label'"),
        ("SST-2/train.tsv", "", "no column"),
        ("CoLA/train.tsv", "gj04\t1\tfine\n", "line 1: 3 cells; expected 4"),
        ("STS-B/train.tsv", "sentence1\tsentence2\tscore\na\tb\tc\n", "line 2: the score 'c' is no number"),
    ],
)
def test_damage_is_named(tmp_path, name, text, words):
    task = next(task for task, (folder, _, _) in TASKS.items() if folder == name.split("/")[0])
    with pytest.raises(ValueError, match=words):
        glue(lay_out(tmp_path, {name: text}), task)


def test_what_lacks_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"lacks QNLI/dev\.tsv; published at https://gluebenchmark"):
        glue(tmp_path, "qnli", "dev")
    with pytest.raises(ValueError, match="expected 'sst2', 'cola'"):
        glue(tmp_path, "../secret")
    with pytest.raises(ValueError, match="expected 'train', 'dev' or 'test'"):
        glue(tmp_path, part="../x")
