"""A folder of sounds as a source."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from weft.data.audio.audio_file import read_audio
from weft.data.contracts import Record
from weft.data.folder import hidden

EXTENSIONS = (".wav", ".wave", ".flac", ".ogg", ".mp3", ".au", ".aiff", ".aif")


class AudioFolder:
    """Sounds of a folder, labelled by its sub-folders (``music/blues/1.wav`` has the label ``blues``) or by their names.

    Records: ``{"audio": Path, "label": str, "path": str}``, sorted by path; hidden files are left out. ``pattern`` is a regular expression that
    a file's name without its ending must match wholly; its named groups become fields of the record, one of them ``label``:
    ``(?P<label>\\d)_(?P<speaker>\\w+)_(?P<index>\\d+)`` reads ``7_jackson_32.wav``. ``labels=False`` takes every sound at any depth, unlabelled.
    Sounds are decoded by the codec; ``unreadable="skip"`` decodes every sound once now and leaves out the bad ones, listed in ``skipped``.
    Raises FileNotFoundError for a missing folder; ValueError for one without sounds, with fewer than two classes, with sounds beside the class
    folders, or naming a file that does not match.

    Use when sounds lie in class folders (music genres, environmental sounds) or bear their label in their name; instead of it, ``SoundTable``
    when labels are in a file. Cost: a directory listing.

    >>> import tempfile, torch
    >>> from weft.data.audio import write_wav
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("7_jackson_32", "3_theo_0"):
    ...     write_wav(folder / f"{name}.wav", torch.zeros(80), 8000)
    >>> source = AudioFolder(folder, pattern=r"(?P<label>\\d)_(?P<speaker>[a-z]+)_(?P<index>\\d+)")
    >>> source.classes, source[1]["speaker"], source[1]["path"]
    (('3', '7'), 'jackson', '7_jackson_32.wav')
    """

    def __init__(self, path: str | Path, *, labels: bool = True, pattern: str | None = None, unreadable: str = "stop") -> None:
        self.path = existing_folder(path)
        if unreadable not in ("stop", "skip"):
            raise ValueError(f"unreadable={unreadable!r}; expected 'stop' or 'skip'")
        files = sounds(self.path)
        if not files:
            raise ValueError(f"{str(path)!r} holds no sounds; looked for {', '.join(EXTENSIONS)} at any depth")
        if pattern is not None:
            fields = self._named(files, pattern)
        else:
            fields = [self._placed(file) for file in files] if labels else [{} for _ in files]
        self.items = list(zip(files, fields, strict=True))
        self.skipped: list[str] = []
        if unreadable == "skip":
            self._skip()
            fields = [field for _, field in self.items]
        self.classes = tuple(sorted({item["label"] for item in fields if "label" in item}))
        if labels and len(self.classes) < 2:
            raise ValueError(f"{str(path)!r} has {len(self.classes)} class; expected two or more. To predict, pass labels=False")

    def _skip(self) -> None:
        good = []
        for file, field in self.items:
            try:
                if not read_audio(file)[0].shape[-1]:
                    raise ValueError(f"{str(file)!r} holds no samples")
                good.append((file, field))
            except ValueError as error:
                self.skipped.append(str(error))
        if not good:
            raise ValueError(f"None of the {len(self.skipped)} sounds in {str(self.path)!r} can be read. The first: {self.skipped[0]}")
        self.items = good

    def _named(self, files: list[Path], pattern: str) -> list[dict[str, str]]:
        form = re.compile(pattern)
        if "label" not in form.groupindex:
            raise ValueError(f"pattern={pattern!r} has no group named label; write (?P<label>...) around the part that is the label")
        fields = []
        for file in files:
            match = form.fullmatch(file.stem)
            if match is None:
                raise ValueError(f"{str(file)!r} does not match pattern={pattern!r}; every name must match, from its beginning to its ending's dot")
            fields.append({name: value for name, value in match.groupdict().items() if value is not None})
        return fields

    def _placed(self, file: Path) -> dict[str, str]:
        inside = file.relative_to(self.path).parts
        if len(inside) < 2:
            raise ValueError(
                f"{str(file)!r} lies beside the class folders and has no label; expected one sub-folder per class, as in blues/1.wav, or a "
                "pattern= that reads labels from names. To predict, where no labels are needed, pass labels=False"
            )
        return {"label": inside[0]}

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, i: int) -> Record:
        file, fields = self.items[i]
        return {"audio": file, "path": self.key(i), **fields}

    def key(self, i: int) -> str:
        """The sound's path inside the folder, with forward slashes."""
        return self.items[i][0].relative_to(self.path).as_posix()


def existing_folder(path: str | Path) -> Path:
    """The path, which must be a folder."""
    folder = Path(path)
    if not folder.exists():
        raise FileNotFoundError(f"There is no folder {str(path)!r} (looked in {folder.resolve().parent})")
    if not folder.is_dir():
        raise ValueError(f"{str(path)!r} is a file; expected a folder of sounds")
    return folder


def sounds(folder: Path) -> list[Path]:
    """All sounds below a folder, sorted by path; the order of a directory listing differs between machines."""

    def walk() -> Iterator[Path]:
        for place, folders, names in os.walk(folder):
            folders[:] = [name for name in folders if not hidden(name)]
            yield from (Path(place, name) for name in names)

    found = (file for file in walk() if file.suffix.lower() in EXTENSIONS and not hidden(file.name))
    return sorted(found, key=lambda file: file.relative_to(folder).as_posix())
