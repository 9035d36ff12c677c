"""Readers for published collections of sound, each in the layout its publisher gives it."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from weft.data.audio.folder import existing_folder
from weft.data.contracts import Record
from weft.data.text_file import read_text


class LibriSpeech:
    """Read speech with transcripts: ``<speaker>/<chapter>/<speaker>-<chapter>-<utterance>.flac`` and ``<speaker>-<chapter>.trans.txt``.

    ``path`` is one subset (``LibriSpeech/dev-clean``) or any folder above. Records: ``{"audio": Path, "text", "speaker", "chapter",
    "utterance", "path"}``, numbers as int, sorted by path. Reading FLAC needs the extra ``audio``; WAV files in the same layout (LibriTTS,
    converted copies) need nothing.
    Raises FileNotFoundError for a missing folder, ValueError naming a transcript line that is damaged or has no sound, or when there is none.

    Paper: Panayotov et al., 2015, doi:10.1109/ICASSP.2015.7178964; CC BY 4.0.

    >>> import tempfile
    >>> chapter = Path(tempfile.mkdtemp(), "84", "121")
    >>> chapter.mkdir(parents=True)
    >>> _ = (chapter / "84-121.trans.txt").write_text("84-121-0000 GO ON\\n")
    >>> (chapter / "84-121-0000.flac").touch()
    >>> record = LibriSpeech(chapter.parents[1])[0]
    >>> record["text"], record["speaker"], record["utterance"]
    ('GO ON', 84, 0)
    """

    def __init__(self, path: str | Path) -> None:
        self.path = existing_folder(path)
        self.items: list[Record] = []
        for file in sorted(self.path.rglob("*.trans.txt"), key=lambda file: file.relative_to(self.path).as_posix()):
            for number, line in enumerate(read_text(file).splitlines(), start=1):
                if line.strip():
                    self.items.append(self._item(file, number, line))
        if not self.items:
            raise ValueError(f"{str(path)!r} holds no transcripts; looked for <speaker>/<chapter>/<speaker>-<chapter>.trans.txt at any depth")

    def _item(self, file: Path, number: int, line: str) -> Record:
        name, _, text = line.partition(" ")
        parts = name.split("-")
        if len(parts) != 3 or not all(part.isdigit() for part in parts):
            raise ValueError(f"{str(file)!r}, line {number}: {name!r} is not <speaker>-<chapter>-<utterance>")
        sound = next((found for ending in (".flac", ".wav") if (found := file.with_name(name + ending)).is_file()), None)
        if sound is None:
            raise ValueError(f"{str(file)!r}, line {number}: there is neither {name}.flac nor {name}.wav beside it; the copy is not whole")
        speaker, chapter, utterance = map(int, parts)
        return {"audio": sound, "text": text.strip(), "speaker": speaker, "chapter": chapter, "utterance": utterance}

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, i: int) -> Record:
        return self.items[i] | {"path": self.key(i)}

    def key(self, i: int) -> str:
        """The sound's path inside the folder."""
        return self.items[i]["audio"].relative_to(self.path).as_posix()


class Timit:
    """Read sentences with words and phones in time: ``TRAIN/DR1/FCJF0/SA1.WAV`` with ``.TXT``, ``.WRD`` and ``.PHN`` beside it.

    Records: ``{"audio": Path, "text", "speaker", "dialect", "sentence", "words", "phones", "path"}``; words and phones are ``{"label", "start",
    "end"}`` in seconds at TIMIT's 16 kHz. Upper or lower case names are read alike; a file that was converted (``SA1.WAV.wav``) comes before
    the published one, whose format, NIST SPHERE, needs the extra ``audio``. ``part`` is "train" or "test".
    Raises FileNotFoundError for a missing folder, ValueError naming a file that is missing or a line that is damaged.

    Paper: Garofolo et al., 1993, doi:10.35111/17gk-bn40; licensed by the Linguistic Data Consortium.

    >>> import tempfile
    >>> speaker = Path(tempfile.mkdtemp(), "TRAIN", "DR1", "FCJF0")
    >>> speaker.mkdir(parents=True)
    >>> for ending, text in (("WAV", ""), ("TXT", "0 8000 No."), ("WRD", "0 8000 no"), ("PHN", "0 4000 n\\n4000 8000 ow")):
    ...     _ = (speaker / f"SA1.{ending}").write_text(text)
    >>> Timit(speaker.parents[2], part="train")[0]["phones"][1]
    {'label': 'ow', 'start': 0.25, 'end': 0.5}
    """

    RATE = 16_000

    def __init__(self, path: str | Path, part: str = "train") -> None:
        if part not in ("train", "test"):
            raise ValueError(f"part={part!r}; expected 'train' or 'test'")
        self.path = existing_folder(path)
        folder = next((entry for entry in sorted(self.path.iterdir()) if entry.name.lower() == part and entry.is_dir()), None)
        if folder is None:
            raise ValueError(f"{str(path)!r} has no folder {part.upper()!r}; expected TRAIN and TEST")
        self.items = sorted(file for file in folder.rglob("*") if file.suffix.lower() == ".phn")
        if not self.items:
            raise ValueError(f"{str(folder)!r} holds no sentences; looked for files such as DR1/FCJF0/SA1.PHN")

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, i: int) -> Record:
        phones = self.items[i]
        beside = {file.name.lower(): file for file in phones.parent.iterdir() if file.name.lower().startswith(phones.stem.lower() + ".")}
        stem = phones.stem.lower()
        sound = beside.get(f"{stem}.wav.wav") or beside.get(f"{stem}.wav") or beside.get(f"{stem}.flac")
        for ending, file in (("WAV", sound), ("TXT", beside.get(f"{stem}.txt")), ("WRD", beside.get(f"{stem}.wrd"))):
            if file is None:
                raise ValueError(f"{str(phones)!r}: there is no {phones.stem}.{ending} beside it; the copy is not whole")
        texts = self._spans(beside[f"{stem}.txt"])
        return {
            "audio": sound,
            "text": texts[0]["label"] if texts else "",
            "speaker": phones.parent.name,
            "dialect": phones.parents[1].name,
            "sentence": phones.stem,
            "words": self._spans(beside[f"{stem}.wrd"]),
            "phones": self._spans(phones),
            "path": self.key(i),
        }

    def _spans(self, file: Path) -> list[dict[str, Any]]:
        spans = []
        for number, line in enumerate(read_text(file).splitlines(), start=1):
            parts = line.split(maxsplit=2)
            if not parts:
                continue
            if len(parts) < 3 or not (parts[0].isdigit() and parts[1].isdigit()):
                raise ValueError(f"{str(file)!r}, line {number}: {line!r}; expected first sample, last sample, label")
            spans.append({"label": parts[2].strip(), "start": int(parts[0]) / self.RATE, "end": int(parts[1]) / self.RATE})
        return spans

    def key(self, i: int) -> str:
        """The sentence's path inside the folder, without its ending."""
        return self.items[i].relative_to(self.path).with_suffix("").as_posix()


