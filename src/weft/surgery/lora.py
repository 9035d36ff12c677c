"""Low-rank adapters: fine-tune a large network by small differences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeGuard

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from weft.nn.freezing import freeze

from .replace import replace_layers


class LoRALinear(nn.Linear):
    """A frozen linear layer and a difference of low rank: x W^T + b + scale * x down^T up^T.

    Shapes: x (..., in) -> (..., out); ``down`` (rank, in), ``up`` (out, rank). The layer's own weight and bias keep their names.
    """

    def __init__(self, layer: nn.Linear, rank: int, alpha: float, dropout: float):
        nn.Module.__init__(self)  # the layer's weights are taken over, not drawn anew
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.weight, self.bias = layer.weight, layer.bias
        self.scale, self.rate = alpha / rank, dropout
        self.down = nn.Parameter(layer.weight.new_empty(rank, layer.in_features))
        self.up = nn.Parameter(layer.weight.new_zeros(layer.out_features, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, input: Float[Tensor, "*batch i"]) -> Float[Tensor, "*batch o"]:
        small = F.dropout(input, self.rate, self.training)
        return super().forward(input) + self.scale * F.linear(F.linear(small, self.down), self.up)

    def difference(self) -> Float[Tensor, "o i"]:
        """What the adapter adds to the weight."""
        return self.scale * self.up @ self.down


class LoRAConv2d(nn.Conv2d):
    """A frozen convolution and a difference of low rank: a convolution to ``rank`` channels, then one of 1 x 1.

    Shapes: as the convolution; ``down`` (rank, in, kh, kw), ``up`` (out, rank).
    """

    def __init__(self, layer: nn.Conv2d, rank: int, alpha: float, dropout: float):
        nn.Module.__init__(self)
        for name in layer.__constants__:
            setattr(self, name, getattr(layer, name))
        self.transposed, self._reversed_padding_repeated_twice = layer.transposed, layer._reversed_padding_repeated_twice
        self.weight, self.bias = layer.weight, layer.bias
        self.scale, self.rate = alpha / rank, dropout
        self.down = nn.Parameter(layer.weight.new_empty(rank, *layer.weight.shape[1:]))
        self.up = nn.Parameter(layer.weight.new_zeros(layer.out_channels, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, input: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o y x"]:
        small = F.dropout(input, self.rate, self.training)
        inner = self._conv_forward(small, self.down, None)
        return super().forward(input) + self.scale * F.conv2d(inner, self.up[:, :, None, None])

    def difference(self) -> Float[Tensor, "o i kh kw"]:
        """What the adapter adds to the kernel."""
        return self.scale * torch.einsum("or,rikl->oikl", self.up, self.down)


def lora(
    module: nn.Module, rank: int = 8, alpha: float = 16.0, *, layers: Sequence[str] = (), train: Sequence[str] = (), dropout: float = 0.0
) -> nn.Module:
    """Freeze ``module`` and give its linear and convolutional layers trainable differences of rank ``rank``; at first nothing changes.

    W x + (alpha / rank) up down x, up = 0 at the start. ``layers``: only those whose dotted name ends in one of these (default: all
    ``nn.Linear``, and ``nn.Conv2d`` without groups). ``train``: parts that are trained in full, such as a new head, by name. Works in place and
    returns the module.
    Errors: ``ValueError`` for a rank below 1, a name that nothing has, or a module in which there is nothing to adapt.
    Paper: Hu et al., 2021, arXiv:2106.09685. Differs: convolutions too, and all layers by default.
    Use when a pretrained network is fine-tuned and memory or storage is scarce; instead of it, full fine-tuning when neither is. Cost: rank * (in +
    out) weights a layer, two thin products a pass; nothing after ``merge_lora``.

    >>> network = lora(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)), rank=1, train=("2",))
    >>> [n for n, p in network.named_parameters() if p.requires_grad]
    ['0.down', '0.up', '2.weight', '2.bias']
    """
    if rank < 1:
        raise ValueError(f"lora(rank={rank}): a difference has at least rank 1.")
    names = [n for n, _ in module.named_modules()]
    for wanted in layers:
        if not any(_ends(n, wanted) for n in names):
            raise ValueError(f"lora(layers=...): nothing in the {type(module).__name__} is called {wanted!r}.")
    whole = [module.get_submodule(n) for n in train]
    adapted = 0

    def make(name: str, layer: nn.Module) -> nn.Module | None:
        nonlocal adapted
        if any(layer is part for part in whole):
            return layer
        if (not layers or any(_ends(name, wanted) for wanted in layers)) and adaptable(layer):
            adapted += 1
            layer.requires_grad_(False)
            if isinstance(layer, nn.Linear):
                return LoRALinear(layer, rank, alpha, dropout)
            return LoRAConv2d(layer, rank, alpha, dropout)
        if next(layer.children(), None) is None:
            freeze(layer)  # leaf by leaf: a mark on the whole would keep the adapters in eval mode
        else:
            for p in layer.parameters(recurse=False):
                p.requires_grad_(False)
        return None

    changed = replace_layers(module, make)
    if not adapted:
        called = f" called {list(layers)}" if layers else ""
        raise ValueError(f"lora found nothing to adapt in this {type(module).__name__}: no nn.Linear and no nn.Conv2d without groups{called}.")
    return changed


def merge_lora(module: nn.Module) -> nn.Module:
    """Add every adapter's difference to its layer's weight: plain layers again, the same outputs, no extra cost.

    Works in place and returns the module; the merged layers stay frozen until ``thaw``.
    Use when a fine-tuned network is deployed.

    >>> type(merge_lora(lora(nn.Linear(3, 2)))).__name__
    'Linear'
    """

    def make(name: str, layer: nn.Module) -> nn.Module | None:
        if not isinstance(layer, LoRALinear | LoRAConv2d):
            return None
        with torch.no_grad():
            # A new parameter: the old one may be tied to another layer, which must not move.
            layer.weight = nn.Parameter(layer.weight + layer.difference(), requires_grad=False)
        return plain(layer)

    return replace_layers(module, make)


def plain(layer: nn.Linear | nn.Conv2d) -> nn.Linear | nn.Conv2d:
    """An ordinary layer with the weight and bias of one of its subclasses."""
    if isinstance(layer, nn.Linear):
        made: nn.Linear | nn.Conv2d = nn.Linear(layer.in_features, layer.out_features, layer.bias is not None, device="meta")
    else:
        shape = (layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.groups)
        made = nn.Conv2d(*shape, bias=layer.bias is not None, padding_mode=layer.padding_mode, device="meta")  # type: ignore[arg-type]
    made.weight = layer.weight
    made.bias = layer.bias  # type: ignore[assignment] - torch declares no bias as a parameter all the same
    made.train(layer.training)
    return made


def adaptable(layer: nn.Module) -> TypeGuard[nn.Linear | nn.Conv2d]:
    """Exactly these types: a subclass may use its weight in ways of its own, as attention in torch does."""
    return type(layer) is nn.Linear or (type(layer) is nn.Conv2d and layer.groups == 1)


def _ends(name: str, wanted: str) -> bool:
    return name == wanted or name.endswith(f".{wanted}")
