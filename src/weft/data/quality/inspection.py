"""``inspect``: one look at a folder or a file before training: what is there, how it is spread, and what is wrong with it."""

from __future__ import annotations

import hashlib
import os
import stat
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from weft.data.balance import imbalance_advice
from weft.data.folder import EXTENSIONS, hidden
from weft.data.quality.archives import is_archive, members
from weft.data.quality.columns import ColumnSummary, interpreted
from weft.data.quality.duplicates import content_hash, minhash, near_pictures, near_signatures
from weft.data.quality.findings import Examined, Inspection, Problem
from weft.data.quality.pictures import examine_picture
from weft.data.quality.rows import is_table, pieces
from weft.data.quality.sounds import examine_sound
from weft.data.quality.texts import examine_text

SOUNDS, TEXTS = (".wav",), (".txt", ".md")
UNDECODED = (".flac", ".ogg", ".mp3", ".m4a", ".aac")
SPLITS = {"train", "training", "val", "valid", "validation", "dev", "test", "testing"}
TARGETS = ("label", "target", "class", "y", "outcome")
MOST_SEEN = 1_000_000  # contents that are remembered to find equal ones
MOST_SIGNATURES = 100_000  # pictures or texts that are remembered to find their like
MOST_CLASSES = 1000
MAX_FILE = 50_000_000  # bytes of a picture or a text
EXAMPLES = 24
WAITING = 256  # files whose measures are taken in together


