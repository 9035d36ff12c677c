"""Networks that Keras saved, as torch modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from weft.models.exchange.keras_files import MAX_BYTES, Weights, read_keras
from weft.models.exchange.keras_layers import MERGES, OPERATIONS, PASSES_MASK, fill, keras_layer

Masks = Mapping[tuple[str, int], Tensor | None]
MODELS = ("Sequential", "Functional", "Model")


@dataclass(frozen=True)
class Ref:
    """The output ``index`` of the ``node``-th call of a layer."""

    layer: str
    node: int
    index: int


@dataclass(frozen=True)
class Call:
    """One call of a layer: arguments with references in the places of tensors."""

    layer: str
    node: int
    args: tuple[Any, ...]
    options: dict[str, Any]


class KerasNetwork(nn.Module):
    """A network described by Keras' configuration: the same layers, called in the same order, on tensors laid out as Keras lays them out.

    Inputs and outputs are Keras': pictures (B, H, W, C) unless the model says channels first, one tensor for each input, a tuple for several
    outputs. ``channels_first=True`` takes pictures (B, C, H, W) for an input of four axes, as weft's codecs make them. ``shapes`` are those of
    each layer's weights by the layer's path.

    Errors: ``ValueError`` naming the path of a layer that is not read (Lambda and a user's own classes never are), or of weights that do not fit.
    Use for a network that already is; instead of it, weft's own layers in a new one. Cost: that of the same layers in torch.

    >>> dense = {"class_name": "Dense", "config": {"name": "out", "units": 2, "activation": "relu"}}
    >>> KerasNetwork({"class_name": "Sequential", "config": {"layers": [dense]}}, {"out": [[3, 2], [2]]})(torch.zeros(1, 3)).shape
    torch.Size([1, 2])
    """

    takes_mask = True

    def __init__(
        self,
        config: Mapping[str, Any],
        shapes: Mapping[str, Sequence[Sequence[int]]],
        *,
        before_3: bool = False,
        channels_first: bool = False,
        path: str = "",
    ) -> None:
        super().__init__()
        self.config, self.shapes, self.channels_first, self.path = config, shapes, channels_first, path
        layers, self.inputs, self.outputs, self.calls = _plan(config)
        self.kinds, self.keys, self.layers = {}, {}, nn.ModuleDict()
        for layer in layers:
            name, kind, inner = layer["name"], layer["class_name"], layer["config"]
            self.kinds[name] = kind if not _operation(layer) else "operation"
            where = path + name
            if kind == "InputLayer":
                continue
            try:
                if _operation(layer):
                    if kind not in OPERATIONS:
                        raise ValueError(f"the operation {kind!r} is not read")
                    self.keys[name] = kind
                    continue
                if kind in MODELS:
                    module: nn.Module = KerasNetwork(layer, shapes, before_3=before_3, path=f"{where}/")
                else:
                    module = keras_layer(kind, inner, shapes.get(where, ()), before_3=before_3)
            except (ValueError, KeyError, IndexError, TypeError) as error:
                raise ValueError(f"Layer {where!r} ({kind}) of the Keras model: {error}") from error
            key = name.replace(".", "_")
            self.keys[name] = key if not hasattr(nn.ModuleDict, key) else f"{key}_"
            self.layers[self.keys[name]] = module

    def fill(self, weights: Weights) -> None:
        """Take the weights that ``read_keras`` found.

        Errors: ``ValueError`` naming the layer whose weights do not fit.
        """
        for name, key in self.keys.items():
            if self.kinds[name] == "operation":
                continue
            module, where = self.layers[key], self.path + name
            if isinstance(module, KerasNetwork):
                module.fill(weights)
                continue
            try:
                fill(module, weights.get(where, []))
            except (ValueError, RuntimeError, StopIteration) as error:
                raise ValueError(f"The weights of layer {where!r} ({self.kinds[name]}) do not fit: {error}") from error

    def forward(self, *inputs: Tensor, mask: Tensor | None = None) -> Any:
        if len(inputs) == 1 and isinstance(inputs[0], (list, tuple)):
            inputs = tuple(inputs[0])
        if len(inputs) != len(self.inputs):
            raise ValueError(f"The Keras model takes {len(self.inputs)} inputs ({', '.join(r.layer for r in self.inputs)}); got {len(inputs)}.")
        values: dict[tuple[str, int], Any] = {}
        masks: dict[tuple[str, int], Tensor | None] = {}
        for ref, value in zip(self.inputs, inputs, strict=True):
            values[ref.layer, ref.node] = value.movedim(1, -1) if self.channels_first and value.ndim == 4 else value
            masks[ref.layer, ref.node] = mask
        for call in self.calls:
            args = [_resolved(values, arg) for arg in call.args]
            options = {key: _resolved(values, value) for key, value in call.options.items()}
            values[call.layer, call.node], masks[call.layer, call.node] = self._called(call, args, options, masks)
        return _resolved(values, self.outputs)

    def _called(self, call: Call, args: list[Any], options: dict[str, Any], masks: Masks) -> tuple[Any, Tensor | None]:
        kind = self.kinds[call.layer]
        if kind == "operation":
            return OPERATIONS[self.keys[call.layer]](*args, **options), None
        module, sources = self.layers[self.keys[call.layer]], list(_refs(call.args))
        given = [masks.get((ref.layer, ref.node)) for ref in sources]
        mask = options.pop("mask") if "mask" in options else given[0] if len(given) == 1 else None
        if getattr(module, "takes_masks", False):
            told = {"query_mask": given[0], "value_mask": given[1]}
            options = {key: value for key, value in {**told, **options}.items() if key not in ("key_mask", "return_attention_scores")}
            mask = options["query_mask"]
        elif getattr(module, "takes_mask", False) and mask is not None:
            options["mask"] = mask
        output = module(*args, **options)
        if hasattr(module, "mask"):
            return output, module.mask(args[0])  # type: ignore[operator]
        if kind in MERGES and given and all(m is not None for m in given):
            return output, torch.stack([m for m in given if m is not None]).any(0)
        passes = kind in PASSES_MASK or (kind in ("LSTM", "GRU", "SimpleRNN", "Bidirectional") and bool(getattr(module, "sequences", False)))
        return output, mask if passes else None


def from_keras(path: str | Path, *, channels_first: bool = False, max_bytes: int = MAX_BYTES) -> KerasNetwork:
    """The network of a ``.keras`` or ``.h5`` file, with its weights, in eval mode: same inputs, same outputs, no Keras needed.

    ``channels_first`` takes pictures (B, C, H, W), as weft's codecs make them, where Keras takes (B, H, W, C). Nothing in the file is run: the
    architecture is read as JSON, weights as HDF5; Lambda layers and a user's own classes are refused.

    Errors: ``FileNotFoundError``; ``ValueError`` for a file that is not whole, with the path of the layer that is not read or does not fit.
    Use to go on with a network from Keras or TensorFlow; instead of it, ``hf:NAME`` for one that has a port. Cost: the file is read once.

    >>> from_keras("nowhere.keras")
    Traceback (most recent call last):
    ...
    FileNotFoundError: There is no file 'nowhere.keras'; expected a model that Keras saved as .keras or .h5.
    """
    config, weights, version = read_keras(path, max_bytes=max_bytes)
    shapes = {name: [list(array.shape) for array in arrays] for name, arrays in weights.items() if arrays}
    network = KerasNetwork(config, shapes, before_3=version.split(".")[0] in ("1", "2"), channels_first=channels_first)
    network.fill(weights)
    return network.eval()


def _operation(layer: Mapping[str, Any]) -> bool:
    """Whether an entry is an operation on tensors (``a * 2``), which has no weights; the older format does not say so of its own accord."""
    return ".ops" in str(layer.get("module", "")) or (layer["class_name"] in OPERATIONS and layer["class_name"] not in MERGES)


def _plan(config: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[Ref], Any, list[Call]]:
    """Layers, inputs, outputs and calls in an order in which each finds what it needs."""
    kind, inner = config["class_name"], config["config"]
    if kind not in MODELS:
        raise ValueError(f"The Keras model is of class {kind!r}; Sequential and Functional models are read, a user's own classes are not.")
    listed = inner if isinstance(inner, list) else inner["layers"]  # the oldest files list a Sequential model's layers and say nothing else
    layers: list[dict[str, Any]] = [{**layer, "name": layer["config"].get("name") or layer.get("name")} for layer in listed]
    if kind == "Sequential":
        layers = [layer for layer in layers if layer["class_name"] != "InputLayer"]
        names = ["", *(layer["name"] for layer in layers)]
        calls = [Call(name, 0, (Ref(before, 0, 0),), {}) for before, name in pairwise(names)]
        return layers, [Ref("", 0, 0)], Ref(names[-1], 0, 0), calls
    called = [layer for layer in layers if layer["class_name"] != "InputLayer"]
    calls = [Call(layer["name"], number, *_arguments(node)) for layer in called for number, node in enumerate(layer.get("inbound_nodes", []))]
    inputs, outputs = _ends(config["config"]["input_layers"]), _ends(config["config"]["output_layers"])
    return layers, list(_refs(inputs)), outputs, _ordered(calls, inputs)


def _ordered(calls: list[Call], inputs: Any) -> list[Call]:
    done = {(ref.layer, ref.node) for ref in _refs(inputs)}
    ordered: list[Call] = []
    while calls:
        ready = [call for call in calls if all((ref.layer, ref.node) in done for ref in _refs((call.args, call.options)))]
        if not ready:
            raise ValueError(f"The Keras model has calls that nothing leads to: {', '.join(sorted({call.layer for call in calls}))}.")
        ordered += ready
        done |= {(call.layer, call.node) for call in ready}
        calls = [call for call in calls if (call.layer, call.node) not in done]
    return ordered


def _arguments(node: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of one call: Keras 3 writes them as they were, Keras 2 as a list of [layer, node, index, options]."""
    if isinstance(node, Mapping):
        options = {key: _read(value) for key, value in node["kwargs"].items() if key != "training" and not (value is None and key != "mask")}
        return tuple(_read(arg) for arg in node["args"]), options
    refs = [Ref(str(item[0]), int(item[1]), int(item[2])) for item in node]
    given = {key: value for item in node for key, value in (item[3] if len(item) > 3 else {}).items()}
    options = {key: value for key, value in given.items() if key not in ("training", "mask") and value is not None}
    return ((refs[0],) if len(refs) == 1 else (refs,)), options


def _read(value: Any) -> Any:
    if isinstance(value, Mapping):
        if value.get("class_name") == "__keras_tensor__":
            layer, node, index = value["config"]["keras_history"]
            return Ref(str(layer), int(node), int(index))
        return {key: _read(item) for key, item in value.items()}
    return [_read(item) for item in value] if isinstance(value, list) else value


def _ends(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _ends(item) for key, item in value.items()}
    if len(value) == 3 and isinstance(value[0], str):
        return Ref(value[0], int(value[1]), int(value[2]))
    found = [_ends(item) for item in value]
    return found[0] if len(found) == 1 else found


def _refs(value: Any) -> Iterator[Ref]:
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, (list, tuple, Mapping)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _refs(item)


def _resolved(values: Mapping[tuple[str, int], Any], value: Any) -> Any:
    if isinstance(value, Ref):
        found = values[value.layer, value.node]
        return found[value.index] if isinstance(found, (tuple, list)) else found
    if isinstance(value, (list, tuple)):
        return [_resolved(values, item) for item in value]
    return {key: _resolved(values, item) for key, item in value.items()} if isinstance(value, Mapping) else value
