"""WikiText and the Penn Treebank on fixtures written here."""

from __future__ import annotations

import pytest

from weft.data.sets.laid_out import write_stand_in
from weft.data.sets.running_text import penn_treebank, wikitext


def test_lines_and_text_are_those_of_the_file(tmp_path):
    """wikitext and penn_treebank, contract: the whole text to the letter, its lines without the empty ones."""
    text = " \n = Valkyria = \n \n The <unk> @-@ game \n"
    (tmp_path / "wiki.valid.tokens").write_text(text, encoding="utf-8")
    (tmp_path / "wiki.train.raw").write_text("The äon game\n", encoding="utf-8")
    source = wikitext(tmp_path, "val")
    assert source.text == text and [record["text"] for record in source] == [" = Valkyria = ", " The <unk> @-@ game "]
    assert wikitext(tmp_path, form="raw").text == "The äon game\n"
    (tmp_path / "ptb.train.txt").write_text(" aer banknote N \n no it was n't black monday \n")
    assert [record["text"] for record in penn_treebank(tmp_path)] == [" aer banknote N ", " no it was n't black monday "]


def test_made_copies_have_every_part(tmp_path):
    write_stand_in("wikitext", tmp_path / "w")
    write_stand_in("penn_treebank", tmp_path / "p")
    for part, size in (("train", 240), ("val", 60), ("test", 60)):
        assert len(wikitext(tmp_path / "w", part)) == size + 1 and len(penn_treebank(tmp_path / "p", part)) == size
        assert "<unk>" in wikitext(tmp_path / "w", part).text and "<unk>" not in wikitext(tmp_path / "w", part, "raw").text


def test_what_lacks_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"lacks wiki\.train\.tokens; published at https://huggingface\.co/datasets/Salesforce"):
        wikitext(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"lacks ptb\.valid\.txt"):
        penn_treebank(tmp_path, "val")
    with pytest.raises(ValueError, match="expected 'train', 'val', 'test'"):
        penn_treebank(tmp_path, "../train")
    with pytest.raises(ValueError, match="expected 'tokens' or 'raw'"):
        wikitext(tmp_path, form="words")
