"""Translations line by line, in the layouts of WMT and IWSLT."""

from __future__ import annotations

import gzip

import pytest

from weft.data.sets.parallel_text import parallel_text


def test_lines_are_each_others_translations(tmp_path):
    """parallel_text, contract: plain files, packed ones, IWSLT's tags and segments; pairs with an empty side are left out."""
    (tmp_path / "europarl-v7.de-en.de").write_text("Übung.\r\n \nDrei.\n", encoding="utf-8")
    (tmp_path / "europarl-v7.de-en.en").write_text("Exercise.\nTwo.\nThree.\n", encoding="utf-8")
    assert parallel_text(tmp_path, "europarl-v7.de-en") == [{"de": "Übung.", "en": "Exercise."}, {"de": "Drei.", "en": "Three."}]
    with gzip.open(tmp_path / "news.fr.gz", "wt") as file:
        file.write("Un.\n")
    (tmp_path / "news.en").write_text("One.")
    assert parallel_text(tmp_path, "news", ("fr", "en")) == [{"fr": "Un.", "en": "One."}]
    (tmp_path / "train.tags.de-en.de").write_text('<url>http://x</url>\n<reviewer href="y">Z</reviewer>\n Danke. \n< 3 sind weniger.\n')
    (tmp_path / "train.tags.de-en.en").write_text("<url>http://x</url>\nThanks.\n< 3 are fewer.\n")
    assert parallel_text(tmp_path, "train.tags.de-en") == [{"de": "Danke.", "en": "Thanks."}, {"de": "< 3 sind weniger.", "en": "< 3 are fewer."}]
    for language, text in (("de", "A &amp;lt; B"), ("en", "a &quot;b&quot;")):
        (tmp_path / f"tst.{language}.xml").write_text(f'<doc id="1"><title>t</title><seg id="1"> {text} </seg>\n</doc>')
    assert parallel_text(tmp_path, "tst") == [{"de": "A &lt; B", "en": 'a "b"'}]


def test_shifted_and_lacking_files_are_named(tmp_path):
    """Hostile: a line too many, a file that lacks, a name that leads out of the folder."""
    (tmp_path / "a.de").write_text("eins\nzwei\n")
    (tmp_path / "a.en").write_text("one\n")
    with pytest.raises(ValueError, match="2 in de and 1 in en lines; expected as many"):
        parallel_text(tmp_path, "a")
    with pytest.raises(FileNotFoundError, match=r"lacks a\.fr; published at https://www\.statmt\.org"):
        parallel_text(tmp_path, "a", ("de", "fr"))
    for stem, languages in (("../a", ("de", "en")), ("/etc/passwd", ("de", "en")), ("a", ("../de", "en"))):
        with pytest.raises((ValueError, FileNotFoundError), match=r"leads out|lacks"):
            parallel_text(tmp_path, stem, languages)
