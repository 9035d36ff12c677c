"""Bad files moved aside, with a manifest by which each finds its way back."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weft.data.quality.duplicates import content_hash
from weft.data.quality.findings import Problem
from weft.data.state_files import write_bytes

MANIFEST = "quarantine.json"


@dataclass(frozen=True)
class Quarantined:
    """What a quarantine folder holds: where the files came from, and of each ``{"file", "sha256", "reasons"}``."""

    origin: str
    items: tuple[dict[str, Any], ...]

    @property
    def count(self) -> int:
        return len(self.items)


def quarantine(folder: str | Path, problems: Iterable[Problem | str], into: str | Path, *, dry_run: bool = False) -> Quarantined:
    """Move the files that problems (or names, relative to ``folder``) name into another folder, under the same relative names.

    ``into/quarantine.json`` records each with its hash and reasons; ``restore(into)`` moves them back. The record is written before each
    move, so that an interruption loses nothing. ``dry_run`` only says what would be moved. What is no file of the folder (a row of a
    table, a member of an archive) is left where it is. Calling it again adds to the same quarantine.
    Raises ValueError for a quarantine inside of the folder, one that belongs to another folder, and for a name that leads outside.

    Use after ``inspect``, so that a training goes on without the files and nothing is lost; cost: a rename (a copy across disks).

    >>> import tempfile
    >>> data, aside = Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp(), "aside")
    >>> _ = (data / "bad.png").write_bytes(b"no picture")
    >>> quarantine(data, ["bad.png"], aside).count, (data / "bad.png").exists()
    (1, False)
    >>> restore(aside), (data / "bad.png").exists()
    (1, True)
    """
    root, target = Path(folder).expanduser().resolve(), Path(into).expanduser().resolve()
    root = root if root.is_dir() else root.parent
    if target.is_relative_to(root):
        raise ValueError(f"The quarantine {str(into)!r} lies inside {str(root)!r}, where the data are; choose a folder elsewhere")
    reasons: dict[str, list[str]] = {}
    for problem in problems:
        name, reason = (problem, "chosen") if isinstance(problem, str) else (problem.file, f"{problem.kind}: {problem.message}")
        if isinstance(problem, Problem) and problem.row is not None:
            continue  # one row is no reason to move the whole table
        source = inside(root, name)
        if name and source.is_file():
            reasons.setdefault(name, []).append(reason)
    before = read(target) if (target / MANIFEST).exists() else Quarantined(str(root), ())
    if before.origin != str(root):
        raise ValueError(f"The quarantine {str(into)!r} belongs to {before.origin!r}, not to {str(root)!r}; choose another folder")
    new = [{"file": name, "sha256": content_hash(root / name), "reasons": why} for name, why in reasons.items()]
    names = {item["file"] for item in new}
    made = Quarantined(str(root), (*(item for item in before.items if item["file"] not in names), *new))
    if dry_run:
        return Quarantined(str(root), tuple(new))
    for item in new:
        if (target / item["file"]).exists():
            raise ValueError(f"The quarantine already holds {item['file']!r}; restore it first, or choose another folder")
    if new:
        write(target, made)
    for item in new:
        place = target / item["file"]
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(root / item["file"], place)
    return Quarantined(str(root), tuple(new))


def restore(into: str | Path) -> int:
    """Move everything of a quarantine back to where it was; returns how many files.

    A file that was never moved (the quarantine was interrupted) is fine where it is. Raises FileNotFoundError where there is no
    quarantine; ValueError, before anything is moved, for a file that has changed, or whose place has been taken by another.
    """
    target = Path(into).expanduser().resolve()
    found = read(target)
    root = Path(found.origin)
    back = []
    for item in found.items:
        place, home = inside(target, item["file"]), inside(root, item["file"])
        if not place.exists() and home.exists() and content_hash(home) == item["sha256"]:
            continue
        if not place.is_file() or content_hash(place) != item["sha256"]:
            raise ValueError(f"{str(place)!r} is not the file that was put there; nothing was restored")
        if home.exists():
            raise ValueError(f"{str(home)!r} is taken by another file; move it, nothing was restored")
        back.append((place, home))
    for place, home in back:
        home.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(place, home)
    (target / MANIFEST).unlink()
    for folder, _, _ in os.walk(target, topdown=False):
        if not os.listdir(folder):
            os.rmdir(folder)
    return len(back)


def read(target: Path) -> Quarantined:
    """The manifest of a quarantine folder."""
    file = target / MANIFEST
    if not file.is_file():
        raise FileNotFoundError(f"There is no quarantine in {str(target)!r} ({MANIFEST} is missing)")
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        items = tuple({"file": str(item["file"]), "sha256": str(item["sha256"]), "reasons": item["reasons"]} for item in data["items"])
        return Quarantined(str(data["origin"]), items)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{str(file)!r} is not a quarantine's manifest: {error}") from error


def write(target: Path, made: Quarantined) -> None:
    """Write the manifest, whole or not at all."""
    target.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"format": 1, "origin": made.origin, "items": list(made.items)}, indent=1)
    write_bytes(target / MANIFEST, text.encode())


def inside(root: Path, name: str) -> Path:
    """A path below a folder; raises ValueError for a name that leads out of it."""
    place = Path(os.path.normpath(root / name))
    if not place.is_relative_to(root):
        raise ValueError(f"{name!r} leads out of {str(root)!r}")
    return place
