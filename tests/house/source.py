"""Source files as the rules see them: path, text, tree, package."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "src" / "weft"
TESTS = ROOT / "tests"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file: where it lies below its root (``losses/loss.py``) and what it says."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def parts(self) -> tuple[str, ...]:
        return tuple(Path(self.path).with_suffix("").parts)

    @property
    def package(self) -> str:
        """The first-level package, or the module's own name at the top."""
        return self.parts[0]

    @property
    def is_package(self) -> bool:
        return self.parts[-1] == "__init__"

    def functions(self) -> Iterator[Function]:
        """Every function, nested ones included."""
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))

    def classes(self) -> Iterator[ast.ClassDef]:
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef))

    def public(self) -> Iterator[Function | ast.ClassDef]:
        """The functions and classes at the top of the file whose names start with a letter."""
        return (node for node in self.tree.body if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"))

    def at(self, node: ast.AST) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 1)}"


def read(root: Path) -> list[Source]:
    """Every Python file below ``root``, in order."""
    files = sorted(file for file in root.rglob("*.py") if "__pycache__" not in file.parts)
    return [Source(file.relative_to(root).as_posix(), file.read_text(encoding="utf-8")) for file in files]


def library() -> list[Source]:
    return read(LIBRARY)


def suite() -> list[Source]:
    return read(TESTS)


def docstrings(tree: ast.AST) -> Iterator[ast.Expr]:
    """The docstring statements of a module, its classes and its functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | Function) and ast.get_docstring(node, clean=False) is not None:
            yield node.body[0]  # type: ignore[misc]


def code_lines(text: str, tree: ast.AST, first: int = 1, last: int | None = None) -> int:
    """Lines that hold code between two line numbers: no blank ones, no comments, no docstrings."""
    documentation = {line for node in docstrings(tree) for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    lines = enumerate(text.splitlines()[first - 1 : last], start=first)
    return sum(1 for number, line in lines if line.strip() and not line.strip().startswith("#") and number not in documentation)


def table(source: Source, name: str = "TABLE") -> ast.expr | None:
    """What a shelf's file assigns to ``name`` at its top, or nothing."""
    for node in source.tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return node.value  # type: ignore[union-attr]
    return None


def literal(source: Source, name: str = "TABLE") -> object:
    value = table(source, name)
    return None if value is None else ast.literal_eval(value)


def shelves(sources: list[Source]) -> Iterator[tuple[Source, dict[str, str]]]:
    """Every shelf with its table, read without importing it."""
    for source in sources:
        if source.is_package and table(source) is not None:
            yield source, dict(literal(source))  # type: ignore[call-overload]


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))
