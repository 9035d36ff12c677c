"""What the figures were measured on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

import torch

PEERS = ("torch", "weft", "lightning", "transformers", "keras")


def describe() -> None:
    """Print processor, threads and the versions of everything that is compared."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    threads, load = torch.get_num_threads(), os.getloadavg()[0]
    print(f"{cpu}, {os.cpu_count()} cores, torch threads {threads}, Python {platform.python_version()}, load {load:.1f}")
    versions = []
    for name in PEERS:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{name} not installed")
    print(", ".join(versions))
