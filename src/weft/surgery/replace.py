"""Replacing layers in place: what adapters and fake quantization have in common."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn


def replace_layers(module: nn.Module, make: Callable[[str, nn.Module], nn.Module | None]) -> nn.Module:
    """Ask ``make(name, layer)`` for each part of ``module``, outermost first; what it returns takes the part's place, None keeps it.

    A part that was replaced is not entered; one that occurs twice is replaced by one and the same. Returns ``module``, or its own replacement.

    >>> network = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    >>> replace_layers(network, lambda name, layer: nn.GELU() if isinstance(layer, nn.ReLU) else None)[1]
    GELU(approximate='none')
    """
    made: dict[int, nn.Module] = {}

    def visit(name: str, part: nn.Module) -> nn.Module:
        if id(part) not in made:
            replacement = make(name, part)
            made[id(part)] = part if replacement is None else replacement
            if replacement is None:
                for child_name, child in list(part.named_children()):
                    new = visit(f"{name}.{child_name}" if name else child_name, child)
                    if new is not child:
                        setattr(part, child_name, new)
        return made[id(part)]

    return visit("", module)
