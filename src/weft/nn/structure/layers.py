"""A network from a list of what its layers are."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from jaxtyping import Shaped
from torch import Tensor, nn

from weft._lazy import load, unknown
from weft.nn.structure.branches import projection
from weft.nn.structure.named import SPOKEN, TORCH, called, torch_layer

DEPTH = 32  # of specs inside specs; a file may come from a stranger


class Layers(nn.Sequential):
    """Layers in a row, each a module or a spec ``{"type": name, option: value, ...}``; with ``residual`` a shortcut around all of them.

    ``type`` is a name of this catalogue (``"residual_block"``, ``"recurrent"``) or of ``torch.nn`` (``"Conv2d"`` or ``"conv2d"``; where both have it,
    lower case means the catalogue's). Options that are specs, or lists of them, are built too: ``{"type": "parallel", "branches": [...]}``. The
    specs are read, never changed, so the same list builds as often as wanted. The shortcut is the identity or a projection read off the layers.

    Shapes: those of the layers, one output into the next.
    Errors: ``ValueError`` for an unknown type and ``TypeError`` for a wrong option, with the place in the list and the nearest names.
    Use when a network stands in a file or is searched over; instead of it, a class of your own, with ``weft.own``.

    >>> net = Layers([{"type": "linear", "in_features": 4, "out_features": 8}, {"type": "relu"}, {"type": "dense", "in_dim": 8, "out_dim": 2}])
    >>> [type(layer).__name__ for layer in net]
    ['Linear', 'ReLU', 'Dense']
    """

    def __init__(self, layers: Sequence[nn.Module | Mapping[str, Any]], residual: bool = False) -> None:
        if not layers:
            raise ValueError("Layers needs at least one layer; got none.")
        made = [made_of(one, f"layers[{number}]") for number, one in enumerate(layers)]
        super().__init__(*made)
        self._around = projection(nn.Sequential(*made)) if residual else None

    def forward(self, input: Shaped[Tensor, " ..."]) -> Any:
        x = input
        for name, layer in self._modules.items():
            if name != "_around" and layer is not None:
                x = layer(x)
        if self._around is None:
            return x
        around = self._around(input)
        if around.shape != x.shape:
            raise ValueError(f"Layers: the layers make {tuple(x.shape)} of {tuple(input.shape)}, the shortcut around them {tuple(around.shape)}.")
        return x + around

    def __len__(self) -> int:
        return sum(name != "_around" for name in self._modules)

    def __iter__(self) -> Any:
        return iter([layer for name, layer in self._modules.items() if name != "_around"])


def made_of(spec: nn.Module | Mapping[str, Any], where: str = "spec", depth: int = 0) -> nn.Module:
    """The module that a spec means; a module is itself.

    Errors: as ``Layers``.

    >>> made_of({"type": "parallel", "branches": [{"type": "relu"}, {"type": "tanh"}], "how": "add"}).how
    'add'
    """
    if isinstance(spec, nn.Module):
        return spec
    if depth > DEPTH:
        raise ValueError(f"{where}: layers are nested more than {DEPTH} deep.")
    if not isinstance(spec, Mapping) or not isinstance(spec.get("type"), str):
        raise ValueError(f'{where}: a layer is {{"type": name, option: value, ...}} or a module; got {spec!r}.')
    name = spec["type"]
    options = {key: _value(value, f"{where}.{key}", depth) for key, value in spec.items() if key != "type"}
    own = catalogue()
    try:
        if name not in TORCH and name in own:
            return called(load(own[name]), options, name)
        if name not in TORCH and name.replace("_", "").lower() not in SPOKEN:
            raise unknown("layer", name, [*own, *TORCH, *SPOKEN])
        return torch_layer(name, options)
    except (ValueError, TypeError) as error:
        text = str(error)
        raise type(error)(text if text.startswith("layers[") else f"{where}: {text}") from error


def catalogue() -> dict[str, str]:
    """Every layer on the shelves of ``weft.nn``, with the place where it is defined.

    >>> catalogue()["residual"]
    'weft.nn.structure.branches:Residual'
    """
    package = importlib.import_module("weft.nn")
    tables = [package.TABLE, *(importlib.import_module(f"weft.nn.{shelf}").TABLE for shelf in package.SHELVES)]
    return {name: path for table in tables for name, path in table.items()}


def _value(value: Any, where: str, depth: int) -> Any:
    if isinstance(value, Mapping):
        if "type" in value:
            return made_of(value, where, depth + 1)
        return {key: _value(item, f"{where}.{key}", depth) for key, item in value.items()}
    if isinstance(value, list):
        return [_value(item, f"{where}[{number}]", depth) for number, item in enumerate(value)]
    return value


def inherited(name: str, library: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A spec with what it takes over from its ``base``: mappings are merged key by key, anything else is replaced; nothing given is changed.

    Errors: ``ValueError`` for a name that the library does not hold, or a spec that is its own ancestor.

    >>> inherited("wide", {"small": {"type": "dense", "in_dim": 4, "out_dim": 8}, "wide": {"base": "small", "out_dim": 64}})
    {'type': 'dense', 'in_dim': 4, 'out_dim': 64}
    """
    line: list[str] = []
    while True:
        if name not in library:
            raise unknown("base", name, library)
        if name in line:
            raise ValueError(f"{name!r} is its own ancestor: {' -> '.join([*line, name])}.")
        line.append(name)
        if "base" not in library[name]:
            break
        name = library[name]["base"]
    found: dict[str, Any] = {}
    for ancestor in reversed(line):
        found = _merged(found, library[ancestor])
    found.pop("base", None)
    return found


def _merged(under: Any, over: Any) -> Any:
    if isinstance(under, Mapping) and isinstance(over, Mapping):
        return {key: _merged(under.get(key), over[key]) if key in over else under[key] for key in {**under, **over}}
    return dict(over) if isinstance(over, Mapping) else over
