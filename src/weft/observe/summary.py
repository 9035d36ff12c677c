"""What a network is made of: shapes, parameters, operations and memory of every layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Layer:
    """One module: ``depth`` 0 is the network, ``parameters`` are its own and its children's, tied ones once; ``macs`` and ``activations`` (bytes
    of the outputs of what has no children) of all its calls; ``shared`` if it stood in the tree before."""

    name: str
    kind: str
    depth: int
    output: tuple[tuple[int, ...], ...]
    parameters: int
    trainable: int
    macs: int
    activations: int
    calls: int
    shared: bool = False


@dataclass(frozen=True)
class Summary:
    """The layers of a network in the order of its tree, and totals over them; printed, a table."""

    layers: tuple[Layer, ...]
    parameters: int
    trainable: int
    buffers: int
    weight_bytes: int
    macs: int
    activation_bytes: int
    most_depth: int | None = None

    def __str__(self) -> str:
        rows = [("layer", "kind", "output", "parameters", "MACs")]
        for layer in self.layers:
            if self.most_depth is not None and layer.depth > self.most_depth:
                continue
            shapes = " ".join("x".join(map(str, shape)) for shape in layer.output) or "-"
            word = "shared" if layer.shared else f"{layer.parameters:,}" if layer.parameters else ""
            rows.append((f"{'  ' * layer.depth}{layer.name}", layer.kind, shapes, word, f"{layer.macs:,}" if layer.macs else ""))
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        lines = ["  ".join(_cells(row, widths)).rstrip() for row in rows]
        lines.insert(1, "-" * max(map(len, lines)))
        frozen = f" ({self.parameters - self.trainable:,} frozen)" if self.parameters > self.trainable else ""
        training = _bytes(self.weight_bytes * 2 + self.trainable * 8 + self.activation_bytes)
        totals = [
            f"parameters  {self.parameters:,}{frozen}, {_bytes(self.weight_bytes)}; {self.buffers:,} numbers in buffers",
            f"one pass    {self.macs:,} multiply-adds, {_bytes(self.activation_bytes)} of activations",
            f"training    about {training} with AdamW: weights, gradients, two moments, activations",
        ]
        return "\n".join([*lines, "", *totals])

    def json(self) -> dict[str, Any]:
        """The same as plain data."""
        totals = {name: getattr(self, name) for name in ("parameters", "trainable", "buffers", "weight_bytes", "macs", "activation_bytes")}
        return {**totals, "layers": [vars(layer) for layer in self.layers]}


def summary(model: nn.Module, inputs: Any, *, depth: int | None = None) -> Summary:
    """Run the network once on ``inputs`` and count: output shapes, parameters, multiply-adds, bytes of activations.

    ``inputs``: a tensor, a tuple of several, a dict of keywords, or a shape ``(1, 3, 224, 224)`` of float32. With a network made under
    ``torch.device("meta")`` nothing is allocated or computed, whatever its size. Parameters used twice count once. Multiply-adds are those of
    torch's own counter: matrix products, convolutions and attention; element-wise work is not counted.
    The network is left in its mode, without hooks, its buffers and the random state untouched.

    Errors: whatever the network raises for inputs of a wrong shape.
    Use to see where parameters and time go; instead of it, a profiler for measured times. Cost: one forward pass.

    >>> with torch.device("meta"):
    ...     net = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    >>> found = summary(net, (1, 784))
    >>> found.parameters, found.macs
    (101770, 101632)
    """
    place = next((value.device for value in [*model.parameters(), *model.buffers()]), torch.device("cpu"))
    given = torch.zeros(inputs, device=place) if isinstance(inputs, Sequence) and all(isinstance(n, int) for n in inputs) else inputs
    seen: dict[nn.Module, list[Any]] = {}
    modes = {module: module.training for module in model.modules()}
    handles = [module.register_forward_hook(_recorder(seen)) for module in modes]
    counter = FlopCounterMode(model, display=False)
    try:
        model.eval()
        with torch.no_grad(), counter:
            model(**given) if isinstance(given, Mapping) else model(*given) if isinstance(given, (tuple, list)) else model(given)
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes.items():
            module.training = training
    flops = counter.get_flop_counts()
    root = type(model).__name__
    macs = {name: sum(counts.values()) // 2 for name, counts in flops.items()}
    layers = tuple(_layers(model, seen, lambda name: macs.get(f"{root}.{name}" if name else root, 0)))
    parameters = list({id(p): p for p in model.parameters()}.values())
    return Summary(
        layers,
        sum(p.numel() for p in parameters),
        sum(p.numel() for p in parameters if p.requires_grad),
        sum(b.numel() for b in model.buffers()),
        sum(p.numel() * p.element_size() for p in parameters),
        macs.get("Global", 0),
        sum(layer.activations for layer in layers if not layer.shared and _leaf(model, layer.name)),
        depth,
    )


def _cells(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
        yield cell.ljust(width) if place < 3 else cell.rjust(width)


def _recorder(seen: dict[nn.Module, list[Any]]) -> Callable[..., None]:
    def record(module: nn.Module, inputs: Any, output: Any) -> None:
        seen.setdefault(module, []).append([(tuple(t.shape), t.numel() * t.element_size()) for t in _tensors(output)])

    return record


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _tensors(item)


def _leaf(model: nn.Module, name: str) -> bool:
    return not any(True for _ in model.get_submodule("" if name == type(model).__name__ else name).children())


def _layers(model: nn.Module, seen: Mapping[nn.Module, list[Any]], macs: Callable[[str], int]) -> Iterator[Layer]:
    """One for each place in the tree; a module that stands in several is marked shared after the first."""
    known: set[nn.Module] = set()
    for name, module in model.named_modules(remove_duplicate=False):
        calls = seen.get(module, [])
        own = list({id(p): p for p in module.parameters()}.values())
        yield Layer(
            name or type(model).__name__,
            type(module).__name__,
            name.count(".") + 1 if name else 0,
            tuple(shape for shape, _ in calls[0]) if calls else (),
            sum(p.numel() for p in own),
            sum(p.numel() for p in own if p.requires_grad),
            macs(name),
            sum(size for call in calls for _, size in call),
            len(calls),
            module in known,
        )
        known.add(module)


def _bytes(count: float) -> str:
    """A number of bytes with its unit.

    >>> _bytes(1536), _bytes(3 << 30)
    ('1.5 KiB', '3.0 GiB')
    """
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
