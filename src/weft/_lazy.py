"""What every shelf shares: lazy exports from a literal table, and one voice for unknown names."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any


def load(path: str) -> Any:
    """Import ``module:attribute``, a value of one of weft's own literal tables."""
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)


class Shelf(ModuleType):
    """A package whose exported names win over its files of the same name.

    Importing ``losses/dice.py`` makes Python set ``losses.dice`` to that module; here it stays the function ``dice`` that the table promises.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        path = self.__dict__.get("__exports__", {}).get(name, "")
        if isinstance(value, ModuleType) and ":" in path:
            module, _, attribute = path.partition(":")
            if value.__name__ != module:
                return  # another file defines the name; it is looked up when asked for
            value = getattr(value, attribute)
        super().__setattr__(name, value)


def attach(package: str, table: Mapping[str, str], extra: Mapping[str, str] | None = None) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` that import a package's names when they are first used.

    ``table`` maps catalogue names to ``module:attribute``; each attribute is exported under its own name. ``extra`` maps further
    exported names to paths; a path without a colon is a module.
    """
    exports = {path.partition(":")[2]: path for path in table.values()} | dict(extra or {})
    module = sys.modules.get(package)
    if module is not None:
        module.__dict__["__exports__"] = exports
        module.__class__ = Shelf

    def getattribute(name: str) -> Any:
        if name not in exports:
            # with a name of its own Python adds no second hint
            raise AttributeError(f"module {package!r} has no attribute {name!r}. {hint(name, exports)}", name=name)
        path = exports[name]
        return load(path) if ":" in path else importlib.import_module(path)

    return getattribute, lambda: sorted(exports)


READABLE = 100  # names that an error lists


def hint(name: str, known: Iterable[str]) -> str:
    """The nearest known names, or all of them when none is near and they are few enough to read."""
    known = sorted(set(known))
    close = difflib.get_close_matches(name, known, n=3)
    if close:
        return f"Did you mean {' or '.join(map(repr, close))}?"
    if len(known) > READABLE:
        return f"None of the {len(known)} known names is near; weft list shows those of the catalogue."
    return f"Known: {', '.join(known)}." if known else "None are known."


def unknown(kind: str, name: str, known: Iterable[str]) -> ValueError:
    """The error for a name that nothing has: says what came and lists the nearest."""
    return ValueError(f"Unknown {kind} {name!r}. {hint(name, known)}")
