"""Faces of the well known with forty attributes each."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from weft.data.contracts import Record
from weft.data.sets.local_copy import inside, whole_copy
from weft.data.text_file import read_text

PUBLISHER = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html (for research only)"
PARTS = {"train": 0, "val": 1, "test": 2, "all": None}
FILES = ("list_attr_celeba.txt", "identity_CelebA.txt", "list_landmarks_align_celeba.txt", "list_eval_partition.txt")


class CelebA:
    """202,599 faces, aligned and 178 x 218: ``img_align_celeba/000001.jpg`` and four lists beside that folder.

    Records: ``image`` Path, ``attributes`` (40,) bool by ``attribute_names``, ``identity`` int, ``landmarks`` (5, 2) float32 x, y in pixels (eyes,
    nose, corners of the mouth), ``path``. ``part`` "train", "val", "test" (``list_eval_partition.txt``) or "all"; its people are in no other part.
    Raises FileNotFoundError naming the files that lack; ValueError naming file and line for a row that is damaged, and for lists of other pictures.

    Published at https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html; for research only. Liu, Luo, Wang, Tang, 2015, arXiv:1411.7766. Differs: the boxes
    of ``list_bbox_celeba.txt`` are left out, since they are of pictures before aligning.

    Use for attributes, recognition and generation of faces; cost: the lists in memory.

    >>> import tempfile
    >>> from weft.data.sets import write_stand_in
    >>> source = CelebA(write_stand_in("celeba", tempfile.mkdtemp()), "val")
    >>> record = source[0]
    >>> record["path"], dict(zip(source.attribute_names, record["attributes"].tolist()))["Smiling"]
    ('000007.jpg', False)
    """

    def __init__(self, path: str | Path, part: str = "train") -> None:
        if part not in PARTS:
            raise ValueError(f"part={part!r}; expected {', '.join(map(repr, PARTS))}")
        self.path = whole_copy(path, ["img_align_celeba", *FILES], PUBLISHER)
        self.attribute_names, attributes = self._rows(FILES[0], None, header=True)
        _, identities = self._rows(FILES[1], 1)
        _, landmarks = self._rows(FILES[2], 10, header=True)
        _, parts = self._rows(FILES[3], 1)
        self.files = [file for file, number in parts.items() if PARTS[part] in (None, number[0])]
        for name, rows in zip(FILES, (attributes, identities, landmarks), strict=False):
            lacking = next((file for file in self.files if file not in rows), None)
            if lacking is not None:
                raise ValueError(f"{str(self.path / name)!r} has no row of {lacking!r}, which {FILES[3]} lists")
        self.attributes: Tensor = torch.tensor([attributes[file] for file in self.files]).reshape(len(self.files), len(self.attribute_names)) > 0
        self.identities = [identities[file][0] for file in self.files]
        self.landmarks: Tensor = torch.tensor([landmarks[file] for file in self.files], dtype=torch.float32).reshape(-1, 5, 2)

    def _rows(self, name: str, width: int | None, *, header: bool = False) -> tuple[tuple[str, ...], dict[str, list[int]]]:
        """The names of the columns, where the list has them, and the numbers of each file."""
        lines = read_text(self.path / name).splitlines()
        names = tuple(lines[1].split()) if header and len(lines) > 1 else ()
        width = width or len(names)
        rows = {}
        for number, line in enumerate(lines[2 * header :], 1 + 2 * header):
            file, *values = line.split() or [""]
            where = f"{str(self.path / name)!r}, line {number}"
            if not file:
                continue
            try:
                inside(self.path, file, where)
                rows[file] = [int(value) for value in values]
            except ValueError as error:
                raise ValueError(f"{where}: {line[:80]!r}: {error}") from None
            if len(values) != width:
                raise ValueError(f"{where}: {len(values)} numbers; expected {width}")
        first = lines[0].strip() if lines else ""
        if header and first != str(len(rows)):
            raise ValueError(f"{str(self.path / name)!r} has {len(rows)} rows; its first line says {first[:20]!r}")
        return names, rows

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> Record:
        return {
            "image": self.path / "img_align_celeba" / self.files[i],
            "attributes": self.attributes[i],
            "identity": self.identities[i],
            "landmarks": self.landmarks[i],
            "path": self.files[i],
        }

    def key(self, i: int) -> str:
        """The person, so that a split keeps all of one on a side."""
        return str(self.identities[i])
