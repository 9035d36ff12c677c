"""Sentences with a label for each word: CoNLL-U and column files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from weft.data.sets.published import fetch
from weft.data.text_file import read_text

FIELDS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")


def read_conllu(path: str | Path) -> list[dict[str, Any]]:
    """The sentences of a CoNLL-U file: ``words, lemmas, tags`` (universal), ``xpos, heads`` (0: root), ``relations, text``; lists of equal length.

    Ranges such as ``3-4`` and empty nodes such as ``5.1`` are left out: they are no words of the tree. Raises ValueError naming file and line for
    a row without ten fields, a number out of order, or a head outside the sentence.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp(), "a.conllu")
    >>> _ = file.write_text("# text = Hi\\n1\\tHi\\thi\\tINTJ\\tUH\\t_\\t0\\troot\\t_\\t_\\n\\n")
    >>> read_conllu(file)[0]["tags"]
    ['INTJ']
    """
    sentences = []
    for comments, rows in blocks(path):
        words = []
        for number, line in rows:
            fields = line.split("\t")
            if len(fields) != len(FIELDS):
                raise ValueError(f"{str(path)!r}, line {number}: {len(fields)} fields; expected {len(FIELDS)}, separated by tabs")
            if "-" not in fields[0] and "." not in fields[0]:
                words.append((number, fields))
        for place, (number, fields) in enumerate(words, 1):
            if fields[0] != str(place) or not fields[6].isdigit() or int(fields[6]) > len(words):
                raise ValueError(f"{str(path)!r}, line {number}: word {fields[0]!r} with head {fields[6]!r} in a sentence of {len(words)}")
        text = next((line.partition("=")[2].strip() for line in comments if line.startswith("# text =")), "")
        columns = list(zip(*(fields for _, fields in words), strict=True))
        sentences.append(
            {"words": list(columns[1]), "lemmas": list(columns[2]), "tags": list(columns[3]), "xpos": list(columns[4]),
             "heads": [int(head) for head in columns[6]], "relations": list(columns[7]), "text": text}
        )  # fmt: skip
    return sentences


def read_columns(path: str | Path, word: int = 0, tag: int = 1) -> list[dict[str, list[str]]]:
    """The sentences of a file with a word and its tag in each line, an empty line between sentences: ``{"words", "tags"}``.

    ``word`` and ``tag`` are the numbers of the columns, which tabs or else blanks separate; ``-1`` is the last. Raises ValueError naming file and
    line for a row without these.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp(), "a.conll")
    >>> _ = file.write_text("in O\\nRome B-place\\n\\n")
    >>> read_columns(file)
    [{'words': ['in', 'Rome'], 'tags': ['O', 'B-place']}]
    """
    sentences = []
    for _, rows in blocks(path, comments="-DOCSTART-"):
        words, tags = [], []
        for number, line in rows:
            fields = [field.strip() for field in (line.split("\t") if "\t" in line else line.split())]
            try:
                words.append(fields[word])
                tags.append(fields[tag])
            except IndexError:
                raise ValueError(f"{str(path)!r}, line {number}: {len(fields)} columns; expected a word in {word} and a tag in {tag}") from None
        sentences.append({"words": words, "tags": tags})
    return sentences


def blocks(path: str | Path, comments: str = "#") -> Iterator[tuple[list[str], list[tuple[int, str]]]]:
    """Comments and numbered rows between empty lines."""
    said: list[str] = []
    rows: list[tuple[int, str]] = []
    for number, line in enumerate([*read_text(path).split("\n"), ""], 1):
        line = line.rstrip("\r")
        if line.startswith(comments) and not rows:
            said.append(line)
        elif line.strip():
            rows.append((number, line))
        elif rows:
            yield said, rows
            said, rows = [], []
        else:
            said = []


def ud_ewt(part: str = "dev", *, download: bool = False) -> list[dict[str, Any]]:
    """English web text with word classes and dependency trees, as ``read_conllu`` gives it; ``part`` "dev" (2,001) or "test" (2,077 sentences).

    Universal Dependencies' English Web Treebank; Silveira et al., 2014; CC BY-SA 4.0.

    >>> ud_ewt()[0]["words"][:3]  # doctest: +SKIP
    ['From', 'the', 'AP']
    """
    if part not in ("dev", "test"):
        raise ValueError(f"part={part!r}; expected 'dev' or 'test'")
    return read_conllu(fetch("ud-ewt", download=download) / f"en_ewt-ud-{part}.conllu")


def wnut17(part: str = "train", *, download: bool = False) -> list[dict[str, list[str]]]:
    """Noisy short texts with rare names tagged BIO: ``{"words", "tags"}``; ``part`` "train" (3,394), "dev" (1,009) or "test" (1,287).

    Derczynski, Nichols, van Erp, Limsopatham, 2017, doi:10.18653/v1/W17-4418; CC BY 4.0.

    >>> wnut17()[0]["words"][0]  # doctest: +SKIP
    '@paulwalk'
    """
    files = {"train": "wnut17train.conll", "dev": "emerging.dev.conll", "test": "emerging.test.annotated"}
    if part not in files:
        raise ValueError(f"part={part!r}; expected {', '.join(map(repr, files))}")
    return read_columns(fetch("wnut17", download=download) / files[part])
