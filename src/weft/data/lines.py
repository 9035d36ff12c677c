"""Lines of text as a source."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from weft.data.contracts import Record
from weft.data.text_file import read_text


class Lines:
    """The lines of a UTF-8 text file (``.gz`` too): ``{"text": line}``; empty lines are left out.

    ``text`` is the file as one string, for language models (``TokenCodec.windows``).
    Raises FileNotFoundError for a missing file; ValueError for one that is empty or not UTF-8.

    Use when the file is plain text; instead of it, ``Table`` when each text has a label. Cost: the file in memory.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp(), "poem.txt")
    >>> _ = file.write_text("one\\n\\ntwo\\n")
    >>> [record["text"] for record in Lines(file)]
    ['one', 'two']
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.text = read_text(path)
        if not self.text.strip():
            raise ValueError(f"{str(path)!r} holds no text")

    @cached_property
    def lines(self) -> list[str]:
        # str.splitlines would also cut at form feeds and other control characters inside a line
        return [line for line in self.text.replace("\r\n", "\n").split("\n") if line.strip()]

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, i: int) -> Record:
        return {"text": self.lines[i]}

    def key(self, i: int) -> str:
        """The line itself, so that equal lines stay on one side of a split."""
        return self.lines[i]
