"""What this machine has, and what it could have."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import sys
from pathlib import Path
from typing import Any

FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")  # as Linux names them
REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9._-]+)[^;]*;\s*.*extra\s*==\s*['\"]([A-Za-z0-9_-]+)['\"]")
FOR_PEOPLE = ("table", "serve", "sign", "rl", "privacy", "tensorboard", "samples", "files")  # extras that add abilities; the rest is for developers
MEANING = {
    "table": "Parquet files", "serve": "weft serve", "sign": "signed bundles", "rl": "environments of gymnasium",
    "privacy": "accounting for private training", "tensorboard": "TensorBoard files", "samples": "scikit-learn's data sets",
    "files": "HDF5, Zarr, data bases, packed files",
}  # fmt: skip


def examine() -> dict[str, Any]:
    """Versions, processor, devices, threads and extras, as JSON values."""
    import torch

    packages = {name: version(name) for name in ("weft", "torch", "numpy", "safetensors", "pillow", "pyyaml", "rich", "jaxtyping")}
    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "python": platform.python_version(),
        "where": sys.prefix,
        "packages": packages,
        "system": platform.platform(),
        "processor": {"name": processor(), "cores": os.cpu_count(), "abilities": abilities(), "native bfloat16": native_bfloat16()},
        "threads": torch.get_num_threads(),
        "devices": devices + ["mps"] * torch.backends.mps.is_available() + ["xpu"] * torch.xpu.is_available(),
        "auto device": str(auto_device()),
        "extras": extras(),
        "mirror": os.environ.get("WEFT_MIRROR"),
    }


def auto_device() -> Any:
    from weft.parallel.runtime import find_device

    return find_device()


def native_bfloat16() -> bool:
    from weft.parallel.runtime import find_device, native_bfloat16

    return bool(native_bfloat16(find_device()))


def processor() -> str:
    from weft.observe.environment import processor

    return processor()


def abilities() -> list[str]:
    """Which of the vector and matrix units that matter the processor has."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        import torch

        return [torch.backends.cpu.get_cpu_capability().lower()]
    line = next((line for line in text.splitlines() if line.startswith(("flags", "Features"))), "")
    there = set(line.partition(":")[2].split())
    return [flag for flag in FLAGS if flag in there]


def version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def extras() -> dict[str, dict[str, Any]]:
    """Each extra with what it is for, its packages that are missing, and how to get them; read from the installed package's own metadata."""
    found: dict[str, dict[str, Any]] = {}
    for line in importlib.metadata.requires("weft") or []:
        match = REQUIREMENT.match(line)
        if match and match[2] in FOR_PEOPLE:
            missing = found.setdefault(match[2], {"for": MEANING[match[2]], "missing": []})["missing"]
            if version(match[1]) is None:
                missing.append(match[1])
    for name, extra in found.items():
        extra["get it"] = f"pip install 'weft[{name}]'" if extra["missing"] else None
    return found


def written(found: dict[str, Any]) -> str:
    """For people."""
    machine = found["processor"]
    abilities = " ".join(machine["abilities"]) or "none of those that matter"
    precision = "uses bfloat16 where it pays" if machine["native bfloat16"] else "stays float32"
    rows = {"Python": f"{found['python']} in {found['where']}"}
    rows |= {name: number or "missing" for name, number in found["packages"].items()}
    rows |= {
        "system": found["system"],
        "processor": f"{machine['name']}, {machine['cores']} cores, {found['threads']} threads",
        "abilities": f"{abilities}; precision=auto {precision}",
        "devices": f"{', '.join(found['devices']) or 'no accelerator'}; device=auto means {found['auto device']}",
    }
    for name, extra in found["extras"].items():
        state = f"missing {', '.join(extra['missing'])}: {extra['get it']}" if extra["missing"] else "present"
        rows[f"extra {name}"] = f"{state} ({extra['for']})"
    width = max(map(len, rows))
    return "\n".join(f"{name:<{width}}  {text}" for name, text in rows.items())
