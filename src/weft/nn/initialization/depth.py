"""Beginnings that know how deep a network is, or what goes through it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from weft.nn.freezing import eval_mode
from weft.nn.initialization.schemes import WEIGHTED, Scheme, fans_of


@torch.no_grad()
def lsuv(module: nn.Module, *inputs: Any, tolerance: float = 0.1, passes: int = 10, seed: int | None = None) -> dict[str, float]:
    """Orthogonal weights, then layer by layer in the order of the forward pass scaled until its output has variance 1 on real inputs.

    Returns the variance of each layer's output at the end, by name. Biases become 0. The module runs in eval mode meanwhile.

    Errors: ``ValueError`` when nothing was reached, or a layer's output stays constant or cannot be brought within ``tolerance`` of 1.
    Paper: Mishkin and Matas, 2015, arXiv:1511.06422.
    Use when a network has no norms, or odd activations whose gain nobody knows; instead of it, ``initialize``. Cost: a few forward
    passes a layer.

    >>> found = lsuv(nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 4)), torch.randn(256, 8))
    >>> all(abs(variance - 1) < 0.1 for variance in found.values())
    True
    """
    generator = None if seed is None else torch.Generator(next(module.parameters()).device).manual_seed(seed)
    order: list[tuple[str, nn.Module]] = []
    handles = []
    for name, part in module.named_modules():
        if isinstance(part, WEIGHTED):
            handles.append(part.register_forward_hook(lambda part, args, output, name=name: _note(order, name, part)))
    with eval_mode(module):
        try:
            module(*inputs)
        finally:
            for handle in handles:
                handle.remove()
        if not order:
            raise ValueError(f"The forward pass of {type(module).__name__} reaches no linear or convolution layer; lsuv has nothing to scale.")
        for _, layer in order:
            Scheme("orthogonal").fill(layer.weight, generator=generator)  # type: ignore[arg-type]
            if layer.bias is not None:
                layer.bias.zero_()  # type: ignore[operator]
        return {name: _to_unit(module, layer, name, inputs, tolerance, passes) for name, layer in order}


def _note(order: list[tuple[str, nn.Module]], name: str, part: nn.Module) -> None:
    if all(part is not other for _, other in order):
        order.append((name, part))


def _to_unit(module: nn.Module, layer: nn.Module, name: str, inputs: tuple[Any, ...], tolerance: float, passes: int) -> float:
    seen: list[Tensor] = []
    handle = layer.register_forward_hook(lambda part, args, output: seen.append(output.detach()))
    try:
        for _ in range(passes):
            seen.clear()
            module(*inputs)
            variance = torch.cat([output.flatten() for output in seen]).float().var(correction=0).item()
            if abs(variance - 1) < tolerance:
                return variance
            if not variance > 0 or not math.isfinite(variance):
                what = f"The output of {name} has variance {variance} on these inputs"
                raise ValueError(f"{what}; lsuv cannot scale it. Give a batch of different, finite inputs.")
            layer.weight.div_(math.sqrt(variance))  # type: ignore[operator]
    finally:
        handle.remove()
    raise ValueError(f"The output of {name} did not come within {tolerance} of variance 1 in {passes} passes; it has {variance:.3g}.")


@torch.no_grad()
def scale_residual(layers: Sequence[nn.Module], depth: int | None = None) -> None:
    """Multiply the weights that end the residual branches by 1 / sqrt(2 L): with two branches a block the sum of all L blocks keeps variance O(1).

    ``depth`` L is the number of blocks; without it, half the number of ``layers``.

    Errors: ``ValueError`` without layers.
    Paper: Radford et al., 2019 (GPT-2), in the form 1 / sqrt(number of residual layers).
    Use when residual blocks are not normalised at their end; instead of it, ``fixup`` without any norm.

    >>> ends = [nn.Linear(2, 2, bias=False) for _ in range(8)]
    >>> before = ends[0].weight.clone()
    >>> scale_residual(ends)
    >>> torch.allclose(ends[0].weight, before / 8**0.5)
    True
    """
    if not layers:
        raise ValueError("scale_residual needs the layers that end the residual branches; got none.")
    for layer in layers:
        layer.weight.mul_(1 / math.sqrt(2 * depth if depth else len(layers)))  # type: ignore[operator]


@torch.no_grad()
def fixup(branches: Sequence[nn.Module], head: nn.Linear | None = None) -> None:
    """Begin residual branches so that a network of any depth trains without norms: each branch's last layer 0, the others He * L^(-1 / (2 m - 2)).

    L is the number of branches, m the number of linear and convolution layers in one. Biases become 0, and so does ``head``.

    Errors: ``ValueError`` for a branch with fewer than two layers.
    Paper: Zhang et al., 2019, arXiv:1901.09321. Differs: their scalar multipliers and biases are parts of a network, not of its beginning.
    Use when batches are too small for norms; instead of it, a norm.

    >>> branch = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    >>> fixup([branch] * 3)
    >>> branch(torch.ones(1, 4)).abs().sum().item()
    0.0
    """
    for branch in branches:
        layers = [layer for layer in branch.modules() if isinstance(layer, WEIGHTED)]
        if len(layers) < 2:
            raise ValueError(f"fixup needs branches of at least two linear or convolution layers; {type(branch).__name__} has {len(layers)}.")
        factor = len(branches) ** (-1 / (2 * len(layers) - 2))
        for layer in layers:
            last = layer is layers[-1]
            Scheme("zeros" if last else "he_normal", gain=factor).fill(layer.weight, fans_of(layer.weight, layer))
            if layer.bias is not None:
                layer.bias.zero_()
    if head is not None:
        head.weight.zero_()
        if head.bias is not None:
            head.bias.zero_()
