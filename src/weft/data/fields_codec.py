"""Records of several fields, each declared by what it is."""

from __future__ import annotations

import dataclasses
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from weft._lazy import hint
from weft.data.arrays import stack
from weft.data.contracts import Batch, Record, Source
from weft.data.image_codec import ImageCodec
from weft.data.labels import classes_of, decode_classes, name_of, target_of
from weft.data.table_codec import number
from weft.data.vocabulary import UNKNOWN, pieces, vocabulary_of

# kind -> its options; every field also has ``column``, ``kind``, ``to`` (the key in the batch) and ``optional``
KINDS: dict[str, dict[str, Any]] = {
    "text": {"level": "word", "max_length": 256, "size": 20_000, "min_count": 1, "share": None},
    "number": {},
    "category": {},
    "label": {},
    "sequence": {"max_length": 4096},
    "image": {"size": 224, "channels": 3, "resize": "crop"},
    "audio": {"sample_rate": 16_000, "seconds": None, "features": "log_mel", "num_features": None},
}
PADDED = ("text", "sequence", "audio")


@dataclass(frozen=True)
class FieldsCodec:
    """A record of several fields, each declared: ``[{"column": "question", "kind": "text"}, {"column": "year", "kind": "number"}, …]``.

    | kind | becomes, under ``to`` (default: the column; for a label "target") |
    |---|---|
    | text | token numbers (T,) int64, 0 at the end of shorter ones, 1 for unknown tokens; texts of one ``share`` have one vocabulary |
    | number | (x - mean) / std, float32; an optional one that is missing is 0, the mean |
    | category | its number from 1, int64; 0 for a value that training did not have, and for a missing optional one |
    | label | its class's number, int64; records without it are encoded without it |
    | sequence | numbers (T,) float32, padded with 0 |
    | image | as ``ImageCodec``, (C, H, W) |
    | audio | as ``AudioCodec``, (F, T) |

    Padded kinds also give ``<to>_attend``, True at what is there. ``fit`` learns vocabularies, categories, classes, means from training data;
    everything is JSON and saved with the model.
    Raises ValueError naming the field for an unknown kind, option or column (with the nearest), two fields of one key, a value that is missing or of
    another kind.

    Use when one record has several inputs (a question and its context, a document and its date); instead of it, the codec of the one kind. Cost: the
    sum of its fields.

    >>> rows = [{"question": "who ?", "year": 1990, "answer": "no"}, {"question": "who is it ?", "year": 2010, "answer": "yes"}]
    >>> codec = FieldsCodec([{"column": "question", "kind": "text"}, {"column": "year", "kind": "number"}, {"column": "answer", "kind": "label"}])
    >>> codec = codec.fit(rows)
    >>> batch = codec.collate([codec.encode(row) for row in rows])
    >>> batch["question"].shape, batch["question_attend"].sum(1).tolist(), batch["year"].tolist(), batch["target"].tolist()
    (torch.Size([2, 4]), [2, 4], [-1.0, 1.0], [0, 1])
    """

    fields: Sequence[Mapping[str, Any]]
    learned: Sequence[Mapping[str, Any]] | None = None

    def __post_init__(self) -> None:
        fields = [declared(field) for field in self.fields]
        keys = [field["to"] for field in fields] + [f"{field['to']}_attend" for field in fields if field["kind"] in PADDED]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if not fields or twice:
            raise ValueError(f"Two fields become {twice[0]!r} in the batch; give one another 'to'" if fields else "A record needs at least one field")
        object.__setattr__(self, "fields", fields)
        object.__setattr__(self, "learned", None if self.learned is None else json.loads(json.dumps(list(self.learned))))

    def fit(self, source: Source) -> FieldsCodec:
        """Learn what each field needs from training data."""
        rows = [source[i] for i in range(len(source))]
        for field in self.fields:
            if not rows or (field["column"] not in rows[0] and not field["optional"]):
                raise ValueError(f"The records have no column {field['column']!r}. {hint(field['column'], rows[0] if rows else [])}")
        return dataclasses.replace(self, learned=[self._learn(field, rows) for field in self.fields])

    def _learn(self, field: Mapping[str, Any], rows: Sequence[Record]) -> dict[str, Any]:
        kind, name = field["kind"], field["column"]
        values = [row[name] for row in rows if not absent(row.get(name))]
        if not values:
            raise ValueError(f"The column {name!r} is missing in all {len(rows)} records")
        if kind == "text":
            texts_of = [other for other in self.fields if other["kind"] == "text"]
            group = [other for other in texts_of if other is field or (field["share"] and other["share"] == field["share"])]
            texts = [(other, row[other["column"]]) for other in group for row in rows if not absent(row.get(other["column"]))]
            return {"vocabulary": list(vocabulary_of((t for other, text in texts for t in tokens(other, text)), field["size"], field["min_count"]))}
        if kind in ("number", "sequence"):
            numbers = [number(name, value) for value in values] if kind == "number" else [x for value in values for x in listed(name, value)]
            std = statistics.pstdev(numbers) if numbers else 0.0
            return {"mean": statistics.fmean(numbers) if numbers else 0.0, "std": std if std > 0 else 1.0}
        if kind == "category":
            return {"values": sorted({name_of(value) for value in values})}
        if kind == "label":
            return {"classes": list(classes_of(values))}
        codec = inner(field, {}).fit([given(kind, row, name) for row in rows if not absent(row.get(name))])
        return {"mean": list(codec.mean), "std": list(codec.std)}

    def _fitted(self) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
        if self.learned is None:
            raise ValueError("This FieldsCodec has not been fitted; call codec = codec.fit(training_records)")
        return list(zip(self.fields, self.learned, strict=True))

    def encode(self, record: Record) -> dict[str, Tensor]:
        encoded: dict[str, Tensor] = {}
        for field, learned in self._fitted():
            name, to = field["column"], field["to"]
            value = record.get(name)
            if absent(value):
                if field["kind"] == "label":
                    continue
                if not field["optional"]:
                    raise ValueError(f"The field {name!r} ({field['kind']}) is missing. {hint(name, record)}")
            encoded |= encoded_field(field, learned, value, record, to)
        return encoded

    def collate(self, encoded: list[dict[str, Tensor]]) -> Batch:
        """Pad the padded fields at the end to the longest of the batch; stack the rest."""
        padded = [key for field in self.fields if field["kind"] in PADDED for key in (field["to"], f"{field['to']}_attend")]
        batch = stack([{key: value for key, value in e.items() if key not in padded} for e in encoded])
        for key in padded:  # the last axis is time
            batch[key] = pad_sequence([e[key].movedim(-1, 0) for e in encoded], batch_first=True).movedim(1, -1).contiguous()
        return batch

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The classes of the label, where a field is one."""
        return next((tuple(learned["classes"]) for field, learned in self._fitted() if field["kind"] == "label"), None)

    @property
    def num_classes(self) -> int:
        return len(self.classes or ())

    def num_tokens(self, to: str) -> int:
        """The size of the vocabulary or the number of categories, with 0, of the field that becomes ``to``."""
        for field, learned in self._fitted():
            if field["to"] == to and field["kind"] in ("text", "category"):
                return len(learned["vocabulary"]) if field["kind"] == "text" else len(learned["values"]) + 1
        raise ValueError(f"No text or category becomes {to!r}. {hint(to, [field['to'] for field in self.fields])}")

    def decode(self, prediction: dict[str, Tensor]) -> list[Record]:
        """``{"label", "score", "scores"}`` of logits (B, C)."""
        if self.classes is None:
            raise ValueError("This codec has no field of kind 'label' to decode")
        return decode_classes(prediction, self.classes)

    def schema(self) -> dict[str, Any]:
        types = {
            "text": "string", "number": "number", "category": ["string", "number", "boolean"], "sequence": "array",
            "image": "string", "audio": "string",
        }  # fmt: skip
        inputs = [field for field in self.fields if field["kind"] != "label"]
        properties: dict[str, Any] = {field["column"]: {"type": types[field["kind"]], "description": field["kind"]} for field in inputs}
        for field in inputs:
            if field["kind"] in ("image", "audio"):  # the file itself: a text would be taken for a path
                properties[field["column"]] |= {"contentEncoding": "base64", "contentMediaType": f"{field['kind']}/*"}
        return {"type": "object", "properties": properties, "required": [field["column"] for field in inputs if not field["optional"]]}

    def spec(self) -> dict[str, Any]:
        return {"name": "fields_codec", "args": json.loads(json.dumps({"fields": list(self.fields), "learned": self.learned}))}


def declared(field: Mapping[str, Any]) -> dict[str, Any]:
    """A field with every option written out."""
    kind, column = field.get("kind"), field.get("column")
    if not isinstance(column, str) or not column:
        raise ValueError(f"The field {dict(field)} names no column; expected {{'column': 'question', 'kind': 'text'}}")
    if kind not in KINDS:
        raise ValueError(f"The field {column!r} is of unknown kind {kind!r}. {hint(str(kind), KINDS)}")
    options = {"column": column, "kind": kind, "to": "target" if kind == "label" else column, "optional": False, **KINDS[kind]}
    for name in field:
        if name not in options:
            raise ValueError(f"The field {column!r} ({kind}) has no option {name!r}. {hint(name, options)}")
    return json.loads(json.dumps(options | dict(field)))


def encoded_field(field: Mapping[str, Any], learned: Mapping[str, Any], value: Any, record: Record, to: str) -> dict[str, Tensor]:
    """The tensors of one field; a missing value that is optional is empty, 0, or a black picture."""
    kind, name = field["kind"], field["column"]
    if kind == "text":
        known = {token: n for n, token in enumerate(learned["vocabulary"])}
        numbers = [known.get(token, UNKNOWN) for token in (tokens(field, value) if value is not None else [])] or [UNKNOWN]
        return {to: torch.tensor(numbers), f"{to}_attend": torch.ones(len(numbers), dtype=torch.bool)}
    if kind == "number":
        return {to: torch.tensor(0.0 if absent(value) else (number(name, value) - learned["mean"]) / learned["std"])}
    if kind == "sequence":
        values = [] if absent(value) else listed(name, value)[: field["max_length"]]
        scaled = (torch.tensor(values or [learned["mean"]], dtype=torch.float32) - learned["mean"]) / learned["std"]
        return {to: scaled, f"{to}_attend": torch.full((len(scaled),), bool(values))}
    if kind == "category":
        return {to: torch.tensor(0 if absent(value) or name_of(value) not in learned["values"] else learned["values"].index(name_of(value)) + 1)}
    if kind == "label":
        return {to: target_of(value, learned["classes"])}
    if absent(value):
        raise ValueError(f"The field {name!r} ({kind}) is missing; there is no empty {kind}, so leave 'optional' out or give a stand-in")
    try:
        found = inner(field, learned).encode(given(kind, record, name))
    except ValueError as error:
        raise ValueError(f"The field {name!r}: {error}") from error
    return {to: found["input"], **({f"{to}_attend": found["attend"]} if kind == "audio" else {})}


def given(kind: str, record: Record, name: str) -> Record:
    """A picture or a sound under the key that its codec reads; bare samples bring their rate along."""
    return {kind: record[name], **({"sample_rate": record["sample_rate"]} if "sample_rate" in record else {})}


def inner(field: Mapping[str, Any], learned: Mapping[str, Any]) -> Any:
    """The codec of a picture or a sound."""
    options = {name: field[name] for name in KINDS[field["kind"]]} | dict(learned)
    if field["kind"] == "image":
        return ImageCodec(**options)
    from weft.data.audio.codec import AudioCodec  # it needs nothing here unless a field is a sound

    return AudioCodec(**options)


def tokens(field: Mapping[str, Any], text: Any) -> list[str]:
    """The tokens of a text by its field's options; words in lower case, without white space."""
    if not isinstance(text, str):
        raise ValueError(f"The field {field['column']!r} holds a {type(text).__name__}; expected text")
    if field["level"] == "character":
        return list(text[: field["max_length"]])
    return [token for token in pieces(text.lower(), "word") if not token.isspace()][: field["max_length"]]


def listed(name: str, values: Any) -> list[float]:
    """A sequence of finite numbers."""
    if isinstance(values, str) or not hasattr(values, "__len__"):
        raise ValueError(f"The field {name!r} holds a {type(values).__name__}; expected a sequence of numbers")
    return [number(name, value) for value in values]


def absent(value: Any) -> bool:
    """Whether there is nothing: None or NaN; an empty text is a text."""
    return value is None or (isinstance(value, float) and math.isnan(value))
