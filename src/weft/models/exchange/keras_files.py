"""The files that Keras writes: ``.keras`` (a zip of JSON and HDF5) and the older ``.h5``."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from weft._lazy import hint
from weft.models.exchange.keras_layers import PARTS

MAX_BYTES = 8 << 30
MAX_CONFIG = 64 << 20
Weights = dict[str, list[Tensor]]


def read_keras(path: str | Path, *, max_bytes: int = MAX_BYTES) -> tuple[dict[str, Any], Weights, str]:
    """A Keras file as (configuration of the model, weights of each layer by its path, version of Keras). Nothing in the file is run.

    Weights stand in Keras' own order and layout; a layer inside another model is ``outer/inner``. Both parts are bounded before they are
    unpacked: ``max_bytes`` for the weights, 64 MB for the configuration.

    Errors: ``FileNotFoundError``; ``ValueError`` for a file that is none of Keras', is cut short, is too large, has links to other files or
    lacks its configuration (weights alone: ``save_weights``).
    Use to look into a file; instead of it, ``from_keras`` for the network.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}; expected a model that Keras saved as .keras or .h5.")
    try:
        if zipfile.is_zipfile(path):
            return _from_zip(path, max_bytes)
        with path.open("rb") as file:
            if file.read(8) != b"\x89HDF\r\n\x1a\n":
                raise ValueError(f"{str(path)!r} is neither a .keras archive nor an HDF5 file; save with model.save('model.keras').")
        return _from_h5(path, max_bytes)
    except (OSError, zipfile.BadZipFile, json.JSONDecodeError, KeyError, RecursionError) as error:
        raise ValueError(f"{str(path)!r} is not a whole Keras model: {error}") from error


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise ImportError("Keras files keep weights as HDF5: pip install 'weft[files]'") from error
    return h5py


def _from_zip(path: Path, max_bytes: int) -> tuple[dict[str, Any], Weights, str]:
    with zipfile.ZipFile(path) as archive:

        def member(name: str, limit: int) -> bytes:
            size = archive.getinfo(name).file_size
            if size > limit:
                remedy = f"at most {limit:,} are read. Pass a larger max_bytes if you trust it."
                raise ValueError(f"{str(path)!r}: {name} unpacks to {size:,} bytes; {remedy}")
            return archive.read(name)

        config = json.loads(member("config.json", MAX_CONFIG))
        version = str(json.loads(member("metadata.json", MAX_CONFIG)).get("keras_version", "3"))
        content = io.BytesIO(member("model.weights.h5", max_bytes))
    h5py = _h5py()
    with h5py.File(content, "r") as file:
        room = [max_bytes]
        return config, dict(_zip_layers(h5py, file, config["config"], "", "", room)), version


def _zip_layers(h5py: Any, file: Any, config: dict[str, Any], group: str, prefix: str, room: list[int]) -> Iterator[tuple[str, list[Tensor]]]:
    """Each layer's weights; the file numbers layers by class (dense, dense_1 ...), whatever their names."""
    seen: dict[str, int] = {}
    for layer in config["layers"]:
        kind, inner = layer["class_name"], layer["config"]
        if ".ops" in str(layer.get("module", "")):
            continue
        snake = _snake(kind)
        number = seen[snake] = seen.get(snake, -1) + 1
        place = f"{group}layers/{snake}{f'_{number}' if number else ''}"
        name = prefix + str(inner.get("name") or layer.get("name"))
        if "layers" in inner:
            yield from _zip_layers(h5py, file, inner, f"{place}/", f"{name}/", room)
        else:
            parts, where = PARTS.get(kind, ("",)), place
            while kind == "TimeDistributed":
                kind, where = inner["layer"]["class_name"], f"{where}/layer"
                inner, parts = inner["layer"]["config"], PARTS.get(kind, ("",))
            yield name, [array for part in parts for array in _variables(h5py, file, f"{where}/{part}".rstrip("/"), room)]


def _snake(name: str) -> str:
    name = re.sub(r"\W+", "", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()


def _variables(h5py: Any, file: Any, place: str, room: list[int]) -> Iterator[Tensor]:
    group = file.get(f"{place}/vars")
    if group is None and place.endswith("_dense"):
        group = file.get(f"{place.removesuffix('_dense')}/vars")
    for number in range(len(group) if group is not None else 0):
        yield _array(h5py, group, str(number), room)


def _array(h5py: Any, group: Any, name: str, room: list[int]) -> Tensor:
    """One array, if the file itself holds it and there is room for it."""
    node = group
    for step in name.split("/"):
        if isinstance(node.get(step, getlink=True), (h5py.ExternalLink, h5py.SoftLink)):
            raise ValueError(f"{name!r} is a link to somewhere else; weights must lie in the file itself")
        node = node[step]
    if not isinstance(node, h5py.Dataset) or node.external or node.is_virtual:
        raise ValueError(f"{name!r} is no array of the file itself")
    size = node.size * node.dtype.itemsize
    if node.dtype.kind not in "fiub" or size > room[0]:
        raise ValueError(f"{name!r} is {node.dtype} of shape {node.shape}, {size:,} bytes; numbers within {room[0]:,} bytes are read")
    room[0] -= size
    return torch.from_numpy(np.array(node[()]))


def _from_h5(path: Path, max_bytes: int) -> tuple[dict[str, Any], Weights, str]:
    h5py = _h5py()
    with h5py.File(path, "r") as file:
        text = file.attrs.get("model_config")
        if text is None:
            raise ValueError(f"{str(path)!r} has weights but no model: it comes from save_weights. Use model.save('model.keras').")
        if len(text) > MAX_CONFIG:
            raise ValueError(f"{str(path)!r}: its configuration of {len(text):,} characters is too large")
        config = json.loads(text)
        version = str(file.attrs.get("keras_version", file["model_weights"].attrs.get("keras_version", "2")))
        room = [max_bytes]
        return config, dict(_h5_layers(h5py, file["model_weights"], config["config"], "", room)), version


def _h5_layers(h5py: Any, groups: Any, config: Any, prefix: str, room: list[int], inside: Any = None) -> Iterator[tuple[str, list[Tensor]]]:
    """Each layer's weights; what lies in an inner model stands in the outer one's group, under names that hold the layer's own."""
    layers = config if isinstance(config, list) else config["layers"]
    for layer in layers:
        inner, name = layer["config"], str(layer["config"].get("name") or layer.get("name"))
        group = groups.get(name) if inside is None else inside
        if isinstance(inner, list) or "layers" in inner:
            yield from _h5_layers(h5py, groups, inner, f"{prefix}{name}/", room, group)
        elif group is not None:
            names = [n.decode() if isinstance(n, bytes) else str(n) for n in group.attrs.get("weight_names", [])]
            own = [n for n in names if inside is None or name in n.split("/")]
            yield prefix + name, [_array(h5py, group, n, room) for n in own]


def checked(weights: Weights, name: str) -> list[Tensor]:
    """The weights of one layer.

    Errors: ``ValueError`` naming the nearest when there is no such layer.
    """
    if name not in weights:
        raise ValueError(f"The file has no weights for layer {name!r}. {hint(name, weights)}")
    return weights[name]
