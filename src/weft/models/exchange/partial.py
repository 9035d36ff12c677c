"""Weights into a network that they fit only in part, with a report of what became of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from weft._lazy import hint

Rename = Mapping[str, str] | Callable[[str], str]


@dataclass(frozen=True)
class LoadReport:
    """What was ``loaded``; what the network has and the weights lack (``missing``); what the weights have and the network lacks
    (``unexpected``); and what has another shape (``mismatched``: name, shape that came, shape that was expected)."""

    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    mismatched: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]

    @property
    def complete(self) -> bool:
        """Whether every weight found its place and every place its weight."""
        return not (self.missing or self.unexpected or self.mismatched)

    def __str__(self) -> str:
        counts = f"{len(self.loaded)} loaded, {len(self.missing)} missing, {len(self.unexpected)} unexpected"
        lines = [f"{counts}, {len(self.mismatched)} of another shape"]
        lines += [f"  another shape: {name} came as {came}, expected {wanted}" for name, came, wanted in self.mismatched]
        for word, names in (("missing", self.missing), ("unexpected", self.unexpected)):
            lines += [f"  {word}: {name}" for name in names]
        return "\n".join(lines)


def load_partial(
    model: nn.Module,
    state: Mapping[str, Any],
    *,
    rename: Rename | None = None,
    prefix: str = "",
    adapt: Callable[[str, Tensor, torch.Size], Tensor | None] | None = None,
    strict: bool = False,
) -> LoadReport:
    """Load every weight that has a place of its name and shape, and report the rest. Buffers (a norm's statistics) count as weights do.

    ``prefix`` is taken off the names of ``state``; ``rename`` (a mapping, or a function old name -> new name) then renames them. ``adapt(name,
    weight, shape)`` may bring a weight of another shape into shape (cut or interpolated positions), or return None. Nothing is loaded before
    everything is known, so with ``strict`` an error leaves the network as it was.

    Errors: ``ValueError`` with the whole report when ``strict`` and not everything fits; for two weights of one name after renaming; when
    nothing at all fits.
    Use to start from a network with another head; instead of it, ``load_state_dict`` where all fits. Cost: a copy of the weights.

    >>> report = load_partial(nn.Linear(2, 3), {"net.weight": torch.ones(3, 2), "net.bias": torch.ones(4)}, prefix="net.")
    >>> report.loaded, report.mismatched
    (('weight',), (('bias', (4,), (3,)),))
    """
    own = {**dict(model.named_parameters(remove_duplicate=False)), **dict(model.named_buffers(remove_duplicate=False))}
    own = {name: own[name] for name in model.state_dict() if name in own}
    change = (lambda name: rename.get(name, name)) if isinstance(rename, Mapping) else rename or (lambda name: name)
    given: dict[str, Tensor] = {}
    for old, value in state.items():
        name = change(old.removeprefix(prefix))
        if name in given:
            raise ValueError(f"Two weights are called {name!r} after renaming; the second is {old!r}.")
        given[name] = torch.as_tensor(value)
    fitting: dict[str, Tensor] = {}
    mismatched = []
    for name in (name for name in given if name in own):
        value, wanted = given[name], own[name].shape
        if value.shape != wanted and adapt is not None:
            value = adapted if (adapted := adapt(name, value, wanted)) is not None else value
        if value.shape == wanted:
            fitting[name] = value
        else:
            mismatched.append((name, tuple(value.shape), tuple(wanted)))
    report = LoadReport(tuple(fitting), tuple(n for n in own if n not in given), tuple(n for n in given if n not in own), tuple(mismatched))
    if strict and not report.complete:
        raise ValueError(f"The weights do not fit {type(model).__name__}: {report}")
    if given and own and not fitting:
        first = next(iter(given))
        raise ValueError(f"No weight fits {type(model).__name__}; the first is {first!r}. {hint(first, own)} Say prefix= or rename=.\n{report}")
    with torch.no_grad():
        for name, value in fitting.items():
            own[name].copy_(value)
    return report
