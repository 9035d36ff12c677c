"""Who may import whom: every import, also those inside functions and those written as ``module:attribute`` strings."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator

from tests.house.source import Source

RANK = {
    "nn": 0, "losses": 0, "metrics": 0, "data": 0, "scratch": 0,
    "optim": 1, "models": 1, "surgery": 1, "parallel": 1,
    "engine": 2,
    "methods": 3,
    "observe": 4, "explain": 4,
    "catalogue": 5,
    "serve": 6, "study": 6,
    "operate": 7,
    "recipes": 8, "cli": 8,
}  # fmt: skip
FREE = {"_lazy"}  # anybody may import it; it imports nobody
APART = {("methods", "models"), ("engine", "models")}  # lower in rank, and still none of their business
PATH = re.compile(r"^weft\.(\w+)[\w.]*(:\w+)?$")


def imports(source: Source) -> Iterator[tuple[str, ast.AST]]:
    """The first-level names of weft that a file imports."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[1], node) for alias in node.names if alias.name.startswith("weft."))
        elif isinstance(node, ast.ImportFrom):
            yield from ((name, node) for name in _targets(source, node))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and (match := PATH.match(node.value)):
            yield match[1], node


def _targets(source: Source, node: ast.ImportFrom) -> list[str]:
    if node.level:
        inside = ["weft", *source.parts[:-1]]
        module = [*inside[: len(inside) - node.level + 1], *(node.module or "").split(".")]
        module = [part for part in module if part]
    else:
        module = (node.module or "").split(".")
    if module[0] != "weft":
        return []
    return [module[1]] if len(module) > 1 else [alias.name for alias in node.names]


def ranks(sources: list[Source]) -> Iterator[str]:
    """An import must point to a lower rank."""
    for source in sources:
        if source.parts in (("__init__",), ("__main__",)):
            continue  # the front door names everything, lazily
        here = source.package
        if here not in RANK and here not in FREE:
            yield f"{source.path}: {here!r} has no rank; the packages are {', '.join(RANK)}"
            continue
        for name, node in imports(source):
            if name == here or name in FREE:
                continue
            if name not in RANK:
                yield f"{source.at(node)}: {here} imports {name!r} from the front door; import it from the package where it lives"
            elif here in FREE or RANK[name] >= RANK[here]:
                yield f"{source.at(node)}: {here} -> {name} does not point to a lower rank"
            elif (here, name) in APART:
                yield f"{source.at(node)}: {here} never imports {name}"


def textbook_is_numpy(sources: list[Source]) -> Iterator[str]:
    """The textbook imports NumPy, itself and the standard library, nothing else: it is the oracle of what is built on torch."""
    known = {"numpy", "weft", *sys.stdlib_module_names}
    for source in sources:
        if source.package != "scratch":
            continue
        for node in ast.walk(source.tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            yield from (f"{source.at(node)}: imports {name}" for name in names if name.partition(".")[0] not in known)


def shelves_are_light(sources: list[Source]) -> Iterator[str]:
    """A package's ``__init__`` imports nothing heavy at its top, so that ``weft list`` starts at once."""
    for source in sources:
        if not source.is_package:
            continue
        for node in source.tree.body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                if name not in ("__future__", "weft._lazy", "typing", "collections.abc", "pathlib", "importlib"):
                    yield f"{source.at(node)}: imports {name} at its top; a shelf is a table, imports go inside examples()"
