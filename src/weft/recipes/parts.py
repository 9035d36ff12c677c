"""The parts of a data set: the folders train, val and test where somebody made them, else shares by a hash."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from weft.data import Source, split_by_hash

NAMES = {"train": ("train", "training"), "val": ("val", "valid", "validation", "dev"), "test": ("test", "testing")}


def parts_of(
    data: Path, read: Callable[[Path], Source], *, test: float, validation: float, key: str | None = None, label: str = "label", quiet: bool = False
) -> dict[str, Source]:
    """``train``, ``val`` and ``test`` of a folder or a file that ``read`` makes a source of.

    A folder that holds nothing but parts (``train/cat/1.jpg``, ``test/cat/2.jpg``) is taken as it is parted: ``test`` is its test folder, or
    its validation folder where it has no other; ``val`` is its validation folder, or the share ``validation`` of what there is to train on.
    Anything else is parted by the hash of ``key``, class by class. What a source has left out is said, unless ``quiet``.
    Raises ValueError for a class that is measured and not trained on, and for shares that leave nothing.
    """

    def opened(path: Path) -> Source:
        source = read(path)
        skipped = getattr(source, "skipped", ())
        if skipped and not quiet:
            print(f"Skipped {len(skipped)} records that cannot be read, the first: {skipped[0]}")
        return source

    made = made_parts(data)
    if not made:
        return dict(split_by_hash(opened(data), {"train": 1 - test - validation, "val": validation, "test": test}, key, stratify=label))
    parts = {name: opened(folder) for name, folder in made.items()}
    trained = classes_of(parts["train"], label)
    for name, source in parts.items():
        strange = sorted(classes_of(source, label) - trained)
        if strange:
            raise ValueError(f"{str(made[name])!r} has the class {strange[0]!r}, which {str(made['train'])!r} has not; give it one, or take it out")
    if "test" not in parts:
        parts["test"] = parts.pop("val")
    if "val" not in parts:
        parts |= split_by_hash(parts["train"], {"train": 1 - validation, "val": validation}, key, stratify=label)
    return {name: parts[name] for name in NAMES}


def made_parts(data: Path) -> Mapping[str, Path]:
    """The folders to train and to measure on, when a folder holds these and no others; else nothing."""
    if not data.is_dir():
        return {}
    folders = [entry for entry in sorted(data.iterdir()) if entry.is_dir() and not entry.name.startswith(".") and entry.name != "__MACOSX"]
    found = {part: folder for part, names in NAMES.items() for folder in folders if folder.name.lower() in names}
    return found if len(found) == len(folders) > 1 and "train" in found else {}


def classes_of(source: Source, label: str) -> set[str]:
    """The labels of a source."""
    known = getattr(source, "classes", None)
    return set(known) if known is not None else {str(source[i][label]) for i in range(len(source))}
