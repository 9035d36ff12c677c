"""Pictures with boxes in the layout of Pascal VOC: a folder or a zip archive of it."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

import torch

from weft._lazy import hint
from weft.data.contracts import Record
from weft.data.files.zip_members import ZipMembers
from weft.data.sets.published import fetch
from weft.data.text_file import existing

MAX_XML = 5_000_000


class PascalVOC:
    """Pictures and boxes: ``Annotations/NAME.xml``, ``JPEGImages/NAME.jpg``, and the names of a part in ``ImageSets/Main/PART.txt``.

    ``path`` is a folder or a zip archive with these, one level down at most. Records: ``image`` (Path, or bytes of an archive), ``boxes`` (N, 4)
    float32 as xmin, ymin, xmax, ymax in pixels as the file has them, ``labels`` (N,) int64 by ``classes``, ``difficult`` (N,) bool, ``path``.
    ``part=None`` means all. All annotations are read once now: ``invalid="skip"`` leaves out boxes without area or beyond the picture, listed in
    ``skipped``; "stop" raises. Raises ValueError naming the file for XML that is broken or declares entities, and for a class not in ``classes``.

    Everingham et al., 2010, doi:10.1007/s11263-009-0275-4.

    Use when boxes come as VOC; cost: one small file a picture when opened.

    >>> source = PascalVOC(fetch("bccd") / "BCCD.zip", "train")  # doctest: +SKIP
    >>> source.classes, source[0]["boxes"].shape[1]  # doctest: +SKIP
    (('Platelets', 'RBC', 'WBC'), 4)
    """

    def __init__(self, path: str | Path, part: str | None = None, classes: Sequence[str] | None = None, *, invalid: str = "stop") -> None:
        if invalid not in ("stop", "skip"):
            raise ValueError(f"invalid={invalid!r}; expected 'stop' or 'skip'")
        self.path, self.invalid = Path(path), invalid
        self.archive = None if self.path.is_dir() else ZipMembers(existing(path))
        self.files = set(self.archive.names) if self.archive else {f.relative_to(self.path).as_posix() for f in self.path.rglob("*") if f.is_file()}
        places = sorted({name.partition("Annotations/")[0] for name in self.files if "Annotations/" in name and name.endswith(".xml")})
        if not places:
            raise ValueError(f"{str(path)!r} has no Annotations/*.xml; expected the layout of Pascal VOC")
        self.place = places[0]
        self.names = self._names(part)
        self.skipped: list[str] = []
        found = [self._objects(name) for name in self.names]
        self.classes = tuple(sorted({label for objects in found for label, _, _ in objects})) if classes is None else tuple(classes)
        self.objects = [self._numbered(name, objects) for name, objects in zip(self.names, found, strict=True)]
        del self.files

    def _names(self, part: str | None) -> list[str]:
        if part is None:
            start = f"{self.place}Annotations/"
            return sorted(name.removeprefix(start).removesuffix(".xml") for name in self.files if name.startswith(start) and name.endswith(".xml"))
        listed = f"{self.place}ImageSets/Main/{part}.txt"
        if listed not in self.files:
            known = [Path(name).stem for name in self.files if "/Main/" in f"/{name}"]
            raise ValueError(f"{str(self.path)!r} has no part {part!r}. {hint(part, known)}")
        try:
            names = [line.split()[0] for line in self._read(listed).decode("utf-8").splitlines() if line.strip()]
        except UnicodeDecodeError as error:
            raise ValueError(f"{str(self.path)!r}, {listed} is not UTF-8 text: {error}") from error
        for name in names:
            if f"{self.place}Annotations/{name}.xml" not in self.files:
                raise ValueError(f"{str(self.path)!r}: {listed} names {name!r}, which has no annotation")
        return names

    def _read(self, name: str) -> bytes:
        data = self.archive.read(name) if self.archive else (self.path / name).read_bytes()
        if len(data) > MAX_XML and name.endswith((".xml", ".txt")):
            raise ValueError(f"{str(self.path)!r}, {name} has {len(data):,} bytes; an annotation has a few thousand")
        return data

    def _objects(self, name: str) -> list[tuple[str, list[float], bool]]:
        """Label, corners and whether it is difficult, of every good box of a picture."""
        where = f"{str(self.path)!r}, Annotations/{name}.xml"
        root = tree(self._read(f"{self.place}Annotations/{name}.xml"), where)
        objects = []
        for number, item in enumerate(root.iter("object"), 1):
            try:
                corners = [float(item.findtext(f"bndbox/{side}", "")) for side in ("xmin", "ymin", "xmax", "ymax")]
                size = [float(root.findtext(f"size/{side}", "")) for side in ("width", "height")]
            except ValueError:
                raise ValueError(f"{where}, object {number}: a corner or the picture's size is no number") from None
            label = (item.findtext("name") or "").strip()
            good = label and 0 <= corners[0] < corners[2] <= size[0] and 0 <= corners[1] < corners[3] <= size[1]
            if not good:
                found = f"{where}, object {number}: the box {corners} of {label!r} has no area, no name or lies beyond the picture {size}"
                if self.invalid == "stop":
                    raise ValueError(f"{found}; pass invalid='skip' to leave such boxes out")
                self.skipped.append(found)
                continue
            objects.append((label, corners, item.findtext("difficult", "0").strip() == "1"))
        return objects

    def _numbered(self, name: str, objects: list[tuple[str, list[float], bool]]) -> Record:
        for label, _, _ in objects:
            if label not in self.classes:
                raise ValueError(f"{str(self.path)!r}, Annotations/{name}.xml has the class {label!r}. {hint(label, self.classes)}")
        return {
            "boxes": torch.tensor([corners for _, corners, _ in objects], dtype=torch.float32).reshape(-1, 4),
            "labels": torch.tensor([self.classes.index(label) for label, _, _ in objects], dtype=torch.int64),
            "difficult": torch.tensor([hard for _, _, hard in objects], dtype=torch.bool),
        }

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int) -> Record:
        path = f"{self.place}JPEGImages/{self.names[i]}.jpg"
        return {"image": self.archive.read(path) if self.archive else self.path / path, **self.objects[i], "path": path}

    def key(self, i: int) -> str:
        """The picture's name."""
        return self.names[i]


def tree(data: bytes, where: str) -> ElementTree.Element:
    """The root of an XML file without entities of its own, which could grow without end or read other files."""
    head = data.replace(b"\0", b"")  # also where it is written in two bytes a letter
    if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
        raise ValueError(f"{where} declares a document type or entities; annotations have none")
    try:
        return ElementTree.fromstring(data)  # noqa: S314 -- entities are refused above
    except ElementTree.ParseError as error:
        raise ValueError(f"{where} is not whole XML: {error}") from error


def bccd(part: str | None = "train", *, download: bool = False) -> PascalVOC:
    """364 photographs of blood, 640 × 480, with red cells, white cells and platelets boxed; ``part`` "train", "val", "test" or None for all.

    A few boxes of the files have no area or lie beyond the picture; they are left out and listed in ``skipped``.

    Shenggan et al., BCCD; MIT.

    >>> len(bccd("test"))  # doctest: +SKIP
    72
    """
    return PascalVOC(fetch("bccd", download=download) / "BCCD.zip", part, ("Platelets", "RBC", "WBC"), invalid="skip")