def inspect(path: str | Path, target: str | None = None, *, near: bool = True, known: Mapping[str, str] | None = None) -> Inspection:
    """Look at all of a folder (pictures, WAV sound, texts, tables, tar files), or at one such file, and report what is found.

    Everything is read once, in pieces; memory is bounded whatever the size (up to a million contents are remembered for duplicates and
    100,000 signatures for near ones; beyond that the report says so). Sub-folders are classes; ``train``, ``val``, ``test`` above them are
    splits, between which equal and, with ``near``, similar records are reported as leaks. In a table the classes are in the column
    ``target`` (default: one called label, target, class, y or outcome). ``known`` are content hashes by file (``Manifest.files``): a file
    whose bytes have changed is reported, although it may still be readable.
    A bad file is a problem in the report, never an error. Raises FileNotFoundError for a path that is not there; ValueError for a file of
    an unknown kind, a target that is no column, and an empty folder.

    Use before every first training on new data, as ``weft data inspect PATH``; instead of it, ``Schema`` to hold tables to fixed rules.
    Cost: one read of everything; pictures are decoded (JPEG at reduced size).

    >>> import tempfile
    >>> table = Path(tempfile.mkdtemp(), "people.csv")
    >>> _ = table.write_text("age,label\\n20,a\\n,b\\n20,a\\n")
    >>> found = inspect(table)
    >>> found.classes, [str(problem) for problem in found.problems][:1]
    ({'a': 2, 'b': 1}, ['people.csv, row 4: equals people.csv row 2'])
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"There is no file or folder {str(path)!r} (looked in {path.resolve().parent})")
    if path.is_file() and kind_of(path) == "other":
        raise ValueError(f"{str(path)!r} ends in {path.suffix!r}; expected a folder, a picture, .wav, .txt, .csv, .jsonl, .parquet or .tar")
    survey = Survey(path, target, near, dict(known) if known is not None else None)
    files = list(walk(path, survey)) if path.is_dir() else [path]
    for file in files:
        survey.file(file)
    if not files:
        raise ValueError(f"{str(path)!r} holds no files")
    return survey.finish()


def kind_of(path: Path) -> str:
    """picture, sound, text, table, archive, undecoded sound or other, by the ending."""
    ending = path.suffix.lower()
    if is_table(path):
        return "table"
    if is_archive(path):
        return "archive"
    kinds = {"picture": EXTENSIONS, "sound": SOUNDS, "text": TEXTS, "undecoded": UNDECODED}
    return next((kind for kind, endings in kinds.items() if ending in endings), "other")


def walk(folder: Path, survey: Survey) -> Iterator[Path]:
    """All ordinary files below a folder in a fixed order; a pipe or a device, which could block, is a problem instead."""
    for place, folders, names in os.walk(folder, onerror=lambda error: survey.say("unreadable", str(error), str(error.filename))):
        folders[:] = sorted(name for name in folders if not hidden(name))
        for name in sorted(names):
            path = Path(place, name)
            if hidden(name):
                continue
            try:
                ordinary = stat.S_ISREG(path.stat().st_mode)
            except OSError as error:
                survey.say("unreadable", f"cannot be read: {error.strerror}", path.relative_to(folder).as_posix())
                continue
            if ordinary:
                yield path
            else:
                survey.say("not a file", "is a pipe, a socket or a device", path.relative_to(folder).as_posix())


class Survey:
    """What is known so far while files are looked at one after the other."""

    def __init__(self, root: Path, target: str | None, near: bool, known: dict[str, str] | None) -> None:
        self.root, self.target, self.near, self.known = root, target, near, known
        self.found = Inspection(str(root), "")
        self.kinds: Counter[str] = Counter()
        self.columns: dict[str, ColumnSummary] = {}
        self.waiting: list[tuple[dict[str, Any], str]] = []
        self.classes: Counter[str] = Counter()
        self.splits: Counter[str] = Counter()
        self.seen: dict[int, int] = {}  # hash of a content to where it is: file, row and label in one number, since there may be a million
        self.names: list[str] = []
        self.signatures: dict[str, list[tuple[Any, str]]] = {"picture": [], "text": []}
        self.rows = self.bytes = 0
        self.shown: Counter[str] = Counter()

    def say(self, kind: str, message: str, file: str, row: int | None = None, severity: str = "error") -> None:
        """Add a problem."""
        self.found.problems.add(Problem(kind, message, file, row, severity=severity))

    def file(self, path: Path) -> None:
        """Look at one file."""
        name = path.relative_to(self.root).as_posix() if self.root.is_dir() else path.name
        kind = kind_of(path)
        self.kinds[kind] += 1
        try:
            size = path.stat().st_size
            self.bytes += size
            if self.known is not None:
                self._compare(name, content_hash(path))
            if kind == "table":
                self._table(path, name)
            elif kind == "archive":
                self._archive(path, name)
            elif kind == "sound":
                self._take(name, kind, examine_sound(path, name), content_hash(path))
            elif kind in ("picture", "text"):
                self._content(name, kind, path.read_bytes() if size <= MAX_FILE else None, size)
        except OSError as error:
            self.say("unreadable", f"cannot be read: {error.strerror or error}", name)

    def _content(self, name: str, kind: str, data: bytes | None, size: int) -> None:
        if data is None:
            self.say("too large", f"has {size:,} bytes; at most {MAX_FILE:,} are read", name)
            return
        examine = {"picture": examine_picture, "text": examine_text, "sound": examine_sound}[kind]
        self._take(name, kind, examine(data, name), content_hash(data), data)

    def _take(self, name: str, kind: str, examined: Examined, digest: str, data: bytes = b"") -> None:
        """Count what an examination gave, and compare it with what came before."""
        self.found.problems.add(*examined.problems)
        split, label = split_and_label(name)
        readable = not any(problem.kind in ("unreadable", "empty") for problem in examined.problems)
        if not readable:
            return
        if label and (label in self.classes or len(self.classes) < MOST_CLASSES):
            self.classes[label] += 1
        if split:
            self.splits[split] += 1
        self.waiting.append((examined.measures, name))
        if len(self.waiting) >= WAITING:
            self._measure()
        self._same(int(digest[:16], 16), name, label, split)
        if self.near and examined.signature is not None and len(self.signatures[kind]) < MOST_SIGNATURES:
            signature = minhash(examined.signature) if kind == "text" else examined.signature
            self.signatures[kind].append((signature, name))
        self.shown[label] += 1
        if self.shown[label] <= EXAMPLES and len(self.found.examples) < 50 * EXAMPLES:
            example = {"file": name, "kind": kind} | ({"label": label} if label else {})
            self.found.examples.append(example | ({"text": data[:2000].decode("utf-8", "replace")[:400]} if kind == "text" else {}))

    def _same(self, digest: int, name: str, label: str, split: str) -> None:
        """Say when the content has been there before: a leak between splits, a conflict of labels, or a plain duplicate."""
        if digest not in self.seen:
            if len(self.seen) < MOST_SEEN:
                self.names.append(name)
                self.seen[digest] = (len(self.names) - 1) << 64
            return
        other = self.names[self.seen[digest] >> 64]
        other_split, other_label = split_and_label(other)
        if split != other_split:
            self.say("leak", f"is also in the split {other_split or 'above'!r}, as {other}", name)
        if label != other_label:
            self.say("conflict", f"has the same content as {other}, but the label {label!r} instead of {other_label!r}", name)
        elif split == other_split:
            self.say("duplicate", f"has the same content as {other}", name, severity="warning")

    def _measure(self) -> None:
        names = dict.fromkeys(name for measures, _ in self.waiting for name in measures)
        for name in names:
            pairs = [(measures[name], (file, None)) for measures, file in self.waiting if name in measures]
            self.columns.setdefault(name, ColumnSummary(name)).update([value for value, _ in pairs], [place for _, place in pairs])
        self.waiting = []

    def _compare(self, name: str, digest: str) -> None:
        assert self.known is not None
        expected = self.known.pop(name, None)
        if expected is None:
            self.say("new file", "is not in the manifest", name, severity="note")
        elif expected != digest:
            self.say("changed", f"has changed since the manifest was made (SHA-256 {digest[:12]}… instead of {expected[:12]}…)", name)

    def _archive(self, path: Path, name: str) -> None:
        for member, data in members(path, self.found.problems, name):
            kind = kind_of(Path(member))
            self.kinds["member"] += 1
            if kind in ("picture", "sound", "text"):
                self._content(f"{name}/{member}", kind, data, len(data))

    def _table(self, path: Path, name: str) -> None:
        """All rows of a table: column by column for the summaries, row by row for duplicates."""
        text = not path.name.lower().removesuffix(".gz").endswith((".parquet", ".jsonl", ".ndjson"))
        target, before = None, self.rows
        for rows, columns in pieces(path, self.found.problems, name):
            target = target or self._target(columns)
            places = [(name, row) for row in rows]
            if text:
                columns = {column: [interpreted(cell) for cell in cells] for column, cells in columns.items()}
            for column, values in columns.items():
                if column not in self.columns:
                    self.columns[column] = ColumnSummary(column)
                    self.columns[column].kinds["missing"] += self.rows - before  # of this file, before the column first came
                self.columns[column].update(values, places)
            if self.rows == 0:
                self.found.examples += [{key: plain(values[i]) for key, values in columns.items()} for i in range(min(10, len(rows)))]
            self.rows += len(rows)
            labels = columns.get(target) if target else None
            self._equal_rows([values for key, values in columns.items() if key != target], labels, places)

    def _target(self, columns: Mapping[str, Any]) -> str | None:
        if self.target is not None:
            if self.target not in columns:
                raise ValueError(f"There is no column {self.target!r}; the columns are {', '.join(map(repr, list(columns)[:20]))}")
            return self.target
        lower = {name.lower(): name for name in columns}
        return next((lower[name] for name in TARGETS if name in lower), None)

    def _equal_rows(self, columns: Sequence[Sequence[Any]], labels: Sequence[Any] | None, places: Sequence[tuple[str, int]]) -> None:
        """Say which rows have been there before, and count the labels."""
        if self.names[-1:] != [places[0][0]]:
            self.names.append(places[0][0])
        for i, row in enumerate(zip(*columns, strict=True)):
            data = repr(row).encode("utf-8", "surrogatepass")
            digest = int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")
            label = 0 if labels is None else zlib.crc32(repr(labels[i]).encode("utf-8", "surrogatepass"))
            file, number = places[i]
            code = self.seen.get(digest)
            if code is None:
                if len(self.seen) < MOST_SEEN:
                    self.seen[digest] = (len(self.names) - 1) << 64 | number << 32 | label
                continue
            other = f"{self.names[code >> 64]} row {code >> 32 & 0xFFFFFFFF}"
            if code & 0xFFFFFFFF == label:
                self.say("duplicate", f"equals {other}", file, number, "warning")
            else:
                assert labels is not None
                self.say("conflict", f"equals {other}, but has another label, {plain(labels[i])!r}", file, number)
        for label in labels or ():
            name = "" if label is None else str(plain(label))
            if name.strip() and (name in self.classes or len(self.classes) < MOST_CLASSES):
                self.classes[name] += 1

    def finish(self) -> Inspection:
        """The report."""
        self._measure()
        found = self.found
        for name in self.known or {}:
            self.say("missing file", "is in the manifest, but not there", name)
        for kind, word in (("undecoded", "sound files that are not WAV were not decoded"), ("other", "files of other kinds were not looked at")):
            if self.kinds[kind]:
                found.problems.add(Problem("not read", f"{self.kinds[kind]:,} {word}", severity="note"))
        self._alike()
        found.columns = {name: column.summary() for name, column in self.columns.items()}
        for name, column in self.columns.items():
            column_problems = [problem for problem in column.problems() if self.rows or problem.kind == "outlier"]
            if not self.rows and name not in ("width", "height", "seconds", "characters"):
                column_problems = []
            found.problems.add(*(replace(problem, severity="note") if not self.rows else problem for problem in column_problems))
        limited = len(self.seen) >= MOST_SEEN or any(len(each) >= MOST_SIGNATURES for each in self.signatures.values())
        if limited:
            found.problems.add(Problem("not compared", "the set is large: only its first part was searched for duplicates", severity="note"))
        regression = self.rows and len(self.classes) > 50
        found.classes = {} if regression or (len(self.classes) == 1 and not self.rows) else dict(sorted(self.classes.items()))
        found.splits = dict(self.splits)
        kinds = {kind: count for kind, count in self.kinds.items() if kind != "member"}
        found.kind = WORDS[next(iter(kinds))] if len(kinds) == 1 else "files of several kinds"
        found.counts = {"files": sum(kinds.values())} | ({WORDS[kind]: count for kind, count in kinds.items()} if len(kinds) > 1 else {})
        found.counts |= {"members": self.kinds["member"]} if self.kinds["member"] else {}
        found.counts |= ({"rows": self.rows} if self.kinds["table"] else {}) | {"bytes": self.bytes}
        found.examples = spread(found.examples)
        found.advice = advice(found)
        return found

    def _alike(self) -> None:
        """Pictures that look alike and texts that read alike, without those that are equal (they have been said)."""
        equal = {(problem.file) for problem in self.found.problems.of("duplicate", "leak", "conflict")}
        pictures, texts = self.signatures["picture"], self.signatures["text"]
        pairs = [(pictures[i][1], pictures[j][1], f"{n} of 256 bits apart") for i, j, n in near_pictures([each for each, _ in pictures])]
        if texts:
            found = near_signatures(np.stack([each for each, _ in texts]))
            pairs += [(texts[i][1], texts[j][1], f"{share:.0%} of phrases in common") for i, j, share in found]
        for first, second, how in pairs:
            if second in equal:
                continue
            (split, label), (other_split, other_label) = split_and_label(first), split_and_label(second)
            if split != other_split:
                self.say("leak", f"is nearly {first} of another split ({how})", second)
            else:
                other = f", which has another label ({label!r}, not {other_label!r})" if label != other_label else ""
                self.say("near duplicate", f"is nearly {first} ({how}){other}", second, severity="warning")


WORDS = {"picture": "pictures", "sound": "sounds", "text": "texts", "table": "tables", "archive": "archives"}
WORDS |= {"undecoded": "sounds not read", "other": "other files"}


def split_and_label(name: str) -> tuple[str, str]:
    """Split and class in a file's path; nothing where there is none.

    >>> split_and_label("train/cat/1.png"), split_and_label("cat/a/1.png"), split_and_label("1.png")
    (('train', 'cat'), ('', 'cat'), ('', ''))
    """
    parts = name.split("/")[:-1]
    split = parts.pop(0) if parts and parts[0].lower() in SPLITS else ""
    return split, parts[0] if parts else ""


def plain(value: Any) -> Any:
    """A value that JSON can hold."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return value if isinstance(value, float) and np.isfinite(value) else str(value)[:200]


