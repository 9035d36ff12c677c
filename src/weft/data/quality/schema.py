"""Rules that rows of a table must keep: inferred from good data, held against new data, compared between versions."""

from __future__ import annotations

import datetime
import decimal
import hashlib
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from weft._lazy import hint
from weft.data.contracts import Record
from weft.data.quality.columns import interpreted, kind_of
from weft.data.quality.findings import Problem, Problems
from weft.data.views import Subset

TYPES = ("integer", "number", "text", "boolean", "time", "nested", "array")
POLICIES = ("stop", "quarantine", "coerce")
MOST_CLASSES = 50  # values that inference takes for a closed set
MAX_PATTERN = 300
YES, NO = ("true", "yes", "1"), ("false", "no", "0")


@dataclass(frozen=True)
class Field:
    """The rules of one column: type, whether it may be missing, range, closed set, pattern, uniqueness, shape of arrays.

    ``type`` is integer, number, text, boolean, time, nested or array. ``low``, ``high`` bound numbers, times (ISO text) and the lengths of
    texts; ``pattern`` is matched against the whole text, in linear time (RE2 through pyarrow, extra ``table``); ``shape`` has None where any
    size will do. Raises ValueError for an unknown type and for a pattern that is malformed, too long, or not on text.

    >>> Field("integer", low=0, high=120).faults(130)
    ['130 is above 120']
    """

    type: str
    required: bool = True
    low: float | str | None = None
    high: float | str | None = None
    values: tuple[Any, ...] | None = None
    pattern: str | None = None
    unique: bool = False
    shape: tuple[int | None, ...] | None = None

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            raise ValueError(f"A field is of type {self.type!r}; expected one of {', '.join(TYPES)}")
        if self.pattern is not None:
            if self.type != "text":
                raise ValueError(f"A pattern is for text; this field is of type {self.type}")
            fitting(self.pattern, [""])

    def faults(self, value: Any) -> list[str]:
        """What is wrong with a value; pattern and uniqueness are checked over whole columns instead."""
        if type_of(value) == "missing":
            return ["is missing"] if self.required else []
        found = type_of(value)
        if found != self.type and not (self.type == "number" and found == "integer"):
            return [f"{shown(value)} is {found}; expected {self.type}"]
        if self.values is not None and value not in self.values:
            words = [str(known) for known in self.values]
            return [f"{shown(value)} is none of the {len(words)} known values. {hint(str(value), words)}"]
        measure: Any = len(value) if self.type == "text" else value.isoformat() if self.type == "time" else value
        wrong = []
        if self.type not in ("nested", "array", "boolean"):
            what = f"the length {measure}" if self.type == "text" else shown(value)
            wrong += [f"{what} is below {self.low}"] if self.low is not None and measure < self.low else []
            wrong += [f"{what} is above {self.high}"] if self.high is not None and measure > self.high else []
        if self.type == "array" and self.shape is not None:
            sizes = tuple(value.shape)
            if len(sizes) != len(self.shape) or any(want is not None and want != size for want, size in zip(self.shape, sizes, strict=True)):
                wrong.append(f"has the shape {sizes}; expected {self.shape}")
        return wrong

    def coerced(self, value: Any) -> Any:
        """The value as the field wants it where that is meant without doubt: "12" as 12, 3.0 as 3, 7 as "7", "yes" as True, blanks stripped.

        What cannot be meant stays as it is, and is then a fault.
        """
        plain = value.strip() if isinstance(value, str) else value
        if isinstance(plain, str) and self.type != "text":
            plain = interpreted(plain)
        kind = type_of(plain)
        if self.type == "boolean" and str(plain).lower() in YES + NO and kind != "boolean":
            return str(plain).lower() in YES
        if self.type == "integer" and kind == "number" and float(plain).is_integer():
            return int(plain)
        if self.type == "text" and kind in ("integer", "number", "boolean"):
            return str(plain)
        if self.type == "time" and isinstance(plain, str):
            try:
                return datetime.datetime.fromisoformat(plain)
            except ValueError:
                return value
        fits = kind in (self.type, "missing") or (self.type == "number" and kind == "integer")
        return plain if fits else value


@dataclass(frozen=True)
class Checked:
    """What came of holding records against a schema: the good ones, the numbers of the bad ones, and all problems."""

    good: Any
    bad: tuple[int, ...]
    problems: Problems

    def __str__(self) -> str:
        head = f"{len(self.good):,} records keep the rules, {len(self.bad):,} do not"
        return "\n".join([head, *(f"  {problem}" for problem in list(self.problems)[:20])])


