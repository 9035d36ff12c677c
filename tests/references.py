"""Other libraries as references of the tests, where they are installed."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch


def declare_operators() -> None:
    """Let torchvision be imported, and what imports it (timm), where its wheel was built for another torch.

    Its compiled operators are missing then. Its networks and transforms use none of them: declared, they let the Python half be imported.
    """
    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None or "torchvision" in sys.modules:
        return
    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        text = (Path(found.origin).parent / "_meta_registrations.py").read_text(encoding="utf-8")
        for name in sorted(set(re.findall(r'(?:register_meta\("|torchvision::)(\w+)"', text))):
            torch.library.define(f"torchvision::{name}", "(Tensor x) -> Tensor")
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]


def reference(name: str) -> ModuleType:
    """The module ``name``; the test is skipped where its library is not installed."""
    if name.split(".")[0] in ("torchvision", "timm", "torchmetrics", "segmentation_models_pytorch"):
        declare_operators()
    return pytest.importorskip(name)