def spread(examples: Sequence[dict[str, Any]], most: int = EXAMPLES) -> list[dict[str, Any]]:
    """At most so many examples, taken from the classes in turn."""
    groups: dict[Any, list[dict[str, Any]]] = {}
    for example in examples:
        groups.setdefault(example.get("label") if "file" in example else None, []).append(example)
    turns = [group[i] for i in range(most) for group in groups.values() if i < len(group)]
    return turns[:most]


def advice(found: Inspection) -> list[str]:
    """What follows for training."""
    said = []
    if len(found.classes) > 1:
        said += imbalance_advice(found.classes)
    columns, counts = found.columns, found.problems.counts
    if "rows" not in found.counts and "width" in columns:
        sizes = [columns[side] for side in ("width", "height")]
        if any(side["min"] < side["max"] for side in sizes):
            middle = round(min(side["quartiles"][1] for side in sizes))
            said.append(f"Pictures differ in size (the middle one's shorter side is {middle}): choose one for the codec, such as size={middle}.")
    if "rows" not in found.counts and columns.get("rate", {}).get("distinct", 1) != 1:
        said.append("Sample rates differ: resample to one rate.")
    if "rows" not in found.counts and "words" in columns:
        said.append(f"Three quarters of the texts have at most {round(columns['words']['quartiles'][2])} words: a length for the codec.")
    numbers = [summary for summary in columns.values() if "std" in summary and summary["std"] > 0] if "rows" in found.counts else []
    if len(numbers) > 1 and max(each["std"] for each in numbers) > 100 * min(each["std"] for each in numbers):
        said.append("Columns differ in scale by more than 100: standardise them (TableCodec does).")
    if counts["missing"]:
        said.append("Values are missing: impute them column by column (Impute), and keep an indicator where absence means something.")
    if counts["leak"]:
        said.append("Splits share records: split again with groups (split_by_hash with a key), or the test result is too good.")
    if counts["conflict"]:
        said.append("Equal records have different labels: decide, or remove them.")
    if counts["unreadable"] + counts["empty"]:
        said.append("Files cannot be read: quarantine() moves them aside and can put them back.")
    return said
