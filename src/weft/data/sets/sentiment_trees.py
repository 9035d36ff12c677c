"""Sentences as trees whose every phrase has a sentiment: the Stanford Sentiment Treebank."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from weft.data.sets.local_copy import chosen, whole_copy
from weft.data.text_file import read_text

PUBLISHER = "https://nlp.stanford.edu/sentiment/ (no licence stated; the authors ask to be cited)"
ESCAPED = {"-LRB-": "(", "-RRB-": ")"}
PIECE = re.compile(r"\(|\)|[^\s()]+")


def sentiment_treebank(path: str | Path, part: str = "train") -> list[dict[str, Any]]:
    """Sentences of film reviews: ``words``, ``label`` 0 (very negative) to 4, and ``phrases``, ``{"start", "end", "label"}``, one a node of the tree.

    Reads ``train.txt``, ``dev.txt`` or ``test.txt`` (8,544, 1,101 and 2,210 sentences), a tree a line: ``(3 (2 It) (4 (2 is) (4 good)))``. Phrases
    are words from ``start`` up to before ``end``, the whole sentence last. Brackets written -LRB- and -RRB- come back as themselves. For two classes
    leave out label 2 and take what is above it as positive.
    Raises FileNotFoundError naming the file that lacks; ValueError naming the line of a tree that is none, however deep.

    Published at https://nlp.stanford.edu/sentiment/. Socher et al., 2013, https://aclanthology.org/D13-1170.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "dev.txt").write_text("(3 (2 It) (4 good))\\n")
    >>> sentiment_treebank(folder, "dev")[0]["phrases"][-1]
    {'start': 0, 'end': 2, 'label': 3}
    """
    name = f"{chosen(part, ('train', 'dev', 'test'))}.txt"
    file = whole_copy(path, [name], PUBLISHER) / name
    return [tree(line, f"{str(file)!r}, line {number}") for number, line in enumerate(read_text(file).split("\n"), 1) if line.strip()]


def tree(line: str, where: str) -> dict[str, Any]:
    """The words and phrases of one tree, gone through from left to right without recursion."""
    words: list[str] = []
    phrases: list[dict[str, int]] = []
    open_: list[dict[str, int]] = []  # phrases whose bracket is not yet closed
    before = ""
    for piece in PIECE.findall(line):
        if piece == "(":
            if phrases and not open_:
                raise ValueError(f"{where}: a second tree; expected one a line")
            open_.append({"start": len(words), "end": -1, "label": -1})
        elif not open_:
            raise ValueError(f"{where}: {piece[:20]!r} outside the brackets")
        elif piece == ")":
            phrase = open_.pop() | {"end": len(words)}
            if phrase["label"] < 0 or phrase["start"] == phrase["end"]:
                raise ValueError(f"{where}: a phrase without label or words")
            phrases.append(phrase)
        elif before == "(":
            if piece not in ("0", "1", "2", "3", "4"):
                raise ValueError(f"{where}: the label {piece[:20]!r}; expected 0 to 4")
            open_[-1]["label"] = int(piece)
        else:
            words.append(ESCAPED.get(piece) or piece)
        before = piece
    if open_ or not phrases:
        raise ValueError(f"{where}: {len(open_)} brackets are left open" if open_ else f"{where}: no tree")
    return {"words": words, "label": phrases[-1]["label"], "phrases": phrases}
