"""What documentation and tests owe: a sentence, an example, an assertion, a named proof."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.house.source import Function, Source, code_lines, literal, shelves, table

KINDS = {
    "model", "method", "loss", "metric", "codec", "transform", "source", "optimizer", "schedule", "estimator", "gradient", "followup",
    "surgery", "listener", "recipe", "layer", "environment", "tokenizer", "plan", "flow", "check", "selection", "penalty", "textbook",
}  # fmt: skip
PROOF = re.compile(r"\b(parity|closed[ -]form|brute[ -]force|property|learned|contract)\b", re.IGNORECASE)
ASSERTING = re.compile(r"^(assert|check|gradcheck|raises|warns|fail|run_docstring)|^(assert_\w+|check_\w+)$")
NO_EXAMPLE = {"recipe", "environment"}  # a recipe is run by name; its own test runs it


def tables(sources: list[Source]) -> Iterator[str]:
    """A table is a literal whose paths lead to a definition in the named file, each with a known kind; a name stands once in its kind."""
    by_path = {source.path: source for source in sources}
    seen: dict[tuple[str, str], str] = {}
    for source in sources:
        if not source.is_package or table(source) is None:
            continue
        try:
            entries, kinds = literal(source), literal(source, "KIND")
        except ValueError:
            yield f"{source.path}: TABLE and KIND must be literals"
            continue
        if not isinstance(entries, dict) or not isinstance(kinds, dict | str):
            yield f"{source.path}: a shelf has TABLE = {{name: 'module:attribute'}} and KIND = 'kind' or {{name: 'kind'}}"
            continue
        for name, path in entries.items():
            kind = kinds if isinstance(kinds, str) else kinds.get(name, "")
            if kind not in KINDS:
                yield f"{source.path}: {name} is of no known kind ({kind!r})"
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                yield f"{source.path}: {name!r} is not snake_case"
            if (kind, name) in seen:
                yield f"{source.path}: the {kind} {name!r} also stands in {seen[kind, name]}"
            seen[kind, name] = source.path
            if definition(by_path, path) is None:
                yield f"{source.path}: {name}: {path} is not defined there"


def definition(by_path: dict[str, Source], path: str) -> Function | ast.ClassDef | None:
    """The function or class that ``weft.module:attribute`` names."""
    module, _, attribute = path.partition(":")
    stem = "/".join(module.split(".")[1:])
    source = by_path.get(f"{stem}.py") or by_path.get(f"{stem}/__init__.py")
    return next((node for node in source.public() if node.name == attribute), None) if source else None


PLAIN = 5  # code lines up to which a function that no package exports may speak for itself


def exported(sources: list[Source]) -> set[str]:
    """Every ``weft.module:attribute`` that a package's ``__init__`` promises."""
    return {text for source in sources if source.is_package for text in re.findall(r"[\"'](weft[\w.]*:\w+)[\"']", source.text)}


def sentences(sources: list[Source]) -> Iterator[str]:
    """Every module and every public name says in one sentence what it is."""
    promised = exported(sources)
    for source in sources:
        module = ".".join(("weft", *source.parts)).removesuffix(".__init__")
        for node in (source.tree, *source.public()):
            paragraph = (ast.get_docstring(node) or "").split("\n\n")[0].strip()
            name = getattr(node, "name", "the module")
            short = isinstance(node, Function) and code_lines(source.text, source.tree, node.lineno, node.end_lineno) <= PLAIN
            if not paragraph and short and f"{module}:{name}" not in promised:
                continue
            if not paragraph:
                yield f"{source.at(node)}: {name} has no docstring"
            elif not re.search(r"[.:!?](\s|$)", paragraph):
                yield f"{source.at(node)}: {name}: the docstring begins with no sentence: {paragraph[:60]!r}"


def examples(sources: list[Source]) -> Iterator[str]:
    """Every catalogue entry has an example that can be run."""
    by_path = {source.path: source for source in sources}
    for source, entries in shelves(sources):
        kinds = literal(source, "KIND")
        for name, path in entries.items():
            kind = kinds if isinstance(kinds, str) else dict(kinds).get(name)  # type: ignore[call-overload]
            node = definition(by_path, path)
            if kind not in NO_EXAMPLE and node is not None and ">>>" not in (ast.get_docstring(node) or ""):
                yield f"{source.path}: {name} ({path}) has no example in its docstring"


def test_functions(source: Source) -> Iterator[Function]:
    """What pytest collects in a file."""
    for node in ast.walk(source.tree):
        if isinstance(node, Function) and node.name.startswith("test"):
            yield node


def asserts(function: Function, local: dict[str, Function], seen: frozenset[str] = frozenset()) -> bool:
    """Whether a test can fail: an assertion of its own, or one in a function of its file that it calls."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant):
            return True
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
            if ASSERTING.search(name):
                return True
            if name in local and name not in seen and asserts(local[name], local, seen | {name}):
                return True
    return False


def tests_assert(sources: list[Source]) -> Iterator[str]:
    """Every test asserts something, and never a time."""
    for source in sources:
        if not source.parts[-1].startswith("test_"):
            continue
        local = {function.name: function for function in source.functions()}
        for test in test_functions(source):
            if not asserts(test, local):
                yield f"{source.at(test)} {test.name}: asserts nothing"
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Attribute) and node.attr in ("perf_counter", "process_time", "perf_counter_ns"):
                yield f"{source.at(node)}: measures time; that is what benchmarks/ is for"


# Test files that mirror no source file: suites over the whole project.
SUITES = {"test_house.py", "test_doctests.py", "test_readme.py", "test_coverage.py", "test_docs.py", "test_weft.py", "test_plantings.py"}
SUITE_FOLDERS = ("contracts/", "house/", "acid/", "learned/", "hostile/")
# Source files that another file's test covers.
COVERED = {"__init__.py", "__main__.py"}


def mirror(sources: list[Source], suite: list[Source]) -> Iterator[str]:
    """One source file, one test file at the same place: ``losses/dice.py`` and ``tests/losses/test_dice.py``."""
    have = {source.path for source in suite}
    wanted: set[str] = set()
    for source in sources:
        if source.path.rsplit("/", 1)[-1] in COVERED:
            continue
        *folder, name = source.parts
        places = {"/".join([*folder, f"test_{name.lstrip('_')}.py"]), "/".join([*folder[:1], f"test_{name.lstrip('_')}.py"])}
        wanted |= places
        if not places & have:
            yield f"{source.path}: no {sorted(places)[-1]} beside the tests"
    for path in sorted(have - wanted - SUITES):
        name = path.rsplit("/", 1)[-1]
        if name.startswith("test_") and not path.startswith(SUITE_FOLDERS):
            yield f"tests/{path}: mirrors no source file"


def proved(sources: list[Source], suite: list[Source]) -> Iterator[str]:
    """Every catalogue entry is named by a test whose docstring says which kind of proof it is."""
    known: set[str] = set()
    for source in suite:
        if source.parts[-1].startswith("test_"):
            tables_of_file = " ".join(ast.unparse(node) for node in source.tree.body if isinstance(node, ast.Assign | ast.AnnAssign))
            for test in test_functions(source):
                if PROOF.search(ast.get_docstring(test) or ""):
                    text = ast.unparse(test) + (tables_of_file if test.decorator_list else "")
                    known |= set(re.findall(r"\w+", text))
    for source, entries in shelves(sources):
        for name, path in entries.items():
            if not {name, path.partition(":")[2]} & known:
                yield f"{source.path}: {name}: no test names it with its proof (parity, closed form, brute force, property, learned or contract)"
