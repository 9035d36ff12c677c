"""What the shelves hold, read from their literal tables as text: nothing is imported, so a listing starts at once."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from weft._lazy import load, unknown

NEXT = re.compile(r"\s*(Use |Instead|Cost|Differs|Where it|[A-Z]\w*( \w+)?:|>>>|``)")  # what may follow the line that names the paper
FIRST = ("model", "codec", "tokenizer", "transform", "surgery", "layer")
LIBRARY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Entry:
    """One line of a shelf's table: a name, its kind, and where the thing is defined.

    What it says about itself (``signature``, ``sentence``, ``paper``, ``example``) is read from the source file when asked for.
    """

    name: str
    kind: str
    path: str
    shelf: str = field(repr=False)

    def load(self) -> Any:
        """The class or function itself."""
        return load(self.path)

    @cached_property
    def file(self) -> Path:
        """The source file that defines it."""
        stem = LIBRARY.joinpath(*self.path.partition(":")[0].split(".")[1:])
        return stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")

    @cached_property
    def _definition(self) -> ast.ClassDef | ast.FunctionDef | None:
        attribute = self.path.partition(":")[2]
        nodes = ast.parse(self.file.read_text(encoding="utf-8")).body
        return next((node for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == attribute), None)

    @cached_property
    def docstring(self) -> str:
        """Its documentation, dedented; for a class that documents its constructor, that too."""
        return (ast.get_docstring(self._definition) or "") if self._definition else ""

    @property
    def sentence(self) -> str:
        """The docstring's first sentence."""
        paragraph = " ".join(self.docstring.split("\n\n")[0].split())
        end = paragraph.find(". ")
        return paragraph if end < 0 else paragraph[: end + 1]

    @property
    def paper(self) -> str:
        """The line that names the paper, or nothing."""
        lines = self.docstring.splitlines()
        start = next((number for number, line in enumerate(lines) if line.strip().lower().startswith(("paper", "papers"))), None)
        if start is None:
            return ""
        rest = [lines[start].split(":", 1)[-1]]
        for line in lines[start + 1 :]:
            if not line.strip() or NEXT.match(line):
                break
            rest.append(line)
        return " ".join(" ".join(rest).split())

    @property
    def example(self) -> str:
        """The docstring's ``>>>`` lines with what they print."""
        lines, taken = self.docstring.splitlines(), []
        inside = False
        for line in lines:
            inside = line.lstrip().startswith(">>>") or (inside and bool(line.strip()))
            if inside:
                taken.append(line)
        return "\n".join(taken)

    @property
    def signature(self) -> str:
        """How it is called, as written in the source: ``resnet18(num_classes: int = 1000)``."""
        node = self._definition
        if isinstance(node, ast.ClassDef):
            return f"{node.name}({_parameters(node)})"
        return f"{node.name}({ast.unparse(node.args)})" if node else self.path.partition(":")[2]

    def __str__(self) -> str:
        where = self.path.partition(":")[0]
        return f"{self.name} ({self.kind}, {where})\n\n{self.signature}\n\n{plain(self.docstring)}"


def plain(text: str) -> str:
    """Documentation for a terminal: code between single backticks, not the double ones of reStructuredText.

    >>> plain("``lr`` is a number")
    '`lr` is a number'
    """
    return text.replace("``", "`")


def _parameters(node: ast.ClassDef) -> str:
    """A class's constructor parameters: those of ``__init__``, or the fields of a dataclass."""
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            arguments = ast.unparse(item.args)
            return arguments.partition(", ")[2] if arguments.startswith("self") else arguments
    fields = [item for item in node.body if isinstance(item, ast.AnnAssign)]
    return ", ".join(ast.unparse(item) for item in fields) if node.decorator_list else ""


@cache
def _all() -> tuple[Entry, ...]:
    found = []
    for file in sorted(LIBRARY.rglob("__init__.py")):
        text = file.read_text(encoding="utf-8")
        if "TABLE" not in text:
            continue
        values = dict(_literals(ast.parse(text)))
        shelf = ".".join(("weft", *file.parent.relative_to(LIBRARY).parts))
        kinds = values.get("KIND", "")
        for name, path in values.get("TABLE", {}).items():
            found.append(Entry(name, kinds if isinstance(kinds, str) else kinds[name], path, shelf))
    return tuple(sorted(found, key=lambda entry: (entry.kind, entry.name)))


def _literals(tree: ast.Module) -> Iterator[tuple[str, Any]]:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        for target in targets:
            if isinstance(target, ast.Name) and target.id in ("TABLE", "KIND") and node.value is not None:  # type: ignore[union-attr]
                yield target.id, ast.literal_eval(node.value)  # type: ignore[union-attr]


def kinds() -> list[str]:
    """The kinds of thing that there are: model, method, loss and so on."""
    return sorted({entry.kind for entry in _all()})


def entries(kind: str | None = None) -> list[Entry]:
    """Everything in the catalogue, or everything of one kind; ``weft.list``.

    Raises:
        ValueError: an unknown kind, with the nearest.

    >>> import weft
    >>> all(entry.kind == "loss" for entry in weft.list("loss"))
    True
    """
    if kind is None:
        return list(_all())
    wanted = kind if kind in kinds() else kind.removesuffix("s") if kind.removesuffix("s") in kinds() else kind.removesuffix("es")
    if wanted not in kinds():
        raise unknown("kind", kind, kinds())
    return [entry for entry in _all() if entry.kind == wanted]


def find(name: str, kind: str | None = None) -> Entry:
    """The entry of that name; ``kind/name`` (``metric/dice``) where two kinds share it.

    A network, a codec, or whatever else runs and bundles are written of, is meant before a loss or a textbook form of the same name, so that
    what is written down stays what it was when more comes.

    Raises:
        ValueError: nothing has the name (the nearest are listed), or several kinds have it.

    >>> find("cross_entropy").kind
    'loss'
    """
    before, slash, after = name.partition("/")
    wanted, name = (before, after) if slash else (kind, name)
    among = entries(wanted) if wanted else entries()
    found = [entry for entry in among if entry.name == name]
    if not found:
        raise unknown(wanted or "name", name, [entry.name for entry in among])
    if len(found) > 1 and not wanted:
        found = [entry for kind in FIRST for entry in found if entry.kind == kind][:1] or [entry for entry in found if entry.kind != "textbook"]
    if len(found) > 1:
        raise ValueError(f"{name!r} is the name of several things. Say which: {', '.join(f'{entry.kind}/{entry.name}' for entry in found)}.")
    return found[0]


def show(name: str) -> Entry:
    """What an entry says about itself: print it for signature, formula, paper and example; ``weft.show``.

    >>> import weft
    >>> weft.show("cross_entropy").name
    'cross_entropy'
    """
    return find(name)
