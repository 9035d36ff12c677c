"""A folder of text files as a source."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from weft.data.contracts import Record
from weft.data.folder import hidden
from weft.data.text_file import read_text

MAX_BYTES = 50_000_000


class TextFolder:
    """Texts of a folder, labelled by its sub-folders: ``reviews/good/1.txt`` has the label ``good``.

    Records: ``{"text": str, "label": str, "path": str}``, sorted by path; hidden files are left out. With ``labels=False`` every text at any
    depth counts and records have no label. A text is read when its record is. ``unreadable="skip"`` reads every text once now and leaves out
    those that are not UTF-8 or longer than ``max_bytes``, listed in ``skipped``; "stop" raises ValueError naming the file when it is read.
    Raises FileNotFoundError for a missing folder; ValueError for one without texts, with texts outside the sub-folders, or with fewer than two
    classes.

    Use when each text is a file; instead of it, ``Table`` when texts are the rows of one file. Cost: a directory listing, then one file a record.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("bad", "good"):
    ...     (folder / name).mkdir()
    ...     _ = (folder / name / "1.txt").write_text(f"a {name} film")
    >>> source = TextFolder(folder)
    >>> source.classes, source[1]
    (('bad', 'good'), {'text': 'a good film', 'path': 'good/1.txt', 'label': 'good'})
    """

    def __init__(
        self, path: str | Path, *, labels: bool = True, endings: Sequence[str] = (".txt",), unreadable: str = "stop", max_bytes: int = MAX_BYTES
    ) -> None:
        self.path, self.labels, self.max_bytes = Path(path), labels, max_bytes
        if unreadable not in ("stop", "skip"):
            raise ValueError(f"unreadable={unreadable!r}; expected 'stop' or 'skip'")
        if not self.path.is_dir():
            raise FileNotFoundError(f"There is no folder {str(path)!r} (looked in {self.path.resolve().parent})")
        self.names = sorted(texts(self.path, tuple(endings)))
        if not self.names:
            raise ValueError(f"{str(path)!r} holds no texts; looked for {', '.join(endings)} at any depth")
        loose = [name for name in self.names if "/" not in name]
        if labels and loose:
            raise ValueError(f"{str(path)!r}: the text {loose[0]!r} lies in no sub-folder, so it has no label; pass labels=False")
        self.skipped: list[str] = []
        if unreadable == "skip":
            self.names = [name for name in self.names if self._good(name)]
        self.classes = tuple(sorted({name.split("/")[0] for name in self.names})) if labels else ()
        if labels and len(self.classes) < 2:
            raise ValueError(f"{str(path)!r} has the classes {list(self.classes)}; expected two or more sub-folders, one per class")

    def _good(self, name: str) -> bool:
        try:
            read_text(self.path / name, self.max_bytes)
            return True
        except ValueError as error:
            self.skipped.append(str(error))
            return False

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int) -> Record:
        name = self.names[i]
        record: Record = {"text": read_text(self.path / name, self.max_bytes), "path": name}
        return record | {"label": name.split("/")[0]} if self.labels else record

    def key(self, i: int) -> str:
        """The text's path inside the folder, with forward slashes."""
        return self.names[i]


def texts(folder: Path, endings: tuple[str, ...]) -> list[str]:
    """The paths of all texts below a folder, links to folders not followed."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not hidden(name)]
        found += [Path(place, name).relative_to(folder).as_posix() for name in names if name.lower().endswith(endings) and not hidden(name)]
    return found
