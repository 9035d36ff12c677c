"""CoNLL-U and column files."""

from __future__ import annotations

import os

import pytest

from weft.data.sets import conll

needs_mirror = pytest.mark.skipif(not os.environ.get("WEFT_MIRROR"), reason="WEFT_MIRROR is not set")
TREE = """# sent_id = 1
# text = I can't # go
1\tI\tI\tPRON\tPRP\t_\t4\tnsubj\t_\t_
2-3\tcan't\t_\t_\t_\t_\t_\t_\t_\t_
2\tca\tcan\tAUX\tMD\t_\t4\taux\t_\t_
3\tn't\tnot\tPART\tRB\t_\t4\tadvmod\t_\t_
3.1\tx\tx\t_\t_\t_\t_\t_\t_\t_
4\tgo\tgo\tVERB\tVB\t_\t0\troot\t_\t_
"""


def write(folder, text):
    (folder / "a.conllu").write_text(text)
    return folder / "a.conllu"


def test_a_tree_is_read_without_ranges_and_empty_nodes(tmp_path):
    for text in (TREE, TREE + "\n\n\n" + TREE, TREE.replace("\n", "\r\n")):
        sentences = conll.read_conllu(write(tmp_path, text))
        assert len(sentences) == 1 + text.count("\n\n\n")
        for sentence in sentences:
            assert sentence["words"] == ["I", "ca", "n't", "go"] and sentence["heads"] == [4, 4, 4, 0] and sentence["text"] == "I can't # go"
            assert sentence["tags"] == ["PRON", "AUX", "PART", "VERB"] and sentence["relations"][-1] == "root"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [("\tRB\t_", "\tRB", "line 6: 9 fields"), ("4\tgo", "5\tgo", "line 8: word '5'"), ("_\t4\taux", "_\t9\taux", "line 5: word '2' with head '9'"), ("_\t4\taux", "_\tx\taux", "head 'x'")],
)
def test_a_broken_row_is_located(tmp_path, old, new, words):
    with pytest.raises(ValueError, match=words):
        conll.read_conllu(write(tmp_path, TREE.replace(old, new)))


def test_columns_of_tabs_and_blanks(tmp_path):
    path = write(tmp_path, "-DOCSTART- -X- O O\n\nEU NNP I-NP B-ORG\n#tag X Y O\n\n\nno x y O\n")
    assert conll.read_columns(path, tag=-1) == [{"words": ["EU", "#tag"], "tags": ["B-ORG", "O"]}, {"words": ["no"], "tags": ["O"]}]
    with pytest.raises(ValueError, match="line 2: 1 columns"):
        conll.read_columns(write(tmp_path, "a O\nb\n"))


@needs_mirror
def test_ud_ewt_is_what_was_published():
    """Contract: ud_ewt has the published numbers of sentences and words; every tree has one root and no cycle."""
    for part, sentences, words in (("dev", 2001, 25_147), ("test", 2077, 25_094)):
        trees = conll.ud_ewt(part)
        assert len(trees) == sentences and sum(len(tree["words"]) for tree in trees) == words
        assert {tag for tree in trees for tag in tree["tags"]} <= set(["ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X"])
        for tree in trees:
            assert tree["heads"].count(0) == 1
            for node in range(1, len(tree["heads"]) + 1):
                steps = 0
                while node:
                    node, steps = tree["heads"][node - 1], steps + 1
                    assert steps <= len(tree["heads"])
    with pytest.raises(ValueError, match="expected 'dev' or 'test'"):
        conll.ud_ewt("train")


@needs_mirror
def test_wnut17_is_what_was_published():
    """Contract: wnut17 has the published numbers of sentences and six kinds of names, tagged BIO without a stray I."""
    assert [len(conll.wnut17(part)) for part in ("train", "dev", "test")] == [3394, 1009, 1287]
    kinds = {"corporation", "creative-work", "group", "location", "person", "product"}
    for part in ("train", "dev", "test"):
        tags = {tag for sentence in conll.wnut17(part) for tag in sentence["tags"]}
        assert tags == {"O"} | {f"{place}-{kind}" for place in "BI" for kind in kinds}
    with pytest.raises(ValueError, match="expected 'train'"):
        conll.wnut17("val")
