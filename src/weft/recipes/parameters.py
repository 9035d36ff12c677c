"""A recipe's parameters: typed by its annotations, given as Python values, as ``key=value`` text, or in a YAML file."""

from __future__ import annotations

import difflib
import inspect
import json
import math
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union

import yaml

from weft._lazy import hint
from weft.catalogue.entries import find

MAX_FILE = 1_000_000  # bytes of a parameter file
MAX_DEPTH = 20
WHOLE = re.compile(r"[+-]?\d[\d_]*")
AUTO = "auto"  # a part that the recipe chooses
NUMBERS = re.compile(r"[-+.\de]+(,[-+.\de]+)+")
YES, NO, NOTHING = ("true", "yes", "on", "1"), ("false", "no", "off", "0"), ("none", "null", "")


class Choice(dict[str, Any]):
    """A part chosen by its catalogue name, with arguments: ``model=gpt model.depth=4`` becomes ``{"name": "gpt", "args": {"depth": 4}}``.

    It is a spec, so ``weft.build(choice, {...})`` makes the part. Annotate a recipe's parameter with ``Choice`` to let callers choose.
    Where the default depends on the data, it is "auto", and the recipe says ``model.settled("gpt")`` once it knows.

    >>> Choice.of("mlp"), Choice.of({"name": "auto", "args": {"depth": 2}}).settled("gpt")
    ({'name': 'mlp', 'args': {}}, {'name': 'gpt', 'args': {'depth': 2}})
    """

    @classmethod
    def of(cls, value: str | Mapping[str, Any]) -> Choice:
        """From a name or a spec; raises ValueError with the nearest names when the catalogue has none of that name."""
        spec: dict[str, Any] = {"name": value} if isinstance(value, str) else dict(value)
        if set(spec) - {"name", "args", "then"} or not isinstance(spec.get("name"), str) or not isinstance(spec.get("args", {}), Mapping):
            raise ValueError(f"a part is chosen by its name, or as {{name: ..., args: {{...}}}}; got {value!r}.")
        if spec["name"] != AUTO:
            find(spec["name"])
        return cls({"name": spec["name"], "args": dict(spec.get("args", {})), **({"then": spec["then"]} if "then" in spec else {})})

    def settled(self, name: str) -> Choice:
        """Itself, or for "auto" the part of that name with the arguments that the caller gave."""
        return Choice.of({**self, "name": name}) if self["name"] == AUTO else self


def declared(function: Callable[..., Any]) -> dict[str, tuple[Any, Any]]:
    """A recipe's own parameters as name -> (type, default); the first parameter, the session, is not one of them.

    Raises TypeError for a function that is no recipe: its first parameter is the session, all others are keywords with a type.
    """
    name = getattr(function, "__name__", str(function))
    shape = f"A recipe is written def {name}(session, *, epochs: int = 10, ...)."
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters or parameters[0].name != "session":
        raise TypeError(f"{name} is no recipe: its first parameter is {parameters[0].name if parameters else 'missing'}, expected session. {shape}")
    hints = typing.get_type_hints(function)
    found = {}
    for parameter in parameters[1:]:
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            raise TypeError(f"{name} takes {parameter}; a recipe names its parameters. {shape}")
        if parameter.name not in hints:
            raise TypeError(f"{name}'s parameter {parameter.name} has no type; annotate it. {shape}")
        found[parameter.name] = (hints[parameter.name], parameter.default)
    return found