@dataclass(frozen=True)
class Schema:
    """Rules by column: ``Schema({"age": Field("integer", low=0)})``, or ``Schema.infer(records)``.

    ``closed`` makes a column that has no rules a fault of its row. Saved as plain data: ``to_json`` and ``from_json``.

    Use at every door where data comes in; instead of it, ``inspect`` for data that nobody knows yet. Cost: some microseconds a cell.

    >>> schema = Schema.infer([{"age": 20, "city": "Rome"}, {"age": 50, "city": "Oslo"}])
    >>> checked = schema.check([{"age": 30, "city": "Rome"}, {"age": "old", "city": None}], policy="quarantine")
    >>> len(checked.good), [str(problem) for problem in checked.problems]
    (1, ["row 2, column 'age': 'old' is text; expected integer", "row 2, column 'city': is missing"])
    """

    fields: Mapping[str, Field] = field(default_factory=dict)
    closed: bool = False

    @classmethod
    def infer(cls, records: Iterable[Record], *, classes: int = MOST_CLASSES) -> Schema:
        """The narrowest rules that these records keep: types, ranges of numbers, lengths of texts, sets of at most ``classes`` repeated values.

        A column is unique when no value repeats among 20 or more that are whole numbers or texts. Raises ValueError for no records.
        """
        columns: dict[str, list[Any]] = defaultdict(list)
        count = 0
        for count, record in enumerate(records, 1):
            for name, value in record.items():
                columns[name] += [None] * (count - 1 - len(columns[name])) + [value]
        if not count:
            raise ValueError("A schema cannot be inferred from no records")
        return cls({name: inferred(values + [None] * (count - len(values)), classes) for name, values in columns.items()})

    def check(self, records: Any, *, policy: str = "stop", rows: Iterable[int] | None = None, file: str = "") -> Checked:
        """Hold records (a source or a list) against the rules.

        ``stop`` raises ValueError with the first problems; ``quarantine`` keeps the good records and reports the others; ``coerce`` first
        turns what can be turned without doubt (see ``Field.coerced``; the good records are then a list of new ones), then goes on as quarantine.
        ``rows`` are the numbers that problems name (default from 1), ``file`` their file. Uniqueness blames the later of two equal values.
        """
        if policy not in POLICIES:
            raise ValueError(f"policy={policy!r}; expected one of {', '.join(POLICIES)}")
        numbers = list(rows) if rows is not None else range(1, len(records) + 1)
        problems, bad, kept = Problems(), [], []
        state = Uniqueness()
        patterns = {name: each for name, each in self.fields.items() if each.pattern is not None}
        texts: dict[str, list[tuple[int, str]]] = {name: [] for name in patterns}
        for i in range(len(records)):
            record = records[i]
            if policy == "coerce":
                record = {name: self.fields[name].coerced(value) if name in self.fields else value for name, value in record.items()}
                kept.append(record)
            wrong = list(self._faults(record, state))
            for name in patterns:
                if isinstance(record.get(name), str):
                    texts[name].append((i, record[name]))
            problems.add(*(Problem("rule", what, file, numbers[i], name, "error") for name, what in wrong))
            bad += [i] if wrong else []
        for name, pairs in texts.items():
            pattern = str(self.fields[name].pattern)
            for (i, text), fits in zip(pairs, fitting(pattern, [text for _, text in pairs]), strict=True):
                if not fits:
                    problems.add(Problem("rule", f"{shown(text)} does not match {pattern!r}", file, numbers[i], name, "error"))
                    bad.append(i)
        bad = sorted(set(bad))
        if bad and policy == "stop":
            shown_problems = "\n".join(f"  {problem}" for problem in list(problems)[:5])
            raise ValueError(
                f"{len(bad):,} of {len(records):,} records break the rules:\n{shown_problems}\nMend them, or pass policy='quarantine' or 'coerce'"
            )
        out = set(bad)
        keeping = [i for i in range(len(records)) if i not in out]
        return Checked([kept[i] for i in keeping] if policy == "coerce" else Subset(records, keeping), tuple(bad), problems)

    def _faults(self, record: Record, state: Uniqueness) -> Iterable[tuple[str, str]]:
        for name, rules in self.fields.items():
            if name not in record and rules.required:
                yield name, f"is not there. {hint(name, map(str, record))}"
                continue
            value = record.get(name)
            yield from ((name, what) for what in rules.faults(value))
            if rules.unique and value is not None and state.again(name, value):
                yield name, f"{shown(value)} stands in an earlier row too; expected each value once"
        if self.closed:
            yield from ((str(name), f"is a column without rules. {hint(str(name), self.fields)}") for name in record if name not in self.fields)

    def drift(self, other: Schema) -> list[Problem]:
        """What changed from this schema to another: columns that came and went, types, ranges, classes; wider rules are notes, others warnings.

        >>> old, new = Schema({"age": Field("integer", high=90)}), Schema({"age": Field("number", high=95), "name": Field("text")})
        >>> [str(problem) for problem in old.drift(new)]
        ["column 'age': the type changed from integer to number", "column 'age': high changed from 90 to 95", "column 'name': is new"]
        """
        found = []
        for name in self.fields.keys() - other.fields.keys():
            found.append(Problem("schema drift", "is gone", column=name, severity="error"))
        for name, new in other.fields.items():
            old = self.fields.get(name)
            if old is None:
                found.append(Problem("schema drift", "is new", column=name, severity="note"))
                continue
            if old.type != new.type:
                found.append(Problem("schema drift", f"the type changed from {old.type} to {new.type}", column=name, severity="error"))
            for rule in ("required", "low", "high", "pattern", "unique", "shape"):
                a, b = getattr(old, rule), getattr(new, rule)
                if a != b:
                    found.append(Problem("schema drift", f"{rule} changed from {a} to {b}", column=name))
            came, went = set(new.values or ()) - set(old.values or ()), set(old.values or ()) - set(new.values or ())
            if old.values is not None and new.values is not None and (came or went):
                words = [f"{word} {', '.join(sorted(map(repr, some))[:10])}" for word, some in (("new values", came), ("gone values", went)) if some]
                found.append(Problem("schema drift", "; ".join(words), column=name))
            elif (old.values is None) != (new.values is None):
                found.append(Problem("schema drift", f"the values are {'open' if new.values is None else 'a closed set'} now", column=name))
        return found

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        plain = {name: asdict(each) for name, each in self.fields.items()}
        fields = {name: {key: value for key, value in rules.items() if value is not None} for name, rules in plain.items()}
        return {"format": 1, "closed": self.closed, "fields": fields}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Schema:
        """A schema from plain data; raises ValueError for a rule that does not exist."""
        fields = {}
        for name, rules in data["fields"].items():
            strange = set(rules) - set(Field.__dataclass_fields__)
            if strange:
                raise ValueError(f"The column {name!r} has the unknown rule {min(strange)!r}. {hint(min(strange), Field.__dataclass_fields__)}")
            lists = {key: tuple(rules[key]) for key in ("values", "shape") if rules.get(key) is not None}
            fields[name] = Field(**{**rules, **lists})
        return cls(fields, bool(data.get("closed", False)))


