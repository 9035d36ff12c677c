"""How long a file, a function and a parameter list may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.house.source import Source, code_lines

FILE, MODEL_FILE, FUNCTION, ENGINE, PARAMETERS, RECIPE_PARAMETERS = 400, 600, 60, 1000, 8, 24
TRAVELLERS = {("recipes", "run")}  # the one function whose keywords are somebody else's parameters


def files(sources: list[Source]) -> Iterator[str]:
    """A file keeps to its number of code lines, and the engine as a whole to its own."""
    engine = 0
    for source in sources:
        lines = code_lines(source.text, source.tree)
        engine += lines if source.package == "engine" else 0
        budget = MODEL_FILE if source.package == "models" else FILE
        if lines > budget:
            yield f"{source.path}: {lines} code lines, at most {budget}; find the missing concept"
    if engine > ENGINE:
        yield f"engine: {engine} code lines in all, at most {ENGINE}"


def functions(sources: list[Source]) -> Iterator[str]:
    """A function keeps to its number of code lines."""
    for source in sources:
        for function in source.functions():
            lines = code_lines(source.text, source.tree, function.lineno, function.end_lineno)
            if lines > FUNCTION:
                yield f"{source.at(function)} {function.name}: {lines} code lines, at most {FUNCTION}"


def parameters(sources: list[Source]) -> Iterator[str]:
    """At most eight parameters (a recipe 24), and no keywords that travel."""
    for source in sources:
        top = set(source.public())
        for function in source.functions():
            given = function.args
            names = [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs) if argument.arg not in ("self", "cls")]
            budget = RECIPE_PARAMETERS if source.package == "recipes" and function in top else PARAMETERS
            if len(names) > budget:
                yield f"{source.at(function)} {function.name}: {len(names)} parameters, at most {budget}; pass an object"
            if given.kwarg and not function.name.startswith("_") and (source.package, function.name) not in TRAVELLERS:
                yield f"{source.at(function)} {function.name}: takes **{given.kwarg.arg}; name the parameters"


def depth(sources: list[Source]) -> Iterator[str]:
    """Inheritance within weft is no deeper than two steps."""
    parents = {cls.name: [base.id if isinstance(base, ast.Name) else base.attr for base in cls.bases if isinstance(base, ast.Name | ast.Attribute)]
               for source in sources for cls in source.classes()}

    def levels(name: str, seen: frozenset[str] = frozenset()) -> int:
        if name not in parents or name in seen:
            return 0
        return 1 + max((levels(parent, seen | {name}) for parent in parents[name]), default=0)

    for source in sources:
        for cls in source.classes():
            if levels(cls.name) > 3:
                yield f"{source.at(cls)} {cls.name}: {levels(cls.name) - 1} steps of inheritance, at most 2"
