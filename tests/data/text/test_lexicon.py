"""Synonyms from the built-in file, a file of one's own, WordNet."""

from __future__ import annotations

import pytest

from weft.data.text.lexicon import BUILT_IN, read_lexicon, synonyms_of


def test_the_built_in_lexicon_is_mutual_and_clean():
    """Property: no word is its own synonym, each is the synonym of its synonyms, all are lower case."""
    lexicon = read_lexicon(BUILT_IN)
    assert len(lexicon) > 450
    for word, others in lexicon.items():
        assert word not in others and len(set(others)) == len(others) >= 1 and word == word.lower().strip()
        assert all(word in lexicon[other] for other in others)


def test_a_file_of_ones_own(tmp_path):
    file = tmp_path / "de.csv"
    file.write_text("# Deutsch\nschnell,rasch\nschnell, flink\n\n", encoding="utf-8")
    assert synonyms_of(file)("Schnell") == ("rasch", "flink") and synonyms_of(str(file))("langsam") == ()
    file.with_name("bad.csv").write_text("a,b\nalone\n")
    with pytest.raises(ValueError, match=r"bad.csv', row 2"):
        synonyms_of(file.with_name("bad.csv"))
    file.with_name("empty.csv").write_text("# nothing\n")
    with pytest.raises(ValueError, match="holds no synonyms"):
        synonyms_of(file.with_name("empty.csv"))


def test_a_lexicon_that_is_not_there_is_an_error(tmp_path):
    """Regression: a missing resource must not become the identity."""
    with pytest.raises(FileNotFoundError, match=r"no\.csv"):
        synonyms_of(tmp_path / "no.csv")


def test_wordnet_is_used_or_its_absence_explained():
    found, message = (), ""
    try:
        found = synonyms_of("wordnet")("quick")
    except (ImportError, LookupError) as error:
        message = str(error)
    assert "fast" in found or "weft[languages]" in message or "nltk.downloader wordnet" in message
