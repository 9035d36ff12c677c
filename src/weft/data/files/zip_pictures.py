"""A zip archive of pictures as a source."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from weft.data.contracts import Record
from weft.data.files.zip_members import MAX_MEMBER, ZipMembers
from weft.data.folder import EXTENSIONS, hidden
from weft.data.image_file import read_image


class ZipPictures:
    """Pictures of a zip archive, labelled by the folder they lie in: ``photos/cat/1.jpg`` has the label ``cat``.

    Records: ``{"image": bytes, "label": str, "path": str}``, sorted by path; hidden files are left out. With ``labels=False`` records have no label.
    ``unreadable="skip"`` decodes every picture once now and leaves out the bad ones, listed in ``skipped``; "stop" lets the codec raise.
    Nothing is unpacked to the disk; what ``ZipMembers`` refuses is refused. Raises ValueError for an archive without pictures, for pictures
    without a folder, and for fewer than two classes.

    Use when pictures came as one archive; instead of it, ``ImageFolder`` for loose files. Cost: unpacking one member a record.

    >>> import io, tempfile, zipfile
    >>> from PIL import Image
    >>> file = Path(tempfile.mkdtemp(), "photos.zip")
    >>> with zipfile.ZipFile(file, "w") as archive:
    ...     for name in ("cat/1.png", "dog/1.png"):
    ...         buffer = io.BytesIO()
    ...         Image.new("RGB", (4, 4)).save(buffer, "PNG")
    ...         archive.writestr(name, buffer.getvalue())
    >>> source = ZipPictures(file)
    >>> source.classes, source[1]["label"], source[1]["path"]
    (('cat', 'dog'), 'dog', 'dog/1.png')
    """

    def __init__(self, path: str | Path, *, labels: bool = True, unreadable: str = "stop", max_bytes: int = MAX_MEMBER) -> None:
        if unreadable not in ("stop", "skip"):
            raise ValueError(f"unreadable={unreadable!r}; expected 'stop' or 'skip'")
        self.members, self.labels = ZipMembers(path, max_bytes), labels
        self.names = [name for name in self.members.names if is_picture(name)]
        if not self.names:
            raise ValueError(f"{str(path)!r} holds no pictures; looked for {', '.join(EXTENSIONS)}")
        self.skipped: list[str] = []
        if unreadable == "skip":
            self.names = [name for name in self.names if self._good(name)]
        loose = [name for name in self.names if "/" not in name]
        if labels and loose:
            raise ValueError(f"{str(path)!r}: the picture {loose[0]!r} lies in no folder, so it has no label; pass labels=False")
        self.classes = tuple(sorted({label_of(name) for name in self.names})) if labels else ()
        if labels and len(self.classes) < 2:
            raise ValueError(f"{str(path)!r} has the classes {list(self.classes)}; expected two or more folders, one per class")

    def _good(self, name: str) -> bool:
        try:
            read_image(self.members.read(name))
            return True
        except ValueError as error:
            self.skipped.append(f"{name}: {error}")
            return False

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int) -> Record:
        name = self.names[i]
        record: Record = {"image": self.members.read(name), "path": name}
        return record | {"label": label_of(name)} if self.labels else record

    def key(self, i: int) -> str:
        """The picture's path inside the archive."""
        return self.names[i]


def is_picture(name: str) -> bool:
    """Whether a member counts as a picture, by its ending and unless some part of its path is hidden."""
    path = PurePosixPath(name)
    return path.suffix.lower() in EXTENSIONS and not any(hidden(part) for part in path.parts)


def label_of(name: str) -> str:
    """The name of the folder that a picture lies in."""
    return PurePosixPath(name).parent.name
