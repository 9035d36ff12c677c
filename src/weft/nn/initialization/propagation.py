"""Does the signal get through: how large activations and gradients are, layer by layer, before any training."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from weft.nn.initialization.schemes import WEIGHTED

STEP, MILD, HARD = 1.5, 100.0, 10_000.0  # how much a mean square may change: a layer on average; over the whole depth; over any depth
ADVICE = {
    "vanishing gradients": "Use relu, gelu or silu with he_normal, or tanh with xavier; residual connections; a norm.",
    "exploding gradients": "Use smaller weights (he_normal, xavier), a norm, or residual branches that begin small (scale_residual, fixup).",
    "vanishing activations": "Use larger weights (he_normal for relu), a norm, or lsuv on a batch of real inputs.",
    "exploding activations": "Use smaller weights (he_normal, xavier), a norm, or lsuv on a batch of real inputs.",
}


@dataclass(frozen=True)
class Propagation:
    """Mean squares of each layer's output and of the gradient there, from the first layer to the last.

    ``verdicts`` holds what is wrong, each with advice; empty when the signal gets through.
    """

    names: tuple[str, ...]
    forward: tuple[float, ...]
    backward: tuple[float, ...]
    verdicts: dict[str, str]

    @property
    def healthy(self) -> bool:
        """Whether nothing vanishes and nothing explodes."""
        return not self.verdicts

    def __str__(self) -> str:
        width = max(map(len, self.names))
        lines = [f"{'layer':<{width}}  activation^2  gradient^2"]
        lines += [f"{name:<{width}}  {a:12.3e}  {g:10.3e}" for name, a, g in zip(self.names, self.forward, self.backward, strict=True)]
        said = [f"{what}: {advice}" for what, advice in self.verdicts.items()] or ["the signal gets through"]
        return "\n".join(lines + said)


def propagation(module: nn.Module, *inputs: Any, seed: int = 0) -> Propagation:
    """Send inputs forward and a random gradient back, and say whether either dies or blows up with depth.

    The mean square of every linear or convolution layer's output, and of the gradient of a random linear function of the network's output there.
    A verdict needs a change by more than 100 in all, and either by more than 1.5 a layer on average or by more than 10,000 in all. Parameters,
    buffers and gradients stay as they were.

    Errors: ``ValueError`` for a network with fewer than two such layers, or one whose outputs need no gradient.
    Papers: Glorot and Bengio, 2010; Schoenholz et al., 2016, arXiv:1611.01232.
    Use when a deep network does not begin to learn. Cost: one forward and one backward pass.

    >>> deep = nn.Sequential(*[part for _ in range(12) for part in (nn.Linear(64, 64), nn.Sigmoid())])
    >>> list(propagation(deep, torch.randn(32, 64)).verdicts)
    ['vanishing gradients']
    """
    outputs: dict[str, Tensor] = {}
    handles = []
    for name, part in module.named_modules():
        if isinstance(part, WEIGHTED):
            handles.append(part.register_forward_hook(_keep(outputs, name)))
    buffers = {name: value.clone() for name, value in module.named_buffers()}
    try:
        with torch.enable_grad(), torch.random.fork_rng():
            torch.manual_seed(seed)
            given = [value.detach().requires_grad_() if isinstance(value, Tensor) and value.is_floating_point() else value for value in inputs]
            leaves = [leaf for leaf in pytree.tree_leaves(module(*given)) if isinstance(leaf, Tensor) and leaf.requires_grad]
            if len(outputs) < 2 or not leaves:
                came = f"{type(module).__name__} has {len(outputs)} such layers and {len(leaves)} such outputs"
                raise ValueError(f"propagation needs at least two linear or convolution layers and an output with a gradient; {came}.")
            target = sum((leaf * torch.randn_like(leaf)).sum() for leaf in leaves)
            reached = [value for value in outputs.values() if value.requires_grad]
            gradients = torch.autograd.grad(target, reached, allow_unused=True)  # type: ignore[arg-type]
    finally:
        for handle in handles:
            handle.remove()
        with torch.no_grad():
            for name, value in module.named_buffers():
                value.copy_(buffers[name])
    by_output = {id(value): gradient for value, gradient in zip(reached, gradients, strict=True)}
    forward = tuple(_square(value) for value in outputs.values())
    backward = tuple(_square(by_output.get(id(value))) for value in outputs.values())
    return Propagation(tuple(outputs), forward, backward, _verdicts(forward, backward))


def _keep(outputs: dict[str, Tensor], name: str) -> Callable[..., None]:
    def keep(part: nn.Module, args: Any, output: Tensor) -> None:
        outputs[name] = output

    return keep


def _square(value: Tensor | None) -> float:
    return 0.0 if value is None or not value.numel() else value.detach().double().square().mean().item()


def _verdicts(forward: tuple[float, ...], backward: tuple[float, ...]) -> dict[str, str]:
    found = []
    for what, values in (("activations", forward), ("gradients", backward[::-1])):
        first, last = values[0], values[-1]
        if not (math.isfinite(first) and math.isfinite(last)):
            found.append(f"exploding {what}")
            continue
        change = math.log(max(last, 1e-300)) - math.log(max(first, 1e-300))
        if abs(change) > max(math.log(MILD), min((len(values) - 1) * math.log(STEP), math.log(HARD))):
            found.append(f"{'exploding' if change > 0 else 'vanishing'} {what}")
    return {what: ADVICE[what] for what in found}
