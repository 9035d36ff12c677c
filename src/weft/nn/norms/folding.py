"""Convolution and batch norm become one convolution, for predicting."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights
from torch.utils import _pytree as pytree

from weft.nn.norms.frozen import FrozenBatchNorm

TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
FOLDS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, *TRANSPOSED)
Norm = _BatchNorm | FrozenBatchNorm


def fold_norm(layer: nn.Module, norm: Norm) -> nn.Module:
    """One layer that does what ``layer`` and then ``norm`` do in eval mode: W' = W g / s, b' = (b - mean) g / s + beta, s = sqrt(variance + eps).

    The result is a copy of ``layer`` with other weights and a bias; both arguments are left alone.

    Errors: ``ValueError`` when ``layer`` is no linear or convolution layer, or ``norm`` keeps no statistics.

    >>> conv, norm = nn.Conv2d(2, 3, 1, bias=False), nn.BatchNorm2d(3).eval()
    >>> x = torch.randn(1, 2, 4, 4)
    >>> torch.allclose(fold_norm(conv, norm)(x), norm(conv(x)), atol=1e-6)
    True
    """
    if not isinstance(layer, FOLDS) or norm.running_mean is None or norm.running_var is None:
        raise ValueError(f"fold_norm takes a linear or convolution layer and a norm with running statistics; got {layer} and {norm}.")
    scale = norm.weight if norm.weight is not None else torch.ones_like(norm.running_var)
    shift = norm.bias if norm.bias is not None else torch.zeros_like(norm.running_mean)
    statistics: tuple[Any, ...] = (norm.running_mean, norm.running_var, norm.eps, scale, shift)
    folded = copy.deepcopy(layer)
    if isinstance(layer, nn.Linear):
        folded.weight, folded.bias = fuse_linear_bn_weights(layer.weight, layer.bias, *statistics)
        return folded
    if isinstance(layer, TRANSPOSED) and layer.groups > 1:          # weight (in, out / groups, ...): its second dimension repeats for each group
        each = scale * (norm.running_var + norm.eps).rsqrt()
        size = layer.in_channels // layer.groups
        factors = each.reshape(layer.groups, 1, -1).expand(-1, size, -1).reshape(layer.in_channels, -1)
        bias = layer.bias if layer.bias is not None else torch.zeros_like(norm.running_mean)
        folded.weight = nn.Parameter((layer.weight * factors.reshape(*factors.shape, *[1] * (layer.weight.ndim - 2))).detach())
        folded.bias = nn.Parameter(((bias - norm.running_mean) * each + shift).detach())
        return folded
    folded.weight, folded.bias = fuse_conv_bn_weights(layer.weight, layer.bias, *statistics, transpose=isinstance(layer, TRANSPOSED))
    return folded


@torch.no_grad()
def fold_norms(network: nn.Module, *inputs: Any) -> nn.Module:
    """A copy of ``network`` for predicting in which every batch norm is folded into the layer before it.

    Which layer that is, is seen while the copy looks at ``inputs``: the norm must take the very tensor that a linear or convolution layer gave, both
    once. A norm that follows anything else stays. At the end the copy must answer as the network did.

    Errors: ``ValueError`` when the folded copy answers otherwise: then a layer's output is also used elsewhere than in its norm.
    Use when a trained network predicts and speed counts; instead of it, nothing while it learns. Cost: two forward passes and a copy.

    >>> network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU()).eval()
    >>> fold_norms(network, torch.randn(1, 1, 5, 5))[1]
    Identity()
    """
    folded = copy.deepcopy(network).eval()
    before: dict[int, tuple[nn.Module, Tensor]] = {}
    pairs: dict[nn.Module, nn.Module] = {}
    seen: dict[nn.Module, int] = {}

    def note(module: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        seen[module] = seen.get(module, 0) + 1
        if isinstance(module, FOLDS):
            before[id(output)] = (module, output)          # the tensor is held, so that its number is not given to another
        elif id(given[0]) in before:
            pairs[module] = before[id(given[0])][0]

    hooks = [part.register_forward_hook(note) for part in folded.modules() if isinstance(part, (*FOLDS, _BatchNorm, FrozenBatchNorm))]
    expected = folded(*inputs)
    for hook in hooks:
        hook.remove()
    names = {module: name for name, module in folded.named_modules()}
    for norm, layer in pairs.items():
        if seen[norm] == seen[layer] == 1 and isinstance(norm, Norm) and norm.running_mean is not None:
            put(folded, names[layer], fold_norm(layer, norm))
            put(folded, names[norm], nn.Identity())
    for left, right in zip(pytree.tree_leaves(expected), pytree.tree_leaves(folded(*inputs)), strict=True):
        if isinstance(left, Tensor) and not torch.allclose(left, right, rtol=1e-3, atol=1e-4 * left.abs().max().item() + 1e-6):
            off = (left - right).abs().max().item()
            raise ValueError(f"Folded, the network answers otherwise (by up to {off:.2g}): some layer's output is used elsewhere than in its norm.")
    return folded


def put(module: nn.Module, path: str, part: nn.Module) -> None:
    """Replace the part at a dotted path."""
    parent, _, name = path.rpartition(".")
    setattr(module.get_submodule(parent), name, part)
