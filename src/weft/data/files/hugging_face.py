"""Data sets of the Hugging Face library as a source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from weft._lazy import hint
from weft.data.arrays import stack
from weft.data.contracts import Batch, Record
from weft.data.files.compressed import extra
from weft.data.loading.flow import Chain


class HuggingFace:
    """A ``datasets.Dataset``, or a folder that ``save_to_disk`` wrote: rows as dicts, batches read at once.

    ``names`` renames and chooses columns: ``{"text": "sentence"}``. A number that stands for a class becomes the class's name, as codecs expect;
    pictures come as Pillow has them. Nothing is downloaded and no code of a data set runs: load it yourself with ``datasets.load_dataset``.
    Raises ValueError for several splits (with their names) and for a column that is not there.

    Use when data is a Hugging Face data set already; instead of it, ``Parquet`` over the same files. Cost: that of the library.

    >>> import datasets
    >>> rows = datasets.Dataset.from_dict({"sentence": ["good", "bad"], "score": [5, 1]})
    >>> HuggingFace(rows, {"text": "sentence"})[1]
    {'text': 'bad'}
    """

    def __init__(self, dataset: Any, names: Mapping[str, str] | None = None) -> None:
        if isinstance(dataset, str | Path):
            dataset = from_disk(Path(dataset))
        if isinstance(dataset, Mapping):
            raise ValueError(f"This is several splits: {sorted(dataset)}; pass one of them")
        if not hasattr(dataset, "column_names") or not hasattr(dataset, "__len__"):
            raise ValueError(f"This is a {type(dataset).__name__}; expected a datasets.Dataset (for an iterable one use hugging_face_flow)")
        self.names = chosen(names, dataset.column_names)
        self.dataset = dataset.select_columns(list(dict.fromkeys(self.names.values())))
        self.classes = classes_of(self.dataset)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, i: int) -> Record:
        if not -len(self) <= i < len(self):
            raise IndexError(f"Record {i} of {len(self)}")
        return renamed(self.dataset[i % len(self)], self.names, self.classes)

    def gather(self, index: Tensor) -> Batch:
        """The rows of ``index`` as one batch: numbers stacked, anything else as lists."""
        columns = self.dataset[index.tolist() or [0]]
        rows = [renamed(dict(zip(columns, row, strict=True)), self.names, self.classes) for row in zip(*columns.values(), strict=True)]
        return {name: values[: len(index)] for name, values in stack(rows).items()}


@dataclass(frozen=True)
class OpenIterable:
    """Reads an iterable data set from front to back."""

    names: Mapping[str, str] | None

    def __call__(self, dataset: Any) -> Iterator[Record]:
        known = dataset.column_names
        classes = classes_of(dataset)
        for row in dataset:
            yield renamed(row, chosen(self.names, known or list(row)), classes)


def hugging_face_flow(dataset: Any, names: Mapping[str, str] | None = None) -> Chain:
    """A flow over a ``datasets.IterableDataset`` (or a ``Dataset``), with the columns of ``names``.

    Use when the data set streams. Cost: going on in mid-epoch reads the records before again.

    >>> import datasets
    >>> rows = datasets.Dataset.from_dict({"sentence": ["good", "bad"]}).to_iterable_dataset()
    >>> list(hugging_face_flow(rows, {"text": "sentence"}))
    [{'text': 'good'}, {'text': 'bad'}]
    """
    if isinstance(dataset, Mapping) or not hasattr(dataset, "__iter__"):
        raise ValueError(f"This is a {type(dataset).__name__}; expected one split of a data set")
    return Chain([dataset], OpenIterable(names))


def from_disk(path: Path) -> Any:
    """A data set that ``save_to_disk`` wrote."""
    if not path.is_dir():
        raise FileNotFoundError(f"There is no folder {str(path)!r}; names of the Hub are loaded with datasets.load_dataset first")
    try:
        return extra("datasets").load_from_disk(str(path))
    except (FileNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{str(path)!r} is no folder that save_to_disk wrote: {error}") from error


def chosen(names: Mapping[str, str] | None, known: Sequence[str]) -> dict[str, str]:
    """Name in the record and column in the data set."""
    for column in (names or {}).values():
        if column not in known:
            raise ValueError(f"The data set has no column {column!r}. {hint(column, known)}")
    return dict(names) if names is not None else {name: name for name in known}


def classes_of(dataset: Any) -> dict[str, Sequence[str]]:
    """The class names of columns that hold classes."""
    features = getattr(dataset, "features", None) or {}
    return {column: feature.names for column, feature in features.items() if type(feature).__name__ == "ClassLabel"}


def renamed(row: Mapping[str, Any], names: Mapping[str, str], classes: Mapping[str, Sequence[str]]) -> Record:
    """A row under the record's names, classes by name; the library marks a class that is not known with -1."""
    return {name: named(row[column], classes.get(column)) for name, column in names.items()}


def named(value: Any, classes: Sequence[str] | None) -> Any:
    """A class by its name, anything else as it is."""
    if classes is None or not isinstance(value, int):
        return value
    return classes[value] if value >= 0 else None
