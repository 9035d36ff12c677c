"""What a run ran on and with: versions, code, hardware, data; and what has changed since."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

PACKAGES = ("weft", "torch", "numpy", "safetensors", "pillow", "pyarrow", "gymnasium", "opacus", "scikit-learn", "tokenizers")
MATTERS = ("python", "packages", "code", "machine", "processor", "devices", "threads", "git")
RECORDS = 64  # records of a source that its fingerprint reads


def environment(code: Iterable[str | Path] = ()) -> dict[str, Any]:
    """Python, package versions, git commit, hardware and threads, and the hashes of weft's own source and of the files in ``code``."""
    return {
        "python": platform.python_version(),
        "packages": versions(),
        "code": {"weft": source_hash(Path(__file__).parents[1])} | {str(path): source_hash(Path(path)) for path in code},
        "git": git(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "devices": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())],
        "arguments": sys.argv,
    }


def versions() -> dict[str, str]:
    """The installed versions of the packages that decide results."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found | {"torch": str(torch.__version__)}


def processor() -> str:
    """The processor's name, as the system gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def git() -> dict[str, Any] | None:
    """Commit and whether files differ from it, for the directory we are in; None outside a repository or without git."""
    commit = git_says("rev-parse", "HEAD")
    return {"commit": commit, "changed": bool(git_says("status", "--porcelain", "--untracked-files=no"))} if commit else None


def git_says(*arguments: str) -> str | None:
    """The answer of a git command; None where it fails or git is missing."""
    try:
        answer = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def source_hash(path: Path) -> str:
    """SHA-256 over a Python file, or over the names and contents of all Python files of a folder. 'missing' when there is nothing."""
    if not path.exists():
        return "missing"
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def fingerprint(data: Any) -> str:
    """A short hash that changes when data changes.

    Of a file it reads the content; of a folder the file names and sizes; of a source the length and up to 64 records.
    It is evidence, not proof: a change in a record that is not among the 64 evenly spaced ones goes unseen.

    >>> fingerprint([{"input": 1}]) == fingerprint([{"input": 1}]), fingerprint([{"input": 1}]) == fingerprint([{"input": 2}])
    (True, False)
    """
    digest = hashlib.sha256()
    if isinstance(data, Mapping):
        for name in sorted(data):
            digest.update(f"{name}={fingerprint(data[name])};".encode())
    elif isinstance(data, (str, Path)) and Path(data).is_file():
        with open(data, "rb") as file:
            digest = hashlib.file_digest(file, "sha256")
    elif isinstance(data, (str, Path)) and Path(data).is_dir():
        for file in sorted(path for path in Path(data).rglob("*") if path.is_file()):
            digest.update(f"{file.relative_to(data)}={file.stat().st_size};".encode())
    elif hasattr(data, "__len__") and hasattr(data, "__getitem__") and not isinstance(data, (str, bytes, Path)):
        size = len(data)
        digest.update(str(size).encode())
        for position in sorted({number * (size - 1) // max(1, RECORDS - 1) for number in range(RECORDS)} if size else ()):
            absorb(digest, data[position])
    else:
        absorb(digest, data)
    return digest.hexdigest()[:16]


def absorb(digest: Any, value: Any) -> None:
    """Feed one record's content."""
    if isinstance(value, Mapping):
        for key in sorted(map(str, value)):
            digest.update(key.encode() + b"=")
            absorb(digest, value[key])
    elif isinstance(value, (list, tuple)):
        digest.update(f"[{len(value)}]".encode())
        for item in value:
            absorb(digest, item)
    elif isinstance(value, Tensor):
        absorb(digest, value.detach().cpu().numpy())
    elif hasattr(value, "tobytes"):  # arrays and pictures
        digest.update(f"{getattr(value, 'dtype', '')}{getattr(value, 'shape', getattr(value, 'size', ''))}".encode() + value.tobytes())
    elif isinstance(value, (str, int, float, bool, bytes)) or value is None:
        digest.update(repr(value).encode())
    else:
        digest.update(type(value).__qualname__.encode())


def changes(before: Mapping[str, Any], now: Mapping[str, Any], where: str = "") -> list[str]:
    """What differs between two JSON-like mappings, one line each: ``packages.torch: 2.12.0 -> 2.13.0``.

    >>> changes({"a": 1, "b": {"c": 2}}, {"a": 1, "b": {"c": 3, "d": 4}})
    ['b.c: 2 -> 3', 'b.d: absent -> 4']
    """
    lines = []
    for key in [*before, *(key for key in now if key not in before)]:
        name = f"{where}{key}"
        old, new = before.get(key, "absent"), now.get(key, "absent")
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            lines += changes(old, new, name + ".")
        elif old != new:
            lines.append(f"{name}: {brief(old)} -> {brief(new)}")
    return lines


def brief(value: Any) -> str:
    """A value in at most 80 letters."""
    shown = value if isinstance(value, str) else json.dumps(value, default=str)
    return shown if len(shown) <= 80 else shown[:77] + "..."
