"""Networks that differ in one place: for ablations and searches."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from weft._lazy import unknown


def expand(spec: Any) -> list[Any]:
    """Every spec that one with choices means: each ``{"any": [a, b, ...]}`` in it is one of its values, in all combinations.

    Errors: ``ValueError`` for a choice without values.
    Use when an ablation runs over parts of a spec; the first result has the first value everywhere.

    >>> expand({"type": "dense", "norm": {"any": ["layer", None]}, "out_dim": {"any": [8, 16]}})[1]
    {'type': 'dense', 'norm': 'layer', 'out_dim': 16}
    """
    return list(_meant(spec))


def _meant(spec: Any) -> Iterator[Any]:
    if isinstance(spec, Mapping) and set(spec) == {"any"}:
        if not isinstance(spec["any"], list) or not spec["any"]:
            raise ValueError(f'A choice is {{"any": [value, ...]}} with at least one value; got {dict(spec)!r}.')
        for value in spec["any"]:
            yield from _meant(value)
    elif isinstance(spec, Mapping):
        for values in itertools.product(*(list(_meant(value)) for value in spec.values())):
            yield dict(zip(spec, values, strict=True))
    elif isinstance(spec, list):
        for values in itertools.product(*(list(_meant(value)) for value in spec)):
            yield list(values)
    else:
        yield spec


def replaced(network: nn.Module, path: str, part: nn.Module | None = None) -> nn.Module:
    """A copy of ``network`` with another part at ``path``, or with none (the identity); the network itself is left alone.

    Errors: ``ValueError`` naming the nearest paths for one that is not there.
    Use when an ablation takes a block away; shapes must still fit.

    >>> replaced(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), "1")[1]
    Identity()
    """
    known = [name for name, _ in network.named_modules() if name]
    if path not in known:
        raise unknown("part of the network", path, known)
    made = copy.deepcopy(network)
    made.set_submodule(path, nn.Identity() if part is None else part)
    return made
