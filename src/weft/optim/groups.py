"""Parameter groups as functions of names: by pattern or predicate, with every parameter in exactly one; rates by depth."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn

from weft.optim.optimizers import Factory, Named, check_named

Choice = str | re.Pattern[str] | Sequence[str] | Callable[..., bool]


def matches(choice: Choice, name: str, parameter: nn.Parameter) -> bool:
    """Whether a parameter is meant: by a pattern with ``*``, a compiled regular expression, several patterns, or a predicate.

    A pattern without ``*`` is a parameter's name or a module's: ``head`` means ``head.weight`` and not ``head2.weight``. A predicate takes
    the name, or the name and the parameter.

    >>> w = nn.Parameter(torch.ones(1)); [matches(choice, "body.head.weight", w) for choice in ("body", "head", "*.head.*")]
    [True, False, True]
    """
    if isinstance(choice, str):
        return fnmatchcase(name, choice) or name.startswith(f"{choice}.")
    if isinstance(choice, re.Pattern):
        return choice.search(name) is not None
    if callable(choice):
        return bool(choice(name, parameter) if _takes_two(choice) else choice(name))
    return any(matches(part, name, parameter) for part in choice)


def _takes_two(function: Callable[..., bool]) -> bool:
    code = getattr(function, "__code__", None)
    return code is not None and code.co_argcount - (1 if hasattr(function, "__self__") else 0) >= 2


def in_modules(network: nn.Module, *kinds: type[nn.Module]) -> set[str]:
    """The names of the parameters that modules of these types hold themselves: all norms, all embeddings.

    >>> sorted(in_modules(nn.Sequential(nn.Linear(1, 1), nn.LayerNorm(1)), nn.LayerNorm))
    ['1.bias', '1.weight']
    """
    owned = {id(p) for m in network.modules() if isinstance(m, kinds) for p in m.parameters(recurse=False)}
    return {n for n, p in network.named_parameters() if id(p) in owned}


def chosen(who: str, named: Named, choices: Mapping[str, Choice]) -> dict[str, Named]:
    """Each parameter to the first choice that means it. Errors: a choice that takes nothing, a parameter that nobody takes."""
    taken: dict[str, Named] = {name: [] for name in choices}
    orphans = []
    for name, p in named:
        group = next((g for g, choice in choices.items() if _means(choice, name, p)), None)
        if group is None:
            orphans.append(name)
        else:
            taken[group].append((name, p))
    if orphans:
        shown = ", ".join(orphans[:5]) + (f" and {len(orphans) - 5} more" if len(orphans) > 5 else "")
        raise ValueError(f"{who}: no group takes {shown}. Add one for them, such as {{'rest': '*'}} as the last.")
    empty = [group for group, found in taken.items() if not found]
    if empty:
        some = ", ".join(n for n, _ in named[:5])
        raise ValueError(f"{who}: group {empty[0]!r} takes no parameter; an earlier one took them, or the pattern is wrong. Names here: {some} ...")
    return taken


def _means(choice: Any, name: str, parameter: nn.Parameter) -> bool:
    return name in choice if isinstance(choice, set | frozenset) else matches(choice, name, parameter)


def groups(factory: Factory, options: Mapping[str, tuple[Choice, Mapping[str, float]]]) -> Factory:
    """Named groups with options of their own: ``{"backbone": ("backbone", {"lr": 1e-5}), "head": ("head", {"lr": 1e-3, "weight_decay": 0.0})}``.

    ``factory`` makes the optimizer; where it separates what decays from what does not, each named group is separated, too, and an option
    ``weight_decay`` holds for the part that decays. Choices are those of ``matches`` or sets of names (``in_modules``); the first that means
    a parameter takes it. A schedule reaches a group by its name: ``{"head.lr": cosine()}``.
    Errors: an empty group, a parameter in none, an option that the optimizer has not.
    Use for a slow backbone and a fast head; instead of it ``layerwise`` for rates by depth. Cost: a few groups more to step.

    >>> from weft.optim import sgd
    >>> net = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1)); make = groups(sgd(0.1), {"body": ("0", {"lr": 0.01}), "head": ("1", {})})
    >>> [(g["name"], g["lr"]) for g in make(list(net.named_parameters())).param_groups]
    [('body', 0.01), ('head', 0.1)]
    """

    def make(named: Named) -> torch.optim.Optimizer:
        named = check_named("groups", named)
        taken = chosen("groups", named, {name: choice for name, (choice, _) in options.items()})
        optimizer = factory(named)
        known = set(optimizer.param_groups[0]) - {"params", "param_names", "name"}
        for name, (_, given) in options.items():
            if odd := set(given) - known:
                raise ValueError(f"groups: {name!r} sets {sorted(odd)}, but {type(optimizer).__name__} has {sorted(known)}.")
        place = {id(p): name for name, found in taken.items() for _, p in found}
        result: list[dict[str, Any]] = []
        for name, (_, given) in options.items():
            for group in optimizer.param_groups:
                params = [p for p in group["params"] if place[id(p)] == name]
                plain = group.get("name") == "no_decay"
                own = {k: v for k, v in given.items() if not (plain and k == "weight_decay")}
                if params:
                    rest = {k: v for k, v in group.items() if k != "param_names"}
                    result.append({**rest, **own, "params": params, "name": name})
        optimizer.param_groups[:] = result
        return optimizer

    return make


DEPTHS = {
    "vit": (r"(?:patch|pos|cls|token|embed)\w*", r"(?:^|\.)(?:blocks|layers?|encoder)\.(\d+)\."),
    "bert": (r"(?:^|\.)embeddings?\b", r"(?:^|\.)(?:layers?|blocks|encoder\.layer)\.(\d+)\."),
    "cnn": (r"(?:^|\.)(?:stem|conv1|bn1|norm1)\b", r"(?:^|\.)(?:layer|stages?\.|blocks\.|features\.)(\d+)\b"),
}


def depths(names: Sequence[str], kind: str) -> dict[str, int]:
    """How deep each parameter lies: 0 for the stem, 1 + i for block i, and one more than the last block for the head.

    ``kind`` is ``"cnn"`` (stem; layer1, stages.0, features.0), ``"vit"`` (patches, positions; blocks.0, layers.0) or ``"bert"`` (embeddings;
    layer.0), or ``"order"`` for any network: the modules that hold the parameters, in the order in which they stand.
    Errors: an unknown kind; no block found under such names.

    >>> depths(["patch_embed.weight", "blocks.0.w", "blocks.1.w", "norm.weight", "head.weight"], "vit")
    {'patch_embed.weight': 0, 'blocks.0.w': 1, 'blocks.1.w': 2, 'norm.weight': 3, 'head.weight': 3}
    """
    if kind == "order":
        firsts = list(dict.fromkeys(n.rpartition(".")[0] for n in names))
        return {n: firsts.index(n.rpartition(".")[0]) for n in names}
    if kind not in DEPTHS:
        from weft._lazy import unknown

        raise unknown("depth map", kind, [*DEPTHS, "order"])
    stem, block = (re.compile(pattern) for pattern in DEPTHS[kind])
    numbers = {n: int(found[1]) for n in names if (found := block.search(n))}
    if not numbers:
        raise ValueError(f"depths: no {kind} block among {', '.join(names[:5])} ...; name another kind, or 'order'.")
    ranks = {number: 1 + i for i, number in enumerate(sorted(set(numbers.values())))}
    return {n: ranks[numbers[n]] if n in numbers else 0 if stem.search(n) else 1 + len(ranks) for n in names}


def by_depth(factory: Factory, kind: str | Mapping[str, int] = "order", decay: float = 0.75) -> Factory:
    """Smaller rates for earlier layers, by architecture: lr * decay ^ (deepest - depth), one group a depth.

    ``kind`` is one of ``depths``, or a dict of depths by name. The stem has the smallest rate, the head the full one.
    Paper: Howard and Ruder, 2018, arXiv:1801.06146; Bao et al., 2022, arXiv:2106.08254. Use when fine-tuning; instead of it ``layerwise``,
    which takes a list of modules. Cost: a group a depth, each stepped by itself.

    >>> from weft.optim import sgd
    >>> net = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1)); make = by_depth(sgd(1.0), decay=0.5)
    >>> [g["lr"] for g in make(list(net.named_parameters())).param_groups]
    [0.5, 1.0]
    """

    def make(named: Named) -> torch.optim.Optimizer:
        named = check_named("by_depth", named)
        deep = depths([n for n, _ in named], kind) if isinstance(kind, str) else kind
        missing = [n for n, _ in named if n not in deep]
        if missing:
            raise ValueError(f"by_depth: no depth is given for {', '.join(missing[:5])}; the dict needs every trainable parameter.")
        optimizer = factory(named)
        place = {id(p): deep[n] for n, p in named}
        last = max(place.values())
        result: list[dict[str, Any]] = []
        for group in optimizer.param_groups:
            for depth in sorted({place[id(p)] for p in group["params"]}):
                params = [p for p in group["params"] if place[id(p)] == depth]
                rest = {k: v for k, v in group.items() if k != "param_names"}
                result.append({**rest, "params": params, "lr": group["lr"] * decay ** (last - depth)})
        optimizer.param_groups[:] = result
        return optimizer

    return make


def group_table(optimizer: torch.optim.Optimizer, named: Named) -> str:
    """What an optimizer moves, a line a group: name, rate, decay, number of tensors and of weights, the first names.

    >>> from weft.optim import adamw
    >>> named = list(nn.Linear(2, 3).named_parameters()); print(group_table(adamw(1e-3)(named), named))
    decay: lr 0.001, weight_decay 0.01, 1 tensors, 6 weights: weight
    no_decay: lr 0.001, weight_decay 0, 1 tensors, 3 weights: bias
    """
    names = {id(p): n for n, p in named}
    lines = []
    for number, group in enumerate(optimizer.param_groups):
        first = [names.get(id(p), "?") for p in group["params"]]
        options = ", ".join(f"{key} {group[key]:g}" for key in ("lr", "weight_decay") if isinstance(group.get(key), int | float))
        shown = ", ".join(first[:3]) + (f" and {len(first) - 3} more" if len(first) > 3 else "")
        weights = sum(p.numel() for p in group["params"])
        lines.append(f"{group.get('name', number)}: {options}, {len(first)} tensors, {weights:,} weights: {shown}")
    return "\n".join(lines)
