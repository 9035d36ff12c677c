"""Synonyms: a small English lexicon, a file of one's own, or WordNet."""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Callable
from pathlib import Path

from weft.data.text_file import read_text

BUILT_IN = Path(__file__).with_name("synonyms.csv")
Synonyms = Callable[[str], tuple[str, ...]]


@functools.lru_cache(maxsize=8)
def read_lexicon(path: str | Path) -> dict[str, tuple[str, ...]]:
    """The synonyms of each word in a CSV file whose rows are words of one meaning; ``#`` begins a comment.

    Raises ValueError naming the row that has fewer than two words, and for a file without rows.

    >>> "rapid" in read_lexicon(BUILT_IN)["quick"]
    True
    """
    found: dict[str, list[str]] = {}
    for number, row in enumerate(csv.reader(io.StringIO(read_text(path))), 1):
        words = [word.strip() for word in row]
        if not any(words) or words[0].startswith("#"):
            continue
        if len(words) < 2 or not all(words):
            raise ValueError(f"{str(path)!r}, row {number}: {row} holds no two words; expected words of one meaning, separated by commas")
        for word in words:
            found.setdefault(word.lower(), []).extend(other for other in words if other != word)
    if not found:
        raise ValueError(f"{str(path)!r} holds no synonyms; expected rows such as big,large,huge")
    return {word: tuple(dict.fromkeys(others)) for word, others in found.items()}


def synonyms_of(lexicon: str | Path | None) -> Synonyms:
    """A function from a word to its synonyms: of the built-in lexicon (None), of WordNet (``"wordnet"``), or of a CSV file.

    Raises FileNotFoundError for a missing file, ImportError and LookupError where nltk or its WordNet is not installed: what to do is said.

    >>> synonyms_of(None)("Quick")[0]
    'fast'
    """
    if lexicon == "wordnet":
        return wordnet()
    known = read_lexicon(BUILT_IN if lexicon is None else lexicon)
    return lambda word: known.get(word.lower(), ())


@functools.cache
def wordnet() -> Synonyms:
    """Synonyms of every sense of a word in Princeton's WordNet, read through nltk."""
    try:
        from nltk.corpus import wordnet as net
    except ImportError as error:
        raise ImportError("lexicon='wordnet' needs nltk: pip install 'weft[languages]'") from error
    try:
        net.ensure_loaded()
    except LookupError as error:
        raise LookupError("nltk has no WordNet on this machine: python -m nltk.downloader wordnet, or give a CSV file of synonyms") from error

    @functools.lru_cache(maxsize=50_000)
    def synonyms(word: str) -> tuple[str, ...]:
        names = [name.replace("_", " ") for sense in net.synsets(word.lower()) or () if sense is not None for name in sense.lemma_names()]
        return tuple(dict.fromkeys(name for name in names if name.lower() != word.lower()))

    return synonyms