class SoundTable:
    """Sounds that a CSV file lists with their labels and folds: ESC-50, UrbanSound8K, or a table of one's own.

    ESC-50 (``meta/esc50.csv``, ``audio/``) and UrbanSound8K (``metadata/UrbanSound8K.csv``, ``audio/fold1/``) are recognised by their files.
    Any other table is named by ``table``, a path inside the folder; ``file`` and ``label`` are its columns, and file names are looked for from
    the folder. Records: ``{"audio": Path, "label": str, "fold": int, "path": str}`` and the table's other columns as text; ``folds`` keeps some:
    both collections are meant for cross-validation over the published folds, since clips of one recording lie in one fold.
    Raises FileNotFoundError for a missing folder; ValueError naming the row whose sound is missing, a missing column, or a fold nobody has.

    Papers: Piczak, 2015, doi:10.1145/2733373.2806390; Salamon, Jacoby, Bello, 2014, doi:10.1145/2647868.2655045.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "a.wav").touch()
    >>> _ = (folder / "list.csv").write_text("file,label\\na.wav,rain\\n")
    >>> SoundTable(folder, table="list.csv")[0]["label"]
    'rain'
    """

    KNOWN = (  # table, column of files, column of labels, where a file lies
        ("meta/esc50.csv", "filename", "category", "audio/{filename}"),
        ("metadata/UrbanSound8K.csv", "slice_file_name", "class", "audio/fold{fold}/{slice_file_name}"),
    )

    def __init__(
        self, path: str | Path, *, table: str | None = None, file: str = "file", label: str = "label", folds: tuple[int, ...] | None = None
    ) -> None:
        self.path = existing_folder(path)
        form = next((known for known in self.KNOWN if (self.path / known[0]).is_file()), None) if table is None else (table, file, label, "")
        if form is None:
            raise ValueError(f"{str(path)!r} holds neither {self.KNOWN[0][0]} nor {self.KNOWN[1][0]}; name the table: table='list.csv'")
        name, file, label, place = form
        self.items: list[tuple[Path, Record]] = []
        present = set()
        try:
            rows = list(csv.DictReader(io.StringIO(read_text(self.path / name), newline="")))
        except csv.Error as error:
            raise ValueError(f"{str(self.path / name)!r} is no table: {error}") from error
        for number, row in enumerate(rows, start=2):
            item = self._item(f"{str(self.path / name)!r}, row {number}", row, (file, label, place))
            present.add(item[1].get("fold"))
            if folds is None or item[1].get("fold") in folds:
                self.items.append(item)
        if folds is not None and set(folds) - present:
            raise ValueError(f"folds={folds}: the table has folds {sorted(map(str, present))}")
        if not self.items:
            raise ValueError(f"{str(self.path / name)!r} lists no sounds")
        self.classes = tuple(sorted({record["label"] for _, record in self.items}))

    def _item(self, where: str, row: dict[str, Any], form: tuple[str, str, str]) -> tuple[Path, Record]:
        file, label, place = form
        for column in (file, label):
            if not row.get(column):
                raise ValueError(f"{where}: the column {column!r} is missing or empty; the columns are {', '.join(map(str, row))}")
        inside = place.format(**row) if place else row[file]
        sound = self.path / inside
        if Path(inside).is_absolute() or ".." in Path(inside).parts or not sound.is_file():
            raise ValueError(f"{where}: there is no sound {inside!r} in {str(self.path)!r}")
        record: Record = {key: value for key, value in row.items() if key not in (file, label, "fold")}
        if row.get("fold"):
            if not row["fold"].isdigit():
                raise ValueError(f"{where}: fold {row['fold']!r} is no number")
            record["fold"] = int(row["fold"])
        return sound, record | {"label": row[label]}

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, i: int) -> Record:
        file, record = self.items[i]
        return record | {"audio": file, "path": self.key(i)}

    def key(self, i: int) -> str:
        """The sound's path inside the folder."""
        return self.items[i][0].relative_to(self.path).as_posix()
