"""Texts with labels to padded token numbers and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from weft.data.arrays import stack
from weft.data.contracts import Batch, Record, Source
from weft.data.labels import classes_of, decode_classes, decode_labels, target_of, targets_of
from weft.data.text.encoder import kept
from weft.data.text.tokenizer import Tokenizer, pad_id, plain
from weft.data.vocabulary import PAD, SPECIAL, UNKNOWN, check_level, check_vocabulary, pieces, vocabulary_of


@dataclass(frozen=True)
class TextCodec:
    """A text as token numbers for classification.

    ``record[text]`` becomes ``input`` (T,) int64 and ``attend`` (T,), True at every token; ``record[label]`` becomes ``target``. A batch is padded
    at the end to its longest text, with number 0 and ``attend`` False, so a network may also use ``input != 0``. Number 1 stands for tokens
    that training did not have; an empty text is one such token. Words are compared in lower case, without white space; what lies beyond
    ``max_length`` tokens is cut off. ``fit`` learns the classes and the ``size`` most frequent tokens seen at least ``min_count`` times.
    With a ``tokenizer`` (``BPE``, ``WordPiece`` …) the text is cut by it instead, and ``fit`` fits it unless it is fitted; a record's ``tokens``,
    such as ``SampleTokens`` makes, are then taken as they are.
    ``pair`` names a second text (a hypothesis, an answer): the tokens are then first, ``separator``, second, with ``segment`` (T,) 0 up to the
    separator and 1 after it, and the longer text is cut first. With ``several`` a record's label is a list, ``target`` a float32 row (C,) with
    1 at each (for a binary cross entropy), and a prediction holds all ``labels`` of probability 0.5 or more.
    Raises ValueError for a record without text, a class not seen in training, a tokenizer whose padding is not number 0 or that lacks the
    separator.

    Use when a short text or a pair has labels; instead of it, ``TokenCodec`` for language models. Cost: linear in the text.

    >>> rows = [{"text": "Good film", "label": "yes"}, {"text": "bad film!", "label": "no"}]
    >>> codec = TextCodec().fit(rows)
    >>> batch = codec.collate([codec.encode(row) for row in rows])
    >>> batch["input"].tolist(), batch["attend"].sum(1).tolist(), codec.classes
    ([[5, 2, 0], [4, 2, 3]], [2, 3], ('no', 'yes'))
    """

    level: str = "word"
    max_length: int = 256
    size: int = 20_000
    min_count: int = 1
    text: str = "text"
    label: str = "label"
    vocabulary: Sequence[str] | None = None
    classes: Sequence[str] | None = None
    tokenizer: Tokenizer | None = None
    pair: str | None = None
    separator: str = "<sep>"
    several: bool = False

    def __post_init__(self) -> None:
        check_level(self.level)
        if self.max_length < 1:
            raise ValueError(f"max_length={self.max_length}; expected at least 1")
        for name in ("vocabulary", "classes"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else tuple(value))
        if self.vocabulary is not None:
            check_vocabulary(self.vocabulary)
        fitted = self.vocabulary if self.tokenizer is None else self.tokenizer.vocabulary if self.tokenizer.num_tokens else None
        if self.pair is not None and fitted is not None and self.separator not in fitted:
            near = "" if self.tokenizer is None else f", such as one of {', '.join(self.tokenizer.specials)}"
            raise ValueError(f"There is no token {self.separator!r} to stand between two texts; give separator={near} or fit anew with it")
        if self.tokenizer is not None and self.tokenizer.num_tokens and pad_id(self.tokenizer) != PAD:
            raise ValueError(
                f"TextCodec pads with number 0, and the tokenizer has its padding {self.tokenizer.specials[0]!r} at {pad_id(self.tokenizer)}."
                " Take one whose first token is padding"
            )

    @property
    def num_tokens(self) -> int:
        return len(self.vocabulary or ()) if self.tokenizer is None else self.tokenizer.num_tokens

    @property
    def num_classes(self) -> int:
        return len(self.classes or ())

    @cached_property
    def _numbers(self) -> dict[str, int]:
        if self.vocabulary is None:
            raise ValueError("This TextCodec has not been fitted; call codec = codec.fit(training_records)")
        return {token: number for number, token in enumerate(self.vocabulary)}

    def fit(self, source: Source) -> TextCodec:
        """Learn vocabulary and classes from training data."""
        records = [source[i] for i in range(len(source))]
        tokenizer, vocabulary = self.tokenizer, None
        if tokenizer is None:
            specials = SPECIAL if self.pair is None else (*SPECIAL, self.separator)
            seen = (t for record in records for text in self._texts(record) for t in self._tokens(text))
            vocabulary = self.vocabulary or vocabulary_of(seen, self.size, self.min_count, specials)
        elif not tokenizer.num_tokens:
            tokenizer = tokenizer.fit(text for record in records for text in self._texts(record))
        labels = [record[self.label] for record in records if record.get(self.label) is not None]
        if self.several:
            labels = [label for group in labels for label in ([group] if isinstance(group, str) else group)]
        classes = self.classes or (classes_of(labels) if labels else None)
        return dataclasses.replace(self, vocabulary=vocabulary, classes=classes, tokenizer=tokenizer)

    def _texts(self, record: Record) -> list[str]:
        names = [self.text] if self.pair is None else [self.text, self.pair]
        for name in names:
            if not isinstance(record.get(name), str):
                kind = type(record.get(name)).__name__
                raise ValueError(f"A text record needs text under {name!r}; got {kind} among the keys {sorted(record)}")
        return [record[name] for name in names]

    def _tokens(self, text: str) -> list[str]:
        if self.level == "character":
            return list(text[: self.max_length])
        return [token for token in pieces(text.lower(), "word") if not token.isspace()][: self.max_length]

    def encode(self, record: Record) -> dict[str, Tensor]:
        if self.tokenizer is None:
            parts = [[self._numbers.get(token, UNKNOWN) for token in self._tokens(text)] or [UNKNOWN] for text in self._texts(record)]
        elif self.pair is None and record.get("tokens"):
            parts = [list(record["tokens"])]
        else:
            parts = [self.tokenizer.encode(text) or [UNKNOWN] for text in self._texts(record)]
        sizes = kept([len(part) for part in parts], self.max_length - (len(parts) - 1))
        first, *second = [part[:size] for part, size in zip(parts, sizes, strict=True)]
        numbers = first if not second else [*first, self._separator, *second[0]]
        encoded = {"input": torch.tensor(numbers), "attend": torch.ones(len(numbers), dtype=torch.bool)}
        if second:
            encoded["segment"] = (torch.arange(len(numbers)) > len(first)).long()
        if self.classes is not None and record.get(self.label) is not None:
            encoded["target"] = (targets_of if self.several else target_of)(record[self.label], self.classes)
        return encoded

    @cached_property
    def _separator(self) -> int:
        """The number of the token between two texts."""
        return self._numbers[self.separator] if self.tokenizer is None else (self.tokenizer.vocabulary or ()).index(self.separator)

    def collate(self, encoded: list[dict[str, Tensor]]) -> Batch:
        return collate_text(encoded)

    def decode(self, prediction: dict[str, Tensor]) -> list[Record]:
        """``{"label", "score", "scores"}`` of logits (B, C); ``{"labels", "scores"}`` where there are several."""
        if self.classes is None:
            raise ValueError("This codec knows no classes; fit it on labelled texts or pass classes=")
        return (decode_labels if self.several else decode_classes)(prediction, self.classes)

    def schema(self) -> dict[str, Any]:
        names = [self.text] if self.pair is None else [self.text, self.pair]
        return {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": names}

    def spec(self) -> dict[str, Any]:
        return {"name": "text_codec", "args": plain_fields(self)}


def plain_fields(codec: Any) -> dict[str, Any]:
    """The fields of a codec as JSON values; its tokenizer as its own spec, left out where there is none."""
    values = {field.name: getattr(codec, field.name) for field in dataclasses.fields(codec)}
    tokenizer = values.pop("tokenizer")
    args = {name: plain(value) for name, value in values.items()}
    return args if tokenizer is None else args | {"tokenizer": tokenizer.spec()}


def collate_text(encoded: list[dict[str, Tensor]]) -> Batch:
    """Pad ``input`` and ``segment`` with 0 and ``attend`` with False to the longest of the batch; stack the rest."""
    batch = stack([{key: value for key, value in e.items() if key not in ("input", "attend", "segment")} for e in encoded])
    if "segment" in encoded[0]:
        batch["segment"] = pad_sequence([e["segment"] for e in encoded], batch_first=True, padding_value=0)
    batch["input"] = pad_sequence([e["input"] for e in encoded], batch_first=True, padding_value=PAD)
    batch["attend"] = pad_sequence([e["attend"] for e in encoded], batch_first=True, padding_value=False)
    return batch
