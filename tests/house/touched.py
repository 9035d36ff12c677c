"""Which files of slow proofs a change touches: ``python tests/house/touched.py BASE`` prints them, one a line.

A slow proof is touched when the change touches its own file, or anything of weft that its file imports, directly or through other
files of weft. Without a base, or when something changes that everything stands on, all are.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOUNDATION = re.compile(r"^(pyproject\.toml|requirements/|Makefile|\.ci/|tests/conftest\.py|src/weft/(engine|parallel)/|src/weft/losses/loss\.py|src/weft/_lazy\.py)")
HARMLESS = re.compile(r"^(docs/|examples/|benchmarks/|[A-Z]+\.md$|mkdocs\.yml$|\.gitignore$|\.pre-commit)")


def slow_files(root: Path = ROOT) -> list[str]:
    """The test files that hold slow proofs."""
    return sorted(path.relative_to(root).as_posix() for path in (root / "tests").rglob("test_*.py") if "mark.slow" in path.read_text(encoding="utf-8"))


def changed_since(base: str, root: Path = ROOT) -> list[str] | None:
    """The paths that differ from a commit, or None when git cannot say."""
    done = subprocess.run(["git", "diff", "--name-only", base, "--"], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.split() if done.returncode == 0 else None


def references(path: Path, root: Path) -> set[str]:
    """The files of weft that a file names: imports and ``module:attribute`` paths."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "weft":
            modules = [f"weft.{node.attr}"]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and path.name != "__init__.py":
            modules = re.findall(r"\bweft(?:\.\w+)+", node.value)
        for module in modules:
            stem = root / "src" / Path(*module.split("."))
            found |= {file.relative_to(root).as_posix() for file in (stem.with_suffix(".py"), stem / "__init__.py") if file.is_file()}
            if module.startswith("weft.") and not stem.with_suffix(".py").is_file():
                found |= _exported(module, root)
    return found


def _exported(module: str, root: Path) -> set[str]:
    """The file behind a lazily exported name such as ``weft.losses.cross_entropy``."""
    package, _, name = module.rpartition(".")
    shelf = root / "src" / Path(*package.split(".")) / "__init__.py"
    if not shelf.is_file():
        return set()
    targets = re.findall(rf'"(weft[\w.]*):{re.escape(name)}"|"{re.escape(name)}": "(weft[\w.]*):', shelf.read_text(encoding="utf-8"))
    files = [root / "src" / Path(*(first or second).split(".")).with_suffix(".py") for first, second in targets]
    return {file.relative_to(root).as_posix() for file in files if file.is_file()}


def reach(start: str, root: Path = ROOT) -> set[str]:
    """Everything of weft that a file stands on."""
    mirrored = re.sub(r"^tests/(.*)test_(\w+\.py)$", r"src/weft/\1\2", start)
    seen = {start, mirrored} if (root / mirrored).is_file() else {start}
    waiting = sorted(seen)
    while waiting:
        for name in references(root / waiting.pop(), root) - seen:
            seen.add(name)
            waiting.append(name)
    return seen


def touched(changed: Iterable[str] | None, root: Path = ROOT) -> list[str]:
    """The slow files that a list of changed paths calls for; all of them when the list is unknown."""
    slow = slow_files(root)
    if changed is None:
        return slow
    relevant = {path for path in changed if not HARMLESS.match(path)}
    if any(FOUNDATION.match(path) for path in relevant):
        return slow
    return [path for path in slow if relevant & reach(path, root)]


if __name__ == "__main__":
    print("\n".join(touched(changed_since(sys.argv[1]) if len(sys.argv) > 1 else None)))
