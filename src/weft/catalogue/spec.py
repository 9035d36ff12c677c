"""How anything is written down and made again.

A spec is JSON: ``{"name": ..., "args": {...}, "then": [surgery specs]}`` for what a shelf's table holds, or
``{"own": "module:Class", "args": {...}, "source_sha256": ...}`` for a user's class, which is made again only from the class that the
caller passes. No name that stands in a file is ever imported.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import hashlib
import inspect
import json
import math
import sys
import typing
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from weft._lazy import hint
from weft.catalogue.entries import Entry, entries, find

Spec = dict[str, Any]
BOUND = {"loss", "recipe"}  # entries that are functions of tensors: building one binds its options, it does not call it
MAX_DEPTH = 32  # of specs inside specs; a file may come from a stranger


def build(spec: str | Mapping[str, Any], args: Mapping[str, Any] | None = None, own: Mapping[str, type] | None = None) -> Any:
    """Make what a spec says; the result carries the spec, see `spec_of`.

    Args:
        spec: a catalogue name (``"resnet18"``, or ``"metric/dice"`` where kinds share a name) or a spec.
        args: further arguments; they win over those in the spec.
        own: the classes that a spec's ``own`` may mean, ``{"module:Class": Class}``.

    Raises:
        ValueError: an unknown name, an own class that was not passed, a malformed spec.
        TypeError: wrong arguments, with those that are accepted.

    >>> import weft
    >>> build({"name": "cross_entropy", "args": {}}).__name__
    'cross_entropy'
    """
    spec = {"name": spec} if isinstance(spec, str) else dict(spec)
    spec["args"] = {**spec.get("args", {}), **(args or {})}
    return _build(spec, dict(own or {}), 0)


def own(cls: type, args: Mapping[str, Any] | None = None) -> Any:
    """An instance of your own class that remembers how it was made, so that runs and bundles can write it down.

    Opening such a run or bundle needs the class again: ``own={"module:Class": Class}``. A changed source is said.

    >>> import torch
    >>> spec_of(own(torch.nn.Linear, {"in_features": 2, "out_features": 1}))["own"]
    'torch.nn.modules.linear:Linear'
    """
    spec = {"own": own_name(cls), "args": dict(args or {}), "source_sha256": source_sha256(cls)}
    return _build(spec, {own_name(cls): cls}, 0)


def apply(name: str, module: Any, args: Mapping[str, Any] | None = None) -> Any:
    """Apply a surgery from the catalogue to a module and add it to the module's spec.

    Raises:
        ValueError: the name is no surgery's.
        TypeError: wrong arguments, with those that are accepted.

    >>> import torch, weft
    >>> frozen = apply("freeze", own(torch.nn.Linear, {"in_features": 2, "out_features": 1}))
    >>> spec_of(frozen)["then"]
    [{'name': 'freeze', 'args': {}}]
    """
    return _operate(module, {"name": name, "args": dict(args or {})}, {}, 0)


def spec_of(thing: Any) -> Spec:
    """How a thing was made, as a JSON value; `build` makes it again.

    A value of one of the catalogue's dataclasses (a transform, a plan) says it by its fields, whoever made it.

    Raises:
        TypeError: it was not made by `build`, `own` or from a name in the catalogue.

    >>> from weft.losses import cross_entropy
    >>> spec_of(cross_entropy)
    {'name': 'cross_entropy', 'args': {}}
    """
    noted = getattr(thing, "_weft_spec", None)
    if noted is not None:
        return json.loads(json.dumps(noted))
    if callable(getattr(thing, "spec", None)) and not isinstance(thing, type):
        return thing.spec()
    if inspect.isfunction(thing):
        for entry in entries():
            if entry.path == f"{thing.__module__}:{thing.__qualname__}":
                return {"name": _shortest(entry), "args": {}}
    listed = _listed(thing)
    if listed is not None:
        where = listed.name
        return {
            "name": _shortest(listed),
            "args": {item.name: _plain(getattr(thing, item.name), f"{where}.{item.name}") for item in dataclasses.fields(thing) if item.init},  # type: ignore[arg-type]
        }
    kind = type(thing).__name__
    remedy = f"Make it with weft.build(name, args), or with weft.own({kind}, args) if the class is yours."
    raise TypeError(f"This {kind} does not say how it was made. {remedy}")


def own_name(cls: type) -> str:
    """The name under which a user's class is written down, ``module:Class``; a script's is its file's.

    >>> own_name(dict)
    'builtins:dict'
    """
    module = cls.__module__
    if module == "__main__":
        module = Path(getattr(sys.modules["__main__"], "__file__", None) or "__main__").stem
    return f"{module}:{cls.__qualname__}"


def source_sha256(cls: type) -> str | None:
    """The fingerprint of a class's source text, or None where Python has none (an interactive session).

    >>> source_sha256(dict) is None
    True
    """
    try:
        return hashlib.sha256(inspect.getsource(cls).encode()).hexdigest()
    except (OSError, TypeError):
        return None


def _build(spec: Mapping[str, Any], own: dict[str, type], depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ValueError(f"Specs are nested more than {MAX_DEPTH} deep.")
    _check_form(spec)
    args, then = spec.get("args", {}), spec.get("then", [])
    if "own" in spec:
        make, label = _own_class(spec, own), spec["own"]
        head = {"own": label, "source_sha256": source_sha256(make)}
        kind = "own"
    else:
        entry = find(spec["name"])
        make, label, kind = entry.load(), entry.name, entry.kind
        head = {"name": _shortest(entry)}
    binds = kind in BOUND and not isinstance(make, type)
    given = _arguments(make, label, args, own, depth, binds=binds)
    if binds:
        made = functools.partial(make, **given) if given else make
    else:
        made = make(**given)
    _note(made, {**head, "args": {name: _plain(value, f"{label}.{name}") for name, value in args.items()}})
    for surgery in then:
        made = _operate(made, surgery, own, depth + 1)
    return made


def _operate(module: Any, spec: Mapping[str, Any], own: dict[str, type], depth: int) -> Any:
    _check_form(spec)
    if "own" in spec:
        raise ValueError(f"{spec['own']!r} cannot follow as a surgery; only surgeries of the catalogue can.")
    entry = find(spec["name"], "surgery")
    operate = entry.load()
    args = spec.get("args", {})
    given = _arguments(operate, entry.name, args, own, depth, skip=1)
    before = getattr(module, "_weft_spec", None)
    result = operate(module, **given)
    if before is not None:
        step = {"name": entry.name, "args": {name: _plain(value, f"{entry.name}.{name}") for name, value in args.items()}}
        _note(result, {**before, "then": [*before.get("then", []), step]})
    return result


def _check_form(spec: Mapping[str, Any]) -> None:
    allowed = {"own", "args", "then", "source_sha256"} if "own" in spec else {"name", "args", "then"}
    form = '{"name": ..., "args": {...}, "then": [...]} or {"own": "module:Class", "args": {...}}'
    if not ({"name", "own"} & set(spec)) or set(spec) - allowed:
        raise ValueError(f"A spec is {form}; this one has the keys {', '.join(map(repr, spec)) or 'none'}.")
    name = spec.get("own", spec.get("name"))
    if not isinstance(name, str) or not isinstance(spec.get("args", {}), Mapping) or not isinstance(spec.get("then", []), list):
        raise ValueError(f"A spec is {form}, with a text, a mapping and a list; this one is for {name!r}.")


def _own_class(spec: Mapping[str, Any], own: Mapping[str, type]) -> type:
    name = spec["own"]
    if name not in own:
        short = name.rpartition(":")[2]
        known = f" {hint(name, own)}" if own else ""
        remedy = f"Import it and pass own={{{name!r}: {short}}} (on the command line: --own FILE.py); nothing is imported by a name read from a file."
        raise ValueError(f"This needs your own class {name!r}. {remedy}{known}")
    cls = own[name]
    noted, now = spec.get("source_sha256"), source_sha256(cls)
    if noted and now and noted != now:
        text = f"The source of {name!r} has changed since this was written down; weights may not fit or may mean something else."
        warnings.warn(text, stacklevel=4)
    return cls


def _arguments(
    make: Callable[..., Any], label: str, args: Mapping[str, Any], own: dict[str, type], depth: int, *, skip: int = 0, binds: bool = False
) -> dict[str, Any]:
    """The arguments as the callee wants them: names checked, nested specs built, settings made from mappings."""
    parameters = dict(list(inspect.signature(make).parameters.items())[skip:])
    accepted = [name for name, parameter in parameters.items() if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)]
    takes = f"It takes: {', '.join(accepted)}." if accepted else "It takes no arguments."
    open_ended = any(parameter.kind == parameter.VAR_KEYWORD for parameter in parameters.values())
    for name in () if open_ended else args:
        if name not in accepted:
            close = difflib.get_close_matches(name, accepted, n=2)
            nearest = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
            raise TypeError(f"{label} has no argument {name!r}.{nearest} {takes}")
    missing = [name for name in accepted if name not in args and parameters[name].default is inspect.Parameter.empty]
    if missing and not binds:
        raise TypeError(f"{label} needs {', '.join(missing)}. {takes}")
    types = _annotations(make)
    return {name: _value(value, types.get(name), own, depth) for name, value in args.items()}


def _annotations(make: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(make.__init__ if isinstance(make, type) and "__init__" in vars(make) else make)
    except (NameError, TypeError, AttributeError):  # annotations may name what only a type checker imports
        return {}


def _value(value: Any, annotation: Any, own: dict[str, type], depth: int) -> Any:
    if is_spec(value):
        return _build(value, own, depth + 1)
    if isinstance(value, Mapping):
        settings = next((option for option in (annotation, *typing.get_args(annotation)) if dataclasses.is_dataclass(option)), None)
        if settings is not None:
            return settings(**_arguments(settings, settings.__name__, value, own, depth + 1))  # type: ignore[operator]
        return {name: _value(item, None, own, depth) for name, item in value.items()}
    if isinstance(value, list):
        items = [_value(item, None, own, depth) for item in value]
        wants_tuple = any(typing.get_origin(option) is tuple or option is tuple for option in (annotation, *typing.get_args(annotation)))
        return tuple(items) if wants_tuple else items
    return value


def is_spec(value: Any) -> bool:
    """Whether an argument is itself a spec: it has ``args`` and either ``name`` or ``own``.

    >>> is_spec({"name": "mlp", "args": {}}), is_spec({"name": "Ada"})
    (True, False)
    """
    if not isinstance(value, Mapping) or "args" not in value or set(value) - {"name", "own", "args", "then", "source_sha256"}:
        return False
    return isinstance(value.get("own", value.get("name")), str)


def _plain(value: Any, where: str) -> Any:
    """An argument as a JSON value."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise TypeError(f"{where} is {value}, which JSON cannot hold.")
        return value
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {str(name): _plain(item, f"{where}.{name}") for name, item in value.items()}
    knows = hasattr(value, "_weft_spec") or hasattr(value, "spec") or _listed(value) is not None
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and not knows:
        return {item.name: _plain(getattr(value, item.name), f"{where}.{item.name}") for item in dataclasses.fields(value)}
    try:
        return spec_of(value)
    except TypeError as error:
        raise TypeError(f"{where} is a {type(value).__name__}, which is neither a JSON value nor a thing that knows its spec. {error}") from None


def _listed(value: Any) -> Entry | None:
    """The catalogue's entry for the class of a dataclass's value; None when there is none."""
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return None
    path = f"{type(value).__module__}:{type(value).__qualname__}"
    return next((entry for entry in entries() if entry.path == path), None)


def _shortest(entry: Entry) -> str:
    """The entry's name, with its kind before it where another kind has the name too."""
    try:
        return entry.name if find(entry.name) is entry else f"{entry.kind}/{entry.name}"
    except ValueError:
        return f"{entry.kind}/{entry.name}"


def _note(thing: Any, spec: Spec) -> None:
    """Write the spec on the thing; a catalogue function without options is found by its own name instead."""
    if inspect.isfunction(thing):
        return
    try:
        object.__setattr__(thing, "_weft_spec", spec)
    except AttributeError:
        raise TypeError(f"A {type(thing).__name__} has no room for its spec; a class with __slots__ needs '_weft_spec' among them.") from None
