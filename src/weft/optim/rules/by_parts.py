"""Several optimizers as one, each with its part of the parameters; Muon with AdamW for what is no matrix."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import torch

from weft.optim.groups import Choice, chosen
from weft.optim.optimizers import Factory, Named, adamw, check_named
from weft.optim.rules.rule import made_by


class Parts(torch.optim.Optimizer):
    """The optimizer of ``by_parts``: its groups and state are those of its parts."""

    def __init__(self, parts: Sequence[torch.optim.Optimizer]):
        self.parts = list(parts)
        groups = [{**group, "part": number} for number, part in enumerate(self.parts) for group in part.param_groups]
        super().__init__([{k: v for k, v in group.items() if k != "param_names"} for group in groups], {})
        self.defaults = {key: value for part in self.parts for key, value in part.defaults.items()}

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step of every part; ``closure`` is evaluated once, before."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for number, part in enumerate(self.parts):
            # loading, schedules and layer-wise rates make new groups; each part works on those that are its own now
            part.param_groups = [group for group in self.param_groups if group["part"] == number]
            part.state = self.state
            part.step()
        return loss


def by_parts(parts: Mapping[str, tuple[Choice, Factory]]) -> Factory:
    """Give each part of the parameters its own rule: ``{"tables": ("*embedding*", sparse_adam()), "rest": ("*", adamw())}``.

    A part is chosen by a pattern of names (``*`` for anything), several of them, or a predicate on (name, parameter); the first that matches
    takes the parameter. Groups are named ``part`` or ``part.group``, so that ``{"tables.lr": schedule}`` reaches one.
    Errors: a part that takes nothing, a parameter that no part takes. Use for sparse embeddings, Muon, or a slow backbone with another rule.
    Cost: that of its parts.

    >>> from torch import nn
    >>> from weft.optim import sgd
    >>> net = nn.Linear(2, 1); rule = by_parts({"bias": ("bias", sgd(0.1)), "rest": ("*", adamw(1e-3))})(list(net.named_parameters()))
    >>> [(g["name"], g["lr"]) for g in rule.param_groups]
    [('bias', 0.1), ('rest.decay', 0.001)]
    """
    return partial(_make, parts=dict(parts))


def _make(named: Named, parts: Mapping[str, tuple[Choice, Factory]]) -> torch.optim.Optimizer:
    taken = chosen("by_parts", check_named("by_parts", named), {name: choice for name, (choice, _) in parts.items()})
    made = []
    for name, (_, factory) in parts.items():
        optimizer = factory(taken[name])
        for group in optimizer.param_groups:
            group["name"] = f"{name}.{group['name']}" if group.get("name") else name
        made.append(optimizer)
    return Parts(made)


def muon(
    lr: float = 0.02,
    weight_decay: float = 0.01,
    momentum: float = 0.95,
    rest_lr: float = 3e-4,
    rest: str | Sequence[str] = ("*embed*", "*token*", "*head*"),
    match_adamw: bool = False,
) -> Factory:
    """Muon for hidden matrices, AdamW for everything else, in one optimizer.

    A matrix moves by lr sqrt(max(1, rows / columns)) along its Nesterov momentum with all singular values brought near 1 (five Newton-Schulz
    rounds in bfloat16, by torch); ``match_adamw`` uses 0.2 sqrt(max(rows, columns)) instead, so that AdamW's rate fits. What is no matrix,
    and what ``rest`` names (embeddings and output layers), is moved by AdamW with ``rest_lr``. Both decay matrices only.
    Paper: Jordan et al., 2024; Liu et al., 2025, arXiv:2502.16982. Use for transformers; instead of it ``adamw``. Cost: one number of state for each
    entry of a matrix, two elsewhere; 15 products of the smaller side's square a step. Errors: a torch older than 2.9, which has no Muon.

    >>> from torch import nn
    >>> net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2)); [g["name"] for g in muon()(list(net.named_parameters())).param_groups]
    ['matrices.decay', 'rest.no_decay']
    """
    if not hasattr(torch.optim, "Muon"):
        raise ImportError(f"muon uses torch's Muon, which torch {torch.__version__} does not have: pip install 'torch>=2.9'.")
    patterns = [rest] if isinstance(rest, str) else list(rest)
    if not 0 <= rest_lr < math.inf:
        raise ValueError(f"muon: rest_lr={rest_lr}; expected a learning rate of 0 or more for what is no matrix.")
    options = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "adjust_lr_fn": "match_rms_adamw" if match_adamw else "original"}
    return partial(_muon, patterns=patterns, matrices=made_by(torch.optim.Muon, "muon", options, {}), others=adamw(rest_lr, weight_decay))


def _muon(named: Named, patterns: list[str], matrices: Factory, others: Factory) -> torch.optim.Optimizer:
    named = check_named("muon", named)
    apart = {n for n, _ in named if any(fnmatchcase(n.lower(), pattern) for pattern in patterns)}
    hidden = [(n, p) for n, p in named if p.ndim == 2 and n not in apart]
    remain = [(n, p) for n, p in named if p.ndim != 2 or n in apart]
    if not hidden:
        raise ValueError("muon found no matrix outside what rest= names; use adamw, or name in rest= only embeddings and output layers.")
    parts: dict[str, Any] = {"matrices": ({n for n, _ in hidden}.__contains__, matrices)}
    if remain:
        parts["rest"] = ("*", others)
    return _make(named, parts)
