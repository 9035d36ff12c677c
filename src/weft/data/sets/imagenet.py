"""ImageNet's pictures of a thousand classes, in folders by WordNet's numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from weft._lazy import hint
from weft.data.contracts import Record
from weft.data.folder import hidden, pictures
from weft.data.sets.local_copy import chosen, inside, whole_copy
from weft.data.text_file import read_text

PUBLISHER = "https://www.image-net.org/download.php (for research and teaching only, after registration)"
SYNSETS = ("LOC_synset_mapping.txt", "synset_words.txt")
SOLUTION = "LOC_val_solution.csv"


class ImageNet:
    """ImageNet 2012: ``train/n01440764/NAME.JPEG``, ``val`` alike or flat, and the names of the synsets, ``n01440764 tench, Tinca tinca`` a line.

    The names stand in ``LOC_synset_mapping.txt`` or ``synset_words.txt``; the classes of a flat ``val`` in ``LOC_val_solution.csv``. ``classes``
    chooses a subset, by number (``"n01440764"``) or by one of its names (``"tench"``), as the sets of ten or a hundred classes do. Records: ``image``
    Path, ``label`` the synset's number, ``name`` its first name, ``path``; sorted by label, then path. ``classes`` are the numbers in order, so
    that a codec's class i is the i-th of the published thousand when all are taken; ``names`` their names.
    Raises FileNotFoundError naming what lacks; ValueError for a synset without a line, a damaged line, a chosen class that is unknown or has no
    pictures.

    Published at https://www.image-net.org; for research and teaching only. Russakovsky et al., 2015, arXiv:1409.0575.

    Use for ImageNet and its subsets; instead of it, ``ImageFolder`` when class folders bear their names. Cost: a directory listing.

    >>> import tempfile
    >>> from weft.data.sets import write_stand_in
    >>> source = ImageNet(write_stand_in("imagenet", tempfile.mkdtemp()), "val", classes=["goldfish", "n01440764"])
    >>> source.classes, source[0]["name"]
    (('n01440764', 'n01443537'), 'tench')
    """

    def __init__(self, path: str | Path, part: str = "train", classes: Sequence[str] | None = None) -> None:
        self.path = whole_copy(path, [chosen(part, ("train", "val"))], PUBLISHER)
        self.synsets = self._synsets()
        wanted = set(self.synsets if classes is None else map(self._number, classes))
        place = self.path / part
        flat = not any(entry.is_dir() and not hidden(entry.name) for entry in place.iterdir())
        found = self._flat(place) if flat else [(folder.name, file) for folder in self._folders(place) for file in pictures(folder)]
        self.items = sorted(((label, file) for label, file in found if label in wanted), key=lambda item: (item[0], item[1].as_posix()))
        present = {label for label, _ in self.items}
        if classes is not None and wanted - present:
            raise ValueError(f"{str(place)!r} has no pictures of {', '.join(sorted(wanted - present))}")
        if not self.items:
            raise ValueError(f"{str(place)!r} holds no pictures in folders such as n01440764")
        self.classes = tuple(sorted(wanted if classes is not None else present))
        self.names = tuple(self.synsets[label] for label in self.classes)

    def _synsets(self) -> dict[str, tuple[str, ...]]:
        file = next((self.path / name for name in SYNSETS if (self.path / name).is_file()), None)
        if file is None:
            raise FileNotFoundError(f"{str(self.path)!r} lacks {' or '.join(SYNSETS)}, the names of the classes; published at {PUBLISHER}")
        synsets = {}
        for line, text in enumerate(read_text(file).splitlines(), 1):
            number, _, names = text.strip().partition(" ")
            if number and not (number[0] == "n" and number[1:].isdigit() and len(number) == 9 and names):
                raise ValueError(f"{str(file)!r}, line {line}: {text[:80]!r}; expected a number such as n01440764, a blank and names")
            if number:
                synsets[number] = tuple(name.strip() for name in names.split(","))
        return synsets

    def _number(self, name: str) -> str:
        numbers = [number for number, names in self.synsets.items() if name == number or name in names]
        if len(numbers) != 1:
            known = [*self.synsets, *(other for names in self.synsets.values() for other in names)]
            raise ValueError(f"{name!r} names {' and '.join(numbers) or 'no class'}; give its number. {hint(name, known)}")
        return numbers[0]

    def _folders(self, place: Path) -> list[Path]:
        folders = sorted(entry for entry in place.iterdir() if entry.is_dir() and not hidden(entry.name))
        for folder in folders:
            if folder.name not in self.synsets:
                raise ValueError(f"The folder {str(folder)!r} is of no class in the file of synsets. {hint(folder.name, self.synsets)}")
        return folders

    def _flat(self, place: Path) -> list[tuple[str, Path]]:
        solution = self.path / SOLUTION
        if not solution.is_file():
            raise FileNotFoundError(f"{str(place)!r} is flat and lacks {SOLUTION} beside it, which says its classes; published at {PUBLISHER}")
        items = []
        for number, row in enumerate(csv.reader(io.StringIO(read_text(solution))), 1):
            if number == 1 or not row:
                continue  # the names of the columns
            where = f"{str(solution)!r}, line {number}"
            label = row[1].split(" ")[0] if len(row) == 2 else ""
            if label not in self.synsets:
                raise ValueError(f"{where}: {row} names no class of the synsets; expected ILSVRC2012_val_00000001,n01440764 and boxes")
            file = inside(place, f"{row[0]}.JPEG", where)
            if not file.is_file():
                raise FileNotFoundError(f"{where}: there is no {row[0]}.JPEG in {str(place)!r}; the copy is not whole")
            items.append((label, file))
        return items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, i: int) -> Record:
        label, file = self.items[i]
        return {"image": file, "label": label, "name": self.synsets[label][0], "path": self.key(i)}

    def key(self, i: int) -> str:
        """The picture's path inside the folder."""
        return self.items[i][1].relative_to(self.path).as_posix()
