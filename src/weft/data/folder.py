"""A folder of pictures as a source."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from weft.data.contracts import Record
from weft.data.image_file import read_image
from weft.data.paths import find_files, hidden

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")


class ImageFolder:
    """Pictures of a folder, labelled by its sub-folders: ``photos/cat/1.jpg`` has the label ``cat``.

    Records: ``{"image": Path, "label": str, "path": str}``, sorted by label, then by path; hidden files are left out. With ``labels=False``
    every picture at any depth counts and records have no label (for predicting). Pictures are decoded by the codec. ``extensions`` are the
    endings that count, whatever their case.
    ``unreadable="skip"`` decodes every picture once now and leaves out the bad ones, listed in ``skipped``; ``"stop"`` raises at a bad
    picture when it is read.
    Raises FileNotFoundError for a missing folder; ValueError for one without pictures, with an empty class, or with fewer than two classes.

    Use when pictures lie in class folders; instead of it, ``Table`` when labels are in a file. Cost: a directory listing.

    >>> import tempfile
    >>> from PIL import Image
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("cat", "dog"):
    ...     (folder / name).mkdir()
    ...     Image.new("RGB", (4, 4)).save(folder / name / "1.png")
    >>> source = ImageFolder(folder)
    >>> source.classes, source[1]["label"], source[1]["path"]
    (('cat', 'dog'), 'dog', 'dog/1.png')
    """

    def __init__(self, path: str | Path, *, labels: bool = True, unreadable: str = "stop", extensions: Sequence[str] = EXTENSIONS) -> None:
        self.path, self.extensions = Path(path), tuple(ending.lower() for ending in extensions)
        if not self.path.exists():
            raise FileNotFoundError(f"There is no folder {str(path)!r} (looked in {self.path.resolve().parent})")
        if not self.path.is_dir():
            raise ValueError(f"{str(path)!r} is a file; expected a folder of pictures")
        if unreadable not in ("stop", "skip"):
            raise ValueError(f"unreadable={unreadable!r}; expected 'stop' or 'skip'")
        self.items = self._labelled() if labels else [(file, None) for file in pictures(self.path, self.extensions)]
        if not self.items:
            raise ValueError(f"{str(path)!r} holds no pictures; looked for {', '.join(self.extensions)} at any depth")
        self.skipped: list[str] = []
        if unreadable == "skip":
            self._skip()
        self.classes = tuple(sorted({label for _, label in self.items if label is not None}))
        if labels and len(self.classes) < 2:
            raise ValueError(
                f"{str(path)!r} has the single class {self.items[0][1]!r}; expected two or more sub-folders, one per class"
            )

    def _labelled(self) -> list[tuple[Path, str | None]]:
        folders = sorted(entry for entry in self.path.iterdir() if entry.is_dir() and not hidden(entry.name))
        loose = [file for file in self.path.iterdir() if is_picture(file, self.extensions)]
        if not folders:
            if not loose:
                return []
            raise ValueError(
                f"{str(self.path)!r} holds {len(loose)} pictures but no sub-folders; expected one sub-folder per class, as in cat/1.jpg. "
                "To predict, where no labels are needed, pass labels=False"
            )
        if loose:
            warnings.warn(f"{len(loose)} pictures beside the class folders of {str(self.path)!r} have no label and are left out", stacklevel=3)
        items: list[tuple[Path, str | None]] = []
        for folder in folders:
            inside = [(file, folder.name) for file in pictures(folder, self.extensions)]
            if not inside and any(pictures(other, self.extensions) for other in folders):
                raise ValueError(f"The class folder {str(folder)!r} holds no pictures; add some or remove the folder")
            items += inside
        return items

    def _skip(self) -> None:
        good = []
        for file, label in self.items:
            try:
                read_image(file)
                good.append((file, label))
            except ValueError as error:
                self.skipped.append(str(error))
        if not good:
            raise ValueError(f"None of the {len(self.skipped)} pictures in {str(self.path)!r} can be read. The first: {self.skipped[0]}")
        self.items = good

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, i: int) -> Record:
        file, label = self.items[i]
        record: Record = {"image": file, "path": self.key(i)}
        return record if label is None else record | {"label": label}

    def key(self, i: int) -> str:
        """The picture's path inside the folder, with forward slashes."""
        return self.items[i][0].relative_to(self.path).as_posix()


def is_picture(file: Path, extensions: Sequence[str] = EXTENSIONS) -> bool:
    """Whether a file counts as a picture, by its ending."""
    return file.suffix.lower() in extensions and not hidden(file.name) and file.is_file()


def pictures(folder: Path, extensions: Sequence[str] = EXTENSIONS) -> list[Path]:
    """All pictures below a folder, sorted by path; the order of a directory listing differs between machines."""
    return find_files(folder, extensions=extensions)
