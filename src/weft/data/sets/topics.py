"""Texts by topic, in tables without a line of names: AG News and Yahoo Answers."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from weft.data.sets.local_copy import chosen, whole_copy
from weft.data.text_file import read_text

PUBLISHER = "https://github.com/zhangxiangxiao/Crepe (for research; no licence stated)"
NEWS = ("World", "Sports", "Business", "Sci/Tech")
ANSWERS = (
    "Society & Culture", "Science & Mathematics", "Health", "Education & Reference", "Computers & Internet", "Sports", "Business & Finance",
    "Entertainment & Music", "Family & Relationships", "Politics & Government",
)  # fmt: skip
MAX_CELL = 1_000_000


def ag_news(path: str | Path, part: str = "train") -> list[dict[str, str]]:
    """News of four topics (``NEWS``): ``title, text`` and ``label``, the topic's name; ``part`` "train" (120,000) or "test" (7,600).

    Reads ``train.csv`` and ``test.csv``: class 1-4, title, text. Texts are as they are: backslashes stand in them where lines were broken.
    Raises FileNotFoundError naming the file that lacks; ValueError naming the line for another number of cells or a class that is none.

    Published at https://github.com/zhangxiangxiao/Crepe. Zhang, Zhao, LeCun, 2015, arXiv:1509.01626.

    >>> import tempfile
    >>> from weft.data.sets import write_stand_in
    >>> ag_news(write_stand_in("ag_news", tempfile.mkdtemp()), "test")[1]["label"]
    'Sports'
    """
    return rows(path, part, NEWS, ("title", "text"))


def yahoo_answers(path: str | Path, part: str = "train") -> list[dict[str, str]]:
    """Questions of ten topics (``ANSWERS``): ``question, detail, answer`` and ``label``, the topic's name; "train" (1,400,000) or "test" (60,000).

    Reads ``train.csv`` and ``test.csv``: class 1-10, question, detail, best answer; errors as in ``ag_news``.

    Published at https://github.com/zhangxiangxiao/Crepe. Zhang, Zhao, LeCun, 2015, arXiv:1509.01626.

    >>> import tempfile
    >>> from weft.data.sets import write_stand_in
    >>> yahoo_answers(write_stand_in("yahoo_answers", tempfile.mkdtemp()), "test")[2]["label"]
    'Health'
    """
    return rows(path, part, ANSWERS, ("question", "detail", "answer"))


def rows(path: str | Path, part: str, classes: tuple[str, ...], columns: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows of a table whose first cell is the number of the class, from 1."""
    name = f"{chosen(part, ('train', 'test'))}.csv"
    file = whole_copy(path, [name], PUBLISHER) / name
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(io.StringIO(read_text(file), newline=""), strict=True)
    records = []
    try:
        for cells in reader:
            where = f"{str(file)!r}, line {reader.line_num}"
            if len(cells) != 1 + len(columns):
                raise ValueError(f"{where}: {len(cells)} cells; expected the class, {', '.join(columns)}")
            if not (cells[0].isascii() and cells[0].isdigit() and len(cells[0]) < 4 and 1 <= int(cells[0]) <= len(classes)):
                raise ValueError(f"{where}: the class {cells[0][:20]!r}; expected 1 to {len(classes)}")
            records.append(dict(zip(columns, cells[1:], strict=True)) | {"label": classes[int(cells[0]) - 1]})
    except csv.Error as error:
        raise ValueError(f"{str(file)!r}, line {reader.line_num}: {error}; is a quotation mark left open?") from error
    return records