class Uniqueness:
    """Which values a column has had, as 8 bytes each."""

    def __init__(self) -> None:
        self.seen: dict[str, set[bytes]] = defaultdict(set)

    def again(self, name: str, value: Any) -> bool:
        """Whether the column has had this value; from now on it has."""
        digest = hashlib.blake2b(repr(value).encode("utf-8", "surrogatepass"), digest_size=8).digest()
        before = digest in self.seen[name]
        self.seen[name].add(digest)
        return before


def type_of(value: Any) -> str:
    """integer, number, text, boolean, time, array, nested, missing (also NaN) or other."""
    if isinstance(value, (float, decimal.Decimal, np.floating)):
        return "missing" if math.isnan(value) else "number"
    if isinstance(value, (bool, np.bool_)):
        return "boolean"
    if isinstance(value, (int, np.integer)):
        return "integer"
    if isinstance(value, str):
        return "text"
    if isinstance(value, datetime.date):
        return "time"
    return "array" if hasattr(value, "shape") else kind_of(value)


def inferred(values: list[Any], classes: int) -> Field:
    """The narrowest field that accepts all of a column's values."""
    kinds = Counter(type_of(value) for value in values)
    required = not kinds.pop("missing", 0)
    if set(kinds) == {"integer", "number"}:
        kinds = Counter({"number": 1})
    if len(kinds) != 1 or next(iter(kinds)) not in TYPES:
        found = ", ".join(sorted(kinds)) or "no value at all"
        raise ValueError(f"A column holds {found}; a schema needs one type. Mend the column or give its Field by hand")
    (kind,) = kinds
    present = [value for value in values if type_of(value) != "missing"]
    made = Field(kind, required)
    if kind in ("nested", "boolean"):
        return made
    if kind == "array":
        shapes = {tuple(value.shape) for value in present}
        if len({len(shape) for shape in shapes}) > 1:
            return made
        return replace(made, shape=tuple(sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*shapes, strict=True)))
    measures = [len(value) for value in present] if kind == "text" else [value.isoformat() for value in present] if kind == "time" else present
    counts = Counter(present)
    if kind == "text" and len(counts) <= min(classes, len(present) / 2):
        return replace(made, values=tuple(sorted(counts)))
    unique = kind in ("text", "integer") and len(counts) == len(present) >= 20
    return replace(made, low=min(measures), high=max(measures), unique=unique)


def fitting(pattern: str, texts: list[str]) -> list[bool]:
    """Whether each text as a whole matches a user's pattern, in time linear in its length (RE2, through pyarrow)."""
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"The pattern has {len(pattern)} characters; at most {MAX_PATTERN} are allowed")
    try:
        import pyarrow
        import pyarrow.compute
    except ImportError:
        raise ValueError("Patterns are matched by pyarrow, which bounds their time: pip install 'weft[table]'") from None
    clean = [re.sub("[\ud800-\udfff]", "\ufffd", text) for text in texts]
    try:
        compute: Any = pyarrow.compute  # its functions are made when it is imported
        return compute.match_substring_regex(pyarrow.array(clean, pyarrow.string()), rf"\A(?:{pattern})\z").to_pylist()
    except pyarrow.ArrowInvalid as error:
        raise ValueError(f"{pattern!r} is no pattern that can be matched in bounded time: {error}") from None


def shown(value: Any) -> str:
    """A value in at most 60 letters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
