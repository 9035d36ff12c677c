"""What must not be written: unsafe calls, empty catches, names that say nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.house.source import Source

UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "jsonpickle"}
PICKLE_ALLOWED = {"data/sets/planetoid.py"}  # Planetoid publishes pickles; read by an allow-list unpickler
VAGUE_FILES = {"util", "utils", "helper", "helpers", "common", "misc", "base"}
VAGUE_CLASS = re.compile(r"^Base[A-Z]|(Manager|Helper|Wrapper|Utils?)$")
LATER = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HACK)\b")


def calls(source: Source) -> Iterator[tuple[ast.Call, str]]:
    """Every call with its dotted name."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield node, ast.unparse(node.func)


def keyword(call: ast.Call, name: str) -> object:
    """The literal value of a keyword, or nothing."""
    for given in call.keywords:
        if given.arg == name and isinstance(given.value, ast.Constant):
            return given.value.value
    return None


def unsafe_imports(sources: list[Source]) -> Iterator[str]:
    """Nothing that runs code while it reads a file."""
    for source in sources:
        for node in ast.walk(source.tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                if name.split(".")[0] in UNSAFE_MODULES and source.path not in PICKLE_ALLOWED:
                    yield f"{source.at(node)}: imports {name}; own files are safetensors and JSON"


def unsafe_calls(sources: list[Source]) -> Iterator[str]:
    """No eval, no shell, no unpickling, no archive that leaves its folder."""
    for source in sources:
        for call, name in calls(source):
            last = name.rsplit(".", 1)[-1]
            if name in ("eval", "exec", "compile", "__import__"):
                yield f"{source.at(call)}: calls {name}"
            if name in ("os.system", "os.popen", "subprocess.getoutput") or keyword(call, "shell") is True:
                yield f"{source.at(call)}: hands a string to a shell"
            if (name == "torch.load" and keyword(call, "weights_only") is not True) or keyword(call, "weights_only") is False:
                yield f"{source.at(call)}: loads without weights_only=True"
            if keyword(call, "allow_pickle") is True or keyword(call, "trust_remote_code") is True:
                yield f"{source.at(call)}: lets a file run code"
            if name in ("yaml.load", "yaml.unsafe_load", "yaml.full_load"):
                yield f"{source.at(call)}: {name}; use yaml.safe_load"
            if last == "extractall" and keyword(call, "filter") != "data":
                yield f"{source.at(call)}: extractall without filter='data'"


def swallowed(sources: list[Source]) -> Iterator[str]:
    """No bare except, and nothing left for later."""
    for source in sources:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ExceptHandler) and node.type is None:
                yield f"{source.at(node)}: bare except"
            if isinstance(node, ast.Name) and node.id == "NotImplementedError":
                yield f"{source.at(node)}: NotImplementedError; write it, or raise an error that teaches"
        for number, line in enumerate(source.text.splitlines(), start=1):
            if LATER.search(line):
                yield f"{source.path}:{number}: left for later: {line.strip()}"


def vague_names(sources: list[Source]) -> Iterator[str]:
    """Nouns for things: no drawer for everything, no class that only manages."""
    for source in sources:
        for part in source.parts:
            if part.strip("_") in VAGUE_FILES:
                yield f"{source.path}: {part!r} says nothing about what lives there"
        for cls in source.classes():
            if VAGUE_CLASS.search(cls.name):
                yield f"{source.at(cls)}: {cls.name}; name the thing it is"


def distributed_losses(sources: list[Source]) -> Iterator[str]:
    """Losses and metrics never reduce across ranks; the engine does."""
    for source in sources:
        if source.package in ("losses", "metrics") and "torch.distributed" in source.text:
            yield f"{source.path}: mentions torch.distributed"


# What only the place where the project was first built could understand; the patterns are cut so that they do not find themselves.
WORKPLACE = re.compile(r"/wo" r"rk/|\bsha" r"red/(?!lib)|\bissues? #?\d+|\bPLAN\.md\b|DES" r"IGN\.md|\bSTY" r"LE\.md|CLA" r"UDE")


def workplace(texts: dict[str, str]) -> Iterator[str]:
    """The project speaks of itself only."""
    for path, text in texts.items():
        for number, line in enumerate(text.splitlines(), start=1):
            if match := WORKPLACE.search(line):
                yield f"{path}:{number}: {match[0]!r}"
