"""Gradual unfreezing: train the top of a network first, and everything below it stage by stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import nn

from weft.nn.freezing import freeze, thaw


def gradual_unfreezing(network: nn.Module, parts: Sequence[str]) -> Iterator[str]:
    """Freeze ``network``, then thaw one more of its ``parts`` (names of submodules, the top first) before each name is handed out.

    Parts that are not named stay frozen. Each stage is a training of its own, whose optimizer takes over the state of the one before by name::

        for stage in gradual_unfreezing(method.network, ["head", "features"]):
            fit(method, data, until=Epochs(3), run=Checkpoints(runs / stage, previous=before))
            before = runs / stage

    Errors: ``AttributeError`` of torch, naming the part that the network does not have, before anything is frozen; ``ValueError`` for no parts.
    Paper: Howard and Ruder, 2018, arXiv:1801.06146.
    Use when a pretrained network meets little data, and a new head would first shake what is below; instead of it, ``layerwise`` learning rates in
    one stage. Cost: none; the early stages are cheaper than a whole one.

    >>> network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    >>> [sum(p.requires_grad for p in network.parameters()) for stage in gradual_unfreezing(network, ["1", "0"])]
    [2, 4]
    """
    if not parts:
        raise ValueError("gradual_unfreezing needs the names of the parts to thaw, the top first.")
    modules = [network.get_submodule(name) for name in parts]
    for part in network.modules():  # mark by mark: one on the whole would keep thawed parts in eval mode
        if next(part.children(), None) is None:
            freeze(part)
        for p in part.parameters(recurse=False):
            p.requires_grad_(False)
    for name, module in zip(parts, modules, strict=True):
        thaw(module)
        yield name
