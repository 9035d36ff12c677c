"""Sentences and pairs of sentences in the tables of GLUE."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from weft.data.sets.local_copy import whole_copy
from weft.data.text_file import read_text

PUBLISHER = "https://gluebenchmark.com/tasks (each task under its own terms)"
# task: folder, columns of the texts, column of the label
TASKS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "sst2": ("SST-2", ("sentence",), "label"),
    "cola": ("CoLA", ("sentence",), "label"),
    "mrpc": ("MRPC", ("#1 String", "#2 String"), "Quality"),
    "qnli": ("QNLI", ("question", "sentence"), "label"),
    "rte": ("RTE", ("sentence1", "sentence2"), "label"),
    "stsb": ("STS-B", ("sentence1", "sentence2"), "score"),
    "wnli": ("WNLI", ("sentence1", "sentence2"), "label"),
}
COLA = ("source", "label", "star", "sentence")  # its train and dev have no line of names


def glue(path: str | Path, task: str = "sst2", part: str = "train") -> list[dict[str, Any]]:
    """The rows of a task of GLUE: ``text``, for pairs also ``text_pair``, and ``label`` as the file has it; ``part`` "train", "dev" or "test".

    Tasks: "sst2" (film reviews, 0 or 1: 67,349 and 872 rows), "cola" (whether a sentence is well formed, 8,551 and 1,043), "mrpc", "qnli",
    "rte", "stsb" (likeness 0 to 5, a float) and "wnli". Reads ``SST-2/train.tsv`` and its like under ``path``; quotation marks are letters. The
    published test parts have no label, and nor have their records.
    Raises FileNotFoundError naming the file that lacks; ValueError naming the line for another number of cells, and a column that lacks.

    Published at https://gluebenchmark.com/tasks, each task under its own terms. Wang et al., 2018, arXiv:1804.07461; SST: Socher et al., 2013; CoLA:
    Warstadt, Singh, Bowman, 2018, arXiv:1805.12471.

    >>> import tempfile
    >>> from weft.data.sets import write_stand_in
    >>> glue(write_stand_in("glue", tempfile.mkdtemp()), "cola", "dev")[1]
    {'text': 'a dog sees the old tree', 'label': '1'}
    """
    if task not in TASKS:
        raise ValueError(f"task={task!r}; expected {', '.join(map(repr, TASKS))}")
    if part not in ("train", "dev", "test"):
        raise ValueError(f"part={part!r}; expected 'train', 'dev' or 'test'")
    folder, texts, label = TASKS[task]
    name = f"{folder}/{part}.tsv"
    file = whole_copy(path, [name], PUBLISHER) / name
    lines = [(number, line.rstrip("\r")) for number, line in enumerate(read_text(file).split("\n"), 1) if line.strip()]
    named = task != "cola" or part == "test"
    header = (lines[0][1] if lines else "").split("\t") if named else list(COLA)
    lacking = [column for column in (*texts, *([label] if part != "test" else ())) if column not in header]
    if lacking:
        raise ValueError(f"{str(file)!r} has no column {', '.join(map(repr, lacking))}; its columns are {', '.join(map(repr, header))}")
    records = []
    for number, line in lines[named:]:
        cells = line.split("\t")
        if len(cells) != len(header):
            raise ValueError(f"{str(file)!r}, line {number}: {len(cells)} cells; expected {len(header)}, separated by tabs")
        row = dict(zip(header, cells, strict=True))
        record: dict[str, Any] = dict(zip(("text", "text_pair"), (row[column] for column in texts), strict=False))
        if label in row:
            record["label"] = _score(row[label], f"{str(file)!r}, line {number}") if task == "stsb" else row[label]
        records.append(record)
    return records


def _score(cell: str, where: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise ValueError(f"{where}: the score {cell!r} is no number") from None
