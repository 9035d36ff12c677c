"""Write ``__init__.pyi`` beside each lazy package, so that type checkers and editors see what the tables export: ``python docs/stubs.py``.

The files follow from the tables and are not kept in git; ``make types`` and a release make them.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from weft import __path__ as where
from weft._lazy import Shelf

LIBRARY = Path(next(iter(where)))


def stub(package: str) -> str | None:
    """The text of one package's stub, or None for a package without lazy names."""
    module = importlib.import_module(package)
    if not isinstance(module, Shelf):
        return None
    lines, names = [], []
    for name, path in sorted(module.__dict__["__exports__"].items()):
        source, _, attribute = path.partition(":")
        parent, _, last = source.rpartition(".")
        if attribute:
            lines.append(f"from {source} import {attribute} as {name}")
        elif parent == package or last == name:
            lines.append(f"from {parent} import {last} as {name}")
        names.append(name)
    own = [name for name, value in vars(module).items() if not name.startswith("_") and name not in names and getattr(value, "__module__", "") == package]
    if "__version__" in vars(module):
        lines.append("__version__: str")
    lines += [f"def {name}() -> dict[str, Any]: ..." for name in own]
    return "\n".join([*(["from typing import Any", ""] if own else []), *lines, ""])


def main() -> None:
    count = 0
    for file in sorted(LIBRARY.rglob("__init__.py")):
        package = ".".join(("weft", *file.parent.relative_to(LIBRARY).parts))
        text = stub(package)
        if text is not None:
            file.with_suffix(".pyi").write_text(text, encoding="utf-8")
            count += 1
    print(f"{count} stubs", file=sys.stderr)


if __name__ == "__main__":
    main()
