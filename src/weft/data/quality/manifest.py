"""What a data set consists of, by content: a manifest with one hash, the difference of two, and a card for people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weft.data import views
from weft.data.paths import find_files
from weft.data.quality.duplicates import content_hash
from weft.data.state_files import write_bytes


@dataclass(frozen=True)
class Manifest:
    """Content hashes of the files of a folder, or of the records of a source; equal data have an equal ``version``.

    ``files`` maps a name to a SHA-256. ``version`` hashes names and contents, not dates or places. ``lineage`` says from which version and by
    which step it was made, ``tags`` what people call it ("gold"); neither changes the version. Saved as JSON by ``save``, read by ``open``.

    Use to pin the data of a result and to see what changed; instead of it, DVC when the data themselves must be stored by version. Cost: one
    read of everything.

    >>> old, new = Manifest({"a": "1", "b": "2"}), Manifest({"a": "1", "b": "3", "c": "4"})
    >>> old.diff(new)
    Difference(added=('c',), removed=(), changed=('b',))
    """

    files: Mapping[str, str] = field(default_factory=dict)
    lineage: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def tagged(self, *names: str) -> Manifest:
        """The same manifest, also called by these names; raises ValueError for an empty one."""
        if not all(name.strip() for name in names):
            raise ValueError("A tag is a name, such as 'gold'; got an empty one")
        return Manifest(self.files, self.lineage, tuple(dict.fromkeys((*self.tags, *names))))

    @classmethod
    def of(cls, data: Any, lineage: tuple[str, ...] = ()) -> Manifest:
        """The manifest of a folder (hidden files left out), a file, or a source (records by their keys, else by number).

        Raises FileNotFoundError; ValueError for two different records with one key.
        """
        if isinstance(data, (str, Path)):
            return cls(of_folder(Path(data).expanduser()), lineage)
        files: dict[str, str] = {}
        for i in range(len(data)):
            name, digest = views.key(data, i) if hasattr(data, "key") else str(i), content_hash(data[i])
            if files.setdefault(name, digest) != digest:
                raise ValueError(f"Two different records have the key {name!r}; a manifest needs keys of their own")
        return cls(files, lineage)

    @property
    def version(self) -> str:
        """One hash of all names and contents, in order of the names."""
        lines = "".join(f"{digest} {json.dumps(name)}\n" for name, digest in sorted(self.files.items()))
        return hashlib.sha256(lines.encode()).hexdigest()

    def diff(self, other: Manifest) -> Difference:
        """What came, went and changed from this manifest to another."""
        mine, theirs = self.files, other.files
        changed = tuple(sorted(name for name in mine.keys() & theirs.keys() if mine[name] != theirs[name]))
        return Difference(tuple(sorted(theirs.keys() - mine.keys())), tuple(sorted(mine.keys() - theirs.keys())), changed)

    def save(self, path: str | Path) -> None:
        """Write it as JSON, whole or not at all."""
        told = {"format": 1, "version": self.version, "lineage": list(self.lineage), "tags": list(self.tags)}
        write_bytes(Path(path), json.dumps(told | {"files": dict(sorted(self.files.items()))}, indent=0).encode())

    @classmethod
    def open(cls, path: str | Path) -> Manifest:
        """Read what ``save`` wrote; raises ValueError for a file that is none, or whose version is not that of its content."""
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
            files = {str(name): str(digest) for name, digest in data["files"].items()}
            made = cls(files, tuple(data["lineage"]), tuple(map(str, data.get("tags", ()))))  # older files have no tags
            version = data["version"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{str(path)!r} is not a manifest: {error}") from error
        if made.version != version:
            raise ValueError(f"{str(path)!r} says version {version[:12]}…, its content has {made.version[:12]}…; it was changed by hand")
        return made


@dataclass(frozen=True)
class Difference:
    """Names that came, went, and changed their content."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def of_folder(root: Path) -> dict[str, str]:
    """The hash of every ordinary file below a folder, by its path with forward slashes."""
    if not root.exists():
        raise FileNotFoundError(f"There is no file or folder {str(root)!r}")
    if root.is_file():
        return {root.name: content_hash(root)}
    return {path.relative_to(root).as_posix(): content_hash(path) for path in find_files(root)}


def dataset_card(inspection: Any, *, source: str, licence: str, version: str = "", issues: str = "") -> str:
    """A page in Markdown about a data set: where it is from, licence, statistics, classes, splits, known problems.

    ``inspection`` is what ``inspect`` gave, ``version`` a ``Manifest.version``. Paper: Gebru et al., 2021, Datasheets for Datasets,
    arXiv:1803.09010 (the questions that a machine can answer).

    >>> from weft.data.quality.findings import Inspection
    >>> print(dataset_card(Inspection("rows.csv", "tables", {"rows": 3}), source="made up", licence="CC0").split("\\n")[0])
    # rows.csv
    """

    def cell(text: Any) -> str:
        return str(text).replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")

    lines = [f"# {cell(Path(inspection.path).name or inspection.path)}", "", f"- kind: {inspection.kind}", f"- source: {cell(source)}"]
    lines += [f"- licence: {cell(licence)}", *([f"- version: {version}"] if version else [])]
    lines += [f"- {name}: {count:,}" for name, count in inspection.counts.items()]
    for title, group in (("Classes", inspection.classes), ("Splits", inspection.splits)):
        if group:
            total = sum(group.values())
            lines += ["", f"## {title}", "", "| name | records | share |", "|---|---|---|"]
            lines += [f"| {cell(name)} | {count:,} | {count / total:.1%} |" for name, count in group.items()]
    if inspection.columns:
        lines += ["", "## Statistics", "", "| column | kind | values | missing | range |", "|---|---|---|---|---|"]
        for name, summary in inspection.columns.items():
            span = f"{summary['min']:.5g} to {summary['max']:.5g}" if "min" in summary else str(summary.get("distinct", ""))
            lines.append(f"| {cell(name)} | {summary['kind']} | {summary['count']:,} | {summary['missing']:,} | {span} |")
    lines += ["", "## Known issues", ""]
    found = [f"- {cell(kind)}: {count:,}" for kind, count in inspection.problems.counts.items()] + ([f"- {cell(issues)}"] if issues else [])
    return "\n".join([*lines, *(found or ["None found."]), ""])
