"""Translations, line by line in two files: WMT, IWSLT, Europarl and what others pack alike."""

from __future__ import annotations

import re
from pathlib import Path

from weft.data.sets.local_copy import inside, whole_copy
from weft.data.text_file import read_text

PUBLISHER = "https://www.statmt.org (WMT, Europarl) or https://wit3.fbk.eu (IWSLT), each corpus under its own terms"
TAG = re.compile(r"</?[a-z]+(?: [^>]*)?>")
SEGMENT = re.compile(r"<seg id=\"[^\"]*\">(.*?)</seg>")
ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))


def parallel_text(path: str | Path, stem: str, languages: tuple[str, str] = ("de", "en")) -> list[dict[str, str]]:
    """Pairs of translations: the lines of ``STEM.de`` and ``STEM.en``, packed as ``.gz`` or not, as records ``{"de", "en"}``.

    ``stem`` is the name without the language: ``europarl-v7.de-en``, ``train.tags.de-en``. IWSLT's training files have lines of tags
    about each talk (``<title>...``), which are left out; its ``STEM.de.xml`` is read by its ``<seg>``. Pairs with an empty side are left out.
    Raises FileNotFoundError naming the file that lacks; ValueError for two files of different lengths, where pairs would be shifted, and for a stem
    that leads out of the folder.

    Published at https://www.statmt.org (WMT, Europarl; Koehn, 2005) and https://wit3.fbk.eu (IWSLT; Cettolo, Girardi, Federico, 2012), each corpus
    under its own terms.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.de").write_text("Ein Hund.\\n\\n"), (folder / "a.en").write_text("A dog.\\nNothing.\\n")
    >>> parallel_text(folder, "a")
    [{'de': 'Ein Hund.', 'en': 'A dog.'}]
    """
    sides = [side(Path(path), stem, language) for language in languages]
    if len(sides[0]) != len(sides[1]):
        counts = " and ".join(f"{len(lines):,} in {language}" for lines, language in zip(sides, languages, strict=True))
        raise ValueError(f"{str(Path(path) / stem)!r} has {counts} lines; expected as many, each the other's translation")
    return [dict(zip(languages, pair, strict=True)) for pair in zip(*sides, strict=True) if all(pair)]


def side(folder: Path, stem: str, language: str) -> list[str]:
    """The lines of one language, without those of tags."""
    plain = f"{stem}.{language}"
    inside(folder, plain, "stem")
    name = next((plain + ending for ending in ("", ".gz", ".xml") if (folder / (plain + ending)).is_file()), plain)
    text = read_text(whole_copy(folder, [name], PUBLISHER) / name).replace("\r\n", "\n")
    if name.endswith(".xml"):
        return [unescaped(line.strip()) for line in SEGMENT.findall(text)]
    return [line.strip() for line in text.removesuffix("\n").split("\n") if not TAG.match(line)]


def unescaped(line: str) -> str:
    """A line with the five entities of XML as letters."""
    for entity, letter in ENTITIES:
        line = line.replace(entity, letter)
    return line
