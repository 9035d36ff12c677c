"""Reviews of films, one a file: the Large Movie Review Dataset."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from weft.data.sets.local_copy import chosen, whole_copy
from weft.data.text_file import read_text

PUBLISHER = "https://ai.stanford.edu/~amaas/data/sentiment/ (no licence stated; the authors ask to be cited)"
MAX_REVIEW = 1_000_000


def imdb(path: str | Path, part: str = "train") -> list[dict[str, Any]]:
    """25,000 reviews of films to train and as many to test: ``text``, ``label`` "neg" or "pos", ``rating`` 1-10, ``path``.

    Sorted by label and number. ``path`` is the folder ``aclImdb`` with ``train/pos/0_9.txt`` (number and rating). ``part`` is "train", "test" or
    "unsup", 50,000 from ``train/unsup``, without label and rating. Texts are as they are, with ``<br />`` in them.
    Raises FileNotFoundError naming the folder that lacks; ValueError for a name without number and rating, and a review above a megabyte.

    Published at https://ai.stanford.edu/~amaas/data/sentiment/. Maas et al., 2011, https://aclanthology.org/P11-1015.

    >>> import tempfile
    >>> from weft.data.sets import write_stand_in
    >>> record = imdb(write_stand_in("imdb", tempfile.mkdtemp()))[0]
    >>> record["label"], record["rating"], record["path"]
    ('neg', 1, 'train/neg/0_1.txt')
    """
    chosen(part, ("train", "test", "unsup"))
    places = ["train/unsup"] if part == "unsup" else [f"{part}/neg", f"{part}/pos"]
    folder = whole_copy(path, places, PUBLISHER)
    records = []
    for place in places:
        named = []
        for file in (folder / place).glob("*.txt"):
            match = re.fullmatch(r"([0-9]{1,9})_([0-9]{1,2})", file.stem)
            if match is None:
                raise ValueError(f"{str(file)!r}; expected names of a number and a rating, such as 0_9.txt")
            named.append((int(match[1]), int(match[2]), file))
        for _, rating, file in sorted(named):
            record: dict[str, Any] = {"text": read_text(file, MAX_REVIEW), "path": f"{place}/{file.name}"}
            records.append(record if part == "unsup" else record | {"label": place.rpartition("/")[2], "rating": rating})
    if not records:
        raise ValueError(f"{str(folder)!r} holds no reviews in {' and '.join(places)}")
    return records