def settle(recipe: str, known: Mapping[str, tuple[Any, Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter with its value: what was given, converted to its type, or the default.

    ``known``: name -> (type, default). Dotted keys (``model.width``) are arguments of a chosen part.
    Raises ValueError for an unknown key (with the nearest), a missing one, and a value that does not fit its type.

    >>> settle("digits", {"epochs": (int, 20), "lr": (float, 0.1)}, {"lr": "1e-3"})
    {'epochs': 20, 'lr': 0.001}
    """
    plain, parts = {}, {}
    for key, value in given.items():
        name, dot, rest = key.partition(".")
        if name not in known or (dot and not chooses(known[name][0])):
            near = hint(key, known)
            raise ValueError(f"The recipe {recipe} has no parameter {key!r}. {near}")
        if dot:
            parts.setdefault(name, {})[rest] = loose(value)
        else:
            plain[key] = value
    settled = {}
    for name, (kind, default) in known.items():
        if name not in plain and default is inspect.Parameter.empty:
            raise ValueError(f"The recipe {recipe} needs {name}=... ({spoken(kind)}).")
        value = plain.get(name, default)
        settled[name] = convert(name, value, kind) if name in plain or (chooses(kind) and value is not None) else value
        if name in parts:
            if settled[name] is None:
                raise ValueError(f"{name}.{next(iter(parts[name]))} is an argument of {name}, which was not chosen; give {name}=NAME too.")
            settled[name] = Choice.of({**settled[name], "args": {**settled[name]["args"], **parts[name]}})
    return settled


def chooses(kind: Any) -> bool:
    """Whether a parameter's type is a chosen part, or none."""
    return kind is Choice or Choice in typing.get_args(kind)


def convert(name: str, value: Any, kind: Any) -> Any:
    """``value`` as its type; text is read as the type says. Raises ValueError saying what came and what was expected."""
    try:
        return _convert(value, kind)
    except Mismatch:
        shown = value if isinstance(value, str) else f"{value!r} ({type(value).__name__})"
        close = difflib.get_close_matches(str(value), map(str, typing.get_args(kind)), n=1) if typing.get_origin(kind) is Literal else []
        near = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"{name}={shown}: expected {spoken(kind)}.{near}") from None
    except ValueError as error:
        raise ValueError(f"{name}={value}: {error}") from error


class Mismatch(Exception):
    """A value that is not of the type."""


def _convert(value: Any, kind: Any) -> Any:
    origin, options = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        return _one_of(value, options)
    if origin is Literal:
        for option in options:
            if (value == option and type(value) is type(option)) or str(option) == value:
                return option
        raise Mismatch
    if origin is tuple or kind is tuple:
        return _tuple(value, options)
    if kind is Choice:
        return Choice.of(value)
    if kind is Path and isinstance(value, str | Path) and str(value):
        return Path(value).expanduser()
    if kind in READERS:
        return READERS[kind](value)
    if kind is Any or (kind is dict and isinstance(value, dict)):
        return loose(value)
    raise Mismatch


def _one_of(value: Any, options: Sequence[Any]) -> Any:
    if type(None) in options and (value is None or (isinstance(value, str) and value.lower() in NOTHING)):
        return None
    for option in options:
        if option is not type(None):
            try:
                return _convert(value, option)
            except Mismatch:
                continue
    raise Mismatch


def _tuple(value: Any, options: Sequence[Any]) -> tuple[Any, ...]:
    if isinstance(value, str):
        text = value.strip()
        value = [part.strip() for part in text.strip("[]()").split(",") if part.strip()]
    if not isinstance(value, list | tuple):
        raise Mismatch
    kinds = [options[0]] * len(value) if len(options) == 2 and options[1] is Ellipsis else list(options) or [Any] * len(value)
    if len(kinds) != len(value):
        raise Mismatch
    return tuple(_convert(item, kind) for item, kind in zip(value, kinds, strict=True))


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in YES + NO:
        return value.lower() in YES
    raise Mismatch


def _int(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and WHOLE.fullmatch(value.strip()):
        return int(value)
    number = _float(value)
    if number.is_integer():
        return int(number)
    raise Mismatch


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Mismatch
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise Mismatch from None
    if not math.isfinite(number):
        raise Mismatch
    return number


def _str(value: Any) -> str:
    if not isinstance(value, str):
        raise Mismatch
    return value


READERS: dict[Any, Callable[[Any], Any]] = {bool: _bool, int: _int, float: _float, str: _str}


def loose(value: Any) -> Any:
    """Text without a declared type: JSON when it is JSON, true, false and none as they read, numbers with commas as a list, else the text.

    >>> loose("64"), loose("[1, 2]"), loose("64,32"), loose("none"), loose("gelu")
    (64, [1, 2], [64, 32], None, 'gelu')
    """
    if not isinstance(value, str):
        return value
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    if value.lower() in ("none", "null"):
        return None
    try:
        return json.loads(f"[{value}]" if NUMBERS.fullmatch(value) else value)
    except ValueError:
        return value


def spoken(kind: Any) -> str:
    """A type in words.

    >>> spoken(int | None), spoken(tuple[int, ...])
    ('a whole number or none', 'several of: a whole number, as in a,b,c')
    """
    origin, options = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        return " or ".join("none" if option is type(None) else spoken(option) for option in options)
    if origin is Literal:
        return f"one of {', '.join(map(str, options))}"
    if origin is tuple:
        return (
            f"several of: {spoken(options[0])}, as in a,b,c" if len(options) == 2 and options[1] is Ellipsis else f"{len(options)} values, as in a,b"
        )
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text", Path: "a path", Choice: "a name of the catalogue"}
    return words.get(kind, getattr(kind, "__name__", str(kind)))


def read_arguments(words: Sequence[str]) -> dict[str, Any]:
    """``key=value`` words and ``@file.yaml`` as a mapping; what is said on the line wins over files, later files over earlier ones.

    Raises ValueError for a word of neither form and for a key that is given twice.

    >>> read_arguments(["epochs=3", "model.width=64"])
    {'epochs': '3', 'model.width': '64'}
    """
    files: dict[str, Any] = {}
    said: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if word.startswith("@"):
            files |= read_file(Path(word[1:]))
        elif not equals or not re.fullmatch(r"[A-Za-z_][\w.]*", key):
            raise ValueError(f"{word!r} is not an argument; expected key=value, such as epochs=10, or @params.yaml.")
        elif key in said:
            raise ValueError(f"{key} is given twice: {key}={said[key]} and {word}.")
        else:
            said[key] = value
    return files | said


def read_file(path: Path) -> dict[str, Any]:
    """Parameters of a YAML file: plain values only, at most a megabyte, no references."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no parameter file {str(path)!r}; expected a YAML file with lines such as epochs: 10.")
    if path.stat().st_size > MAX_FILE:
        raise ValueError(f"{str(path)!r} has {path.stat().st_size:,} bytes; a parameter file has at most {MAX_FILE:,}.")
    try:
        text = path.read_text(encoding="utf-8")
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise ValueError(f"{str(path)!r} uses a reference (*{event.anchor}); write the values out.")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise ValueError(f"{str(path)!r} is nested more than {MAX_DEPTH} deep; parameters are flat.")
        value = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{str(path)!r} is not YAML: {' '.join(str(error).split())}") from error
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ValueError(f"{str(path)!r} holds a {type(value).__name__}; expected lines such as epochs: 10.")
    return value


def written(value: Any) -> Any:
    """A parameter as a JSON value that ``convert`` reads back."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple | list):
        return [written(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): written(item) for key, item in value.items()}
    return value
