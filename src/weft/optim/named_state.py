"""The state of an optimizer by parameter name, so that it survives a change of structure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from weft.optim.selection import Named


def _order(optimizer: torch.optim.Optimizer, named: Named) -> list[str]:
    names = {id(p): n for n, p in named}
    return [names[id(p)] for g in optimizer.param_groups for p in g["params"]]


def save_by_name(optimizer: torch.optim.Optimizer, named: Named) -> dict[str, Any]:
    """``{"optimizer": state of each parameter by name, "groups": the groups with names instead of parameters, "shapes": of the parameters}``.

    >>> weight = torch.nn.Parameter(torch.ones(1)); optimizer = torch.optim.SGD([weight], lr=0.5)
    >>> save_by_name(optimizer, [("w", weight)])["groups"][0]["names"]
    ['w']
    """
    saved, names = optimizer.state_dict(), _order(optimizer, named)
    own = ("params", "param_names")
    groups = [{"names": [names[i] for i in g["params"]], **{k: v for k, v in g.items() if k not in own}} for g in saved["param_groups"]]
    state = {names[i]: s for i, s in saved["state"].items()}
    return {"optimizer": state, "groups": groups, "shapes": {n: list(p.shape) for n, p in named if n in state}}


def load_by_name(optimizer: torch.optim.Optimizer, named: Named, state: Mapping[str, Any]) -> dict[str, list[str]]:
    """Take over what ``save_by_name`` made, by parameter name; returns which names vanished and which are new.

    Options that the factory sets come from the present program; what the optimizer itself keeps in its groups goes on.

    >>> weight = torch.nn.Parameter(torch.ones(1)); optimizer = torch.optim.Adam([weight])
    >>> load_by_name(optimizer, [("new", weight)], {"optimizer": {"old": {}}, "groups": []})
    {'vanished': ['old'], 'new': ['new']}
    """
    names, shapes = _order(optimizer, named), {n: p.shape for n, p in named}
    was = state.get("shapes", {})  # a preconditioner has another shape than its matrix, so the state alone does not tell
    fits = {
        n: s for n, s in state["optimizer"].items() if n in shapes and (tuple(was[n]) == tuple(shapes[n]) if n in was else _same_shape(s, shapes[n]))
    }
    groups: list[dict[str, Any]] = []
    for i, group in enumerate(optimizer.state_dict()["param_groups"]):
        saved = state["groups"][i] if i < len(state["groups"]) else {}
        groups.append({**{k: v for k, v in saved.items() if k != "names" and k not in optimizer.defaults}, **group})
    bound = list(optimizer.param_groups)  # schedules and a compiled step hold on to these dicts; loading makes new ones
    optimizer.load_state_dict({"state": {i: fits[n] for i, n in enumerate(names) if n in fits}, "param_groups": groups})
    for group, loaded in zip(bound, optimizer.param_groups, strict=True):
        group.update({k: v for k, v in loaded.items() if not isinstance(group.get(k), Tensor)})
    optimizer.param_groups = bound
    return {"vanished": sorted(set(state["optimizer"]) - set(fits)), "new": sorted(set(names) - set(fits))}


def _same_shape(state: Mapping[str, Any], shape: torch.Size) -> bool:
    return all(not isinstance(v, Tensor) or v.ndim == 0 or v.shape == shape or v.ndim != len(shape) for v in state.values())
