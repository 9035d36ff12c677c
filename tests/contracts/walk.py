"""Entries of the catalogue with their ready-made examples."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

import weft
from weft.catalogue import Entry


def entries(*kinds: str) -> list[Entry]:
    """Everything of these kinds that the tables hold."""
    return [entry for entry in weft.list() if entry.kind in kinds]


def over(*kinds: str) -> pytest.MarkDecorator:
    """Parametrise a test over the catalogue."""
    return pytest.mark.parametrize("entry", entries(*kinds), ids=lambda entry: entry.name)


def example(entry: Entry) -> Any:
    """What the shelf's ``examples()`` holds for an entry; a missing extra skips, a missing example fails."""
    torch.manual_seed(0)
    try:
        examples = importlib.import_module(entry.shelf).examples()
    except ModuleNotFoundError as missing:
        if (missing.name or "weft").startswith("weft"):
            raise
        pytest.skip(f"needs the extra that brings {missing.name}")
    if entry.name not in examples:
        pytest.fail(f"{entry.shelf}.examples() has no {entry.name!r}; add a tiny ready-made instance.")
    return examples[entry.name]


def tensors(value: Any) -> list[Tensor]:
    """The tensors in a nest of lists, dicts and dataclasses."""
    if hasattr(value, "__dataclass_fields__"):
        value = vars(value) if hasattr(value, "__dict__") else [getattr(value, name) for name in value.__dataclass_fields__]
    leaves = pytree.tree_leaves(value)
    return [leaf for leaf in leaves if isinstance(leaf, Tensor)]


class Killed(Exception):
    """What ends a training from outside."""


def killed_after(step: int) -> Any:
    """A listener that ends the training right after a step, before the checkpoint of the next one."""

    def kill(state: Any, logs: Any) -> None:
        if state.step > step:
            raise Killed

    return kill


def same(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    """Whether two states are equal bit for bit."""
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def copied(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in state.items()}
