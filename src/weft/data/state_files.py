"""State on disk: nested dicts as one safetensors file and one JSON file, written atomically, checked before they are believed."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor


class Damaged(ValueError):
    """A file is not what was written."""


def pack(tree: Any) -> tuple[dict[str, Tensor], Any]:
    """Split a nested structure into its tensors and a JSON value that refers to them.

    Dicts (any simple keys), lists, tuples, tensors, numbers, strings and None come back exactly; anything else raises ``TypeError``.
    """
    tensors: dict[str, Tensor] = {}

    def walk(node: Any, path: str) -> Any:
        if isinstance(node, Tensor):
            name = str(len(tensors))
            tensors[name] = node.detach().cpu().clone(memory_format=torch.contiguous_format)
            return {"tensor": name}
        if isinstance(node, dict):
            return {"dict": [[walk(k, path), walk(v, f"{path}.{k}")] for k, v in node.items()]}
        if isinstance(node, list | tuple):
            return {type(node).__name__ if type(node) in (list, tuple) else "tuple": [walk(v, f"{path}[{i}]") for i, v in enumerate(node)]}
        if node is None or isinstance(node, bool | int | float | str):
            return node
        raise TypeError(
            f"State at {path or 'the top'} is a {type(node).__name__}. A state_dict holds tensors, numbers, strings, None, dicts, lists and tuples."
        )

    return tensors, walk(tree, "")


def unpack(tensors: dict[str, Tensor], node: Any) -> Any:
    """The tree again, from what ``pack`` made of it."""
    if not isinstance(node, dict):
        return node
    ((kind, value),) = node.items()
    if kind == "tensor":
        return tensors[value]
    if kind == "dict":
        return {unpack(tensors, k): unpack(tensors, v) for k, v in value}
    items = [unpack(tensors, v) for v in value]
    return tuple(items) if kind == "tuple" else items


def write_bytes(path: Path, data: bytes) -> None:
    """Write aside, force to disk, rename: at every moment the old file or the new one is there, whole."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(aside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_state(stem: Path, tree: Any, note: dict[str, Any]) -> None:
    """Write ``stem.safetensors`` and then ``stem.json``, in a folder that is made where needed; the JSON file makes the pair valid."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    tensors, structure = pack(tree)
    blob = save_tensors(tensors)
    write_bytes(stem.with_suffix(".safetensors"), blob)
    body = json.dumps({"note": note, "tensors_sha256": hashlib.sha256(blob).hexdigest(), "tree": structure}).encode()
    write_bytes(stem.with_suffix(".json"), hashlib.sha256(body).hexdigest().encode() + b"\n" + body)


def read_note(stem: Path) -> dict[str, Any]:
    """The note of a state, without its tensors; raises ``Damaged`` when the JSON file is not as written."""
    return _read_json(stem)["note"]


def read_state(stem: Path) -> tuple[Any, dict[str, Any]]:
    """Tree and note, verified; raises ``Damaged`` when a single byte differs from what was written."""
    content = _read_json(stem)
    try:
        blob = stem.with_suffix(".safetensors").read_bytes()
    except OSError as error:
        raise Damaged(f"{stem.name}.safetensors cannot be read: {error}.") from error
    if hashlib.sha256(blob).hexdigest() != content["tensors_sha256"]:
        raise Damaged(f"{stem.name}.safetensors is not what was written: its checksum differs.")
    try:
        return unpack(load_tensors(blob), content["tree"]), content["note"]
    except (SafetensorError, KeyError, ValueError) as error:
        raise Damaged(f"{stem.name} does not fit together: {error}.") from error


def _read_json(stem: Path) -> dict[str, Any]:
    try:
        seal, _, body = stem.with_suffix(".json").read_bytes().partition(b"\n")
    except OSError as error:
        raise Damaged(f"{stem.name}.json cannot be read: {error}.") from error
    if hashlib.sha256(body).hexdigest().encode() != seal:
        raise Damaged(f"{stem.name}.json is not what was written: its checksum differs.")
    return json.loads(body)
