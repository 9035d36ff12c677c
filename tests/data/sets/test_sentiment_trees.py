"""The Stanford Sentiment Treebank on trees written here, and against nltk."""

from __future__ import annotations

import pytest

from weft.data.sets.sentiment_trees import sentiment_treebank, tree

LINE = "(3 (2 (2 The) (2 Rock)) (4 (3 (2 is) (4 great)) (2 -LRB-)))"


def test_words_and_phrases_of_a_tree(tmp_path):
    """sentiment_treebank, contract: words, the sentence's label, and each phrase with its place and label."""
    (tmp_path / "test.txt").write_text(LINE + "\n\n(0 bad)\n", encoding="utf-8")
    first, second = sentiment_treebank(tmp_path, "test")
    assert first["words"] == ["The", "Rock", "is", "great", "("] and first["label"] == 3
    assert {(p["start"], p["end"]): p["label"] for p in first["phrases"]} == {
        (0, 1): 2, (1, 2): 2, (0, 2): 2, (2, 3): 2, (3, 4): 4, (2, 4): 3, (4, 5): 2, (2, 5): 4, (0, 5): 3,
    }  # fmt: skip
    assert second == {"words": ["bad"], "label": 0, "phrases": [{"start": 0, "end": 1, "label": 0}]}


def test_trees_are_those_of_nltk():
    """sentiment_treebank, parity: nltk reads the same words, and phrases of the same lengths and labels."""
    theirs = pytest.importorskip("nltk.tree").Tree.fromstring(LINE)
    ours = tree(LINE, "here")
    assert ours["words"] == [leaf.replace("-LRB-", "(") for leaf in theirs.leaves()]
    spans = sorted((len(node.leaves()), int(node.label())) for node in theirs.subtrees())
    assert spans == sorted((phrase["end"] - phrase["start"], phrase["label"]) for phrase in ours["phrases"])


def test_a_tree_without_end_is_gone_through():
    """Hostile: a hundred thousand brackets deep, where recursion would end the program."""
    deep = "(1 " * 100_000 + "word" + ")" * 100_000
    assert len(tree(deep, "here")["phrases"]) == 100_000
    with pytest.raises(ValueError, match="99999 brackets are left open"):
        tree("(1 " * 100_000 + "word)", "here")


@pytest.mark.parametrize(
    ("line", "words"),
    [("(5 good)", "the label '5'"), ("(x good)", "the label 'x'"), ("good", "outside the brackets"), ("(3 good", "left open"), ("(3 )", "without label or words"), ("()", "without label or words"), ("(3 good) (3 bad)", "a second tree"), ("(3 good))", "outside")],
)
def test_what_is_no_tree_is_named(tmp_path, line, words):
    (tmp_path / "train.txt").write_text(f"{LINE}\n{line}\n")
    with pytest.raises(ValueError, match=words) as error:
        sentiment_treebank(tmp_path)
    assert "train.txt', line 2" in str(error.value)


def test_what_lacks_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"lacks dev\.txt; published at https://nlp\.stanford"):
        sentiment_treebank(tmp_path, "dev")
