"""From the body of a request to records: what came is compared with the codec's schema before anything is decoded."""

from __future__ import annotations

import base64
import binascii
import io
import json
import math
import warnings
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from weft._lazy import hint
from weft.serve.limits import Limits, Refused

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def file_fields(schema: Mapping[str, Any]) -> list[str]:
    """The fields of a record that hold a file: base64 in JSON, the bytes themselves in an upload."""
    return [name for name, says in schema.get("properties", {}).items() if says.get("contentEncoding") == "base64"]


def from_json(body: bytes, schema: Mapping[str, Any], limits: Limits) -> list[dict[str, Any]]:
    """One record, a list of records or ``{"records": [...]}`` as checked records with files decoded to bytes.

    Raises ``Refused``: 400 for what is no JSON, 413 for too many records, 422 for a record that is not as the schema says.
    """
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise Refused(400, f"The body is not UTF-8 text (byte {error.start}).") from error
    except RecursionError as error:
        raise Refused(400, "The body is nested too deep.") from error
    except ValueError as error:
        raise Refused(400, f"The body is not JSON: {error}. Send a record such as {json.dumps(example(schema))}, or a list of them.") from error
    if isinstance(value, dict) and set(value) == {"records"} and "records" not in schema.get("properties", {}):
        value = value["records"]
    records = value if isinstance(value, list) else [value]
    _count(records, limits)
    return [_checked(record, index, schema, limits) for index, record in enumerate(records)]


def from_files(files: Iterable[tuple[str, bytes]], schema: Mapping[str, Any], limits: Limits) -> list[dict[str, Any]]:
    """One record for each uploaded file, each under the record's only file field."""
    names = file_fields(schema)
    if len(names) != 1 or set(schema.get("required", names)) - set(names):
        raise Refused(415, f"This model takes no uploaded file alone. Send JSON such as {json.dumps(example(schema))}.")
    files = list(files)
    _count(files, limits)
    for field, _ in files:
        if field != names[0]:
            raise Refused(422, f"The upload has a part named {field!r}; expected {names[0]!r}, once for each file.")
    said = schema["properties"][names[0]]
    return [{names[0]: _checked_file(data, f"Record {index}: {names[0]}", said, limits)} for index, (_, data) in enumerate(files)]


def example(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A record of the right form, for messages, the page and the documentation."""
    if schema.get("examples"):
        return dict(schema["examples"][0])
    made = {}
    for name, says in schema.get("properties", {}).items():
        kinds = says.get("type", "array")
        kind = kinds if isinstance(kinds, str) else kinds[0]
        plain = {"string": "<base64>" if says.get("contentEncoding") else "text", "number": 1.5, "integer": 1, "boolean": True, "array": [1.5, 2.0]}
        made[name] = (says.get("examples") or says.get("enum") or [says.get("default", plain.get(kind))])[0]
    return made


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _count(records: list[Any], limits: Limits) -> None:
    if not records:
        raise Refused(422, "The request holds no record; expected at least one.")
    if len(records) > limits.records:
        raise Refused(413, f"The request holds {len(records)} records; at most {limits.records} are taken at once. Send several requests.")


def _checked(record: Any, index: int, schema: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """A record's fields of the schema, each of its type; further ones are refused, or passed over where the schema allows them."""
    where, known = f"Record {index}", schema.get("properties", {})
    if not isinstance(record, dict):
        raise Refused(422, f"{where} is {_kind(record)}; expected an object such as {json.dumps(example(schema))}.")
    for name in record:
        if name not in known and not schema.get("additionalProperties", False):
            raise Refused(422, f"{where}: unknown field {name[:80]!r}. {hint(name, known)[:500]}")
    missing = [name for name in schema.get("required", ()) if name not in record]
    if missing:
        further = [name for name in record if name not in known]
        near = f" {hint(missing[0], further)[:500]}" if get_close_matches(missing[0], further) else ""
        raise Refused(422, f"{where} lacks {', '.join(map(repr, missing))}.{near}")
    taken = {name: value for name, value in record.items() if name in known} if known else record
    return {name: _checked_value(value, f"{where}: {name}", known.get(name, {}), limits) for name, value in taken.items()}


def _checked_value(value: Any, where: str, says: Mapping[str, Any], limits: Limits) -> Any:
    if says.get("contentEncoding") == "base64" and isinstance(value, str):
        text = value.partition(",")[2] if value.startswith("data:") else value
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Refused(422, f"{where} is not base64. Send the file's bytes as base64 text; a path or URL is never read.") from error
        return _checked_file(data, where, says, limits)
    kinds = says.get("type", ())
    kinds = (kinds,) if isinstance(kinds, str) else tuple(kinds)
    if kinds and not any(_is(value, kind) for kind in kinds):
        raise Refused(422, f"{where} is {_kind(value)}; expected {' or '.join(kinds)}.")
    if isinstance(value, str) and not _is_text(value):
        raise Refused(422, f"{where} holds half a character (a lone surrogate), which no text has.")
    longest = min(limits.characters, says.get("maxLength", limits.characters))
    if isinstance(value, str) and len(value) > longest:
        raise Refused(413, f"{where} has {len(value):,} characters; at most {longest:,} are taken.")
    if says.get("enum") and value not in says["enum"]:
        meant = hint(str(value)[:80], map(str, says["enum"]))[:500]
        raise Refused(422, f"{where} is {str(value)[:80]!r}, which is none of its {len(says['enum'])} values. {meant}")
    if isinstance(value, int | float) and not isinstance(value, bool):
        if (isinstance(value, int) and value.bit_length() > 64) or not math.isfinite(value):
            raise Refused(422, f"{where} is too large a number.")
        low, high = says.get("minimum", value), says.get("maximum", value)
        if not low <= value <= high:
            raise Refused(422, f"{where} is {value}; expected {low} to {high}.")
    return value


def _checked_file(data: bytes, where: str, says: Mapping[str, Any], limits: Limits) -> bytes:
    """Bytes of a file; a picture's size is read from its header, before its pixels are."""
    if not data:
        raise Refused(422, f"{where} is empty.")
    if not says.get("contentMediaType", "").startswith("image/"):
        return data
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our limit below is an error, not a warning
            with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                width, height = picture.size
    except Image.DecompressionBombError as error:
        raise Refused(413, f"{where} has far more pixels than the {limits.pixels:,} that are taken.") from error
    except Exception as error:  # broken files raise almost anything in Pillow's parsers
        raise Refused(422, f"{where} is not a readable picture; expected one of {', '.join(FORMATS)}.") from error
    if width * height > limits.pixels:
        raise Refused(413, f"{where} has {width} x {height} pixels; at most {limits.pixels:,} are taken. Scale it down.")
    return data


def _is(value: Any, kind: str) -> bool:
    """Whether a JSON value is of a JSON type; true and false are no numbers, 2.0 is an integer."""
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, TYPES.get(kind, (object,)))


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind(value: Any) -> str:
    return next((f"of type {kind}" for kind in TYPES if _is(value, kind)), type(value).__name__)
