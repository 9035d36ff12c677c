"""The same weights in several places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


def tie(module: nn.Module, names: Mapping[str, str]) -> nn.Module:
    """Let parameters of ``module`` be one and the same: ``tie(net, {"head.weight": "embed.weight"})``; return ``module``.

    Copies, moves and optimizers keep the tie, as torch does; loading keeps it too, also with ``assign=True`` and from weights that hold one of the
    two names only.

    Errors: ``ValueError`` for shapes that differ; ``AttributeError`` for a name that is no parameter.
    Paper: Press and Wolf, 2016, arXiv:1608.05859.
    Use when two parts should share what they learn; the gradient is the sum over both uses. Transposed, take ``TiedLinear``.

    >>> net = tie(nn.ModuleDict({"embed": nn.Embedding(9, 4), "head": nn.Linear(4, 9)}), {"head.weight": "embed.weight"})
    >>> ties(net)
    [['embed.weight', 'head.weight']]
    """
    pairs = dict(names)
    for alias, original in pairs.items():
        own, other = module.get_parameter(original), module.get_parameter(alias)
        if own.shape != other.shape:
            raise ValueError(f"{alias} has shape {tuple(other.shape)} and {original} {tuple(own.shape)}; only equal shapes can be tied.")
    _apply(module, pairs)
    module.register_load_state_dict_pre_hook(lambda part, state, prefix, *rest: _complete(part, state, prefix, pairs))
    module.register_load_state_dict_post_hook(lambda part, missing: _apply(part, pairs))
    return module


def _apply(module: nn.Module, pairs: Mapping[str, str]) -> None:
    for alias, original in pairs.items():
        path, _, name = alias.rpartition(".")
        setattr(module.get_submodule(path), name, module.get_parameter(original))


def _complete(module: nn.Module, state: dict[str, Any], prefix: str, pairs: Mapping[str, str]) -> None:
    """Weights that were stored once are there under both names."""
    for alias, original in pairs.items():
        first, second = prefix + original, prefix + alias
        if first in state or second in state:
            state.setdefault(second, state.get(first))
            state.setdefault(first, state.get(second))


def ties(module: nn.Module) -> list[list[str]]:
    """The names of parameters that are one and the same tensor, group by group.

    >>> ties(nn.Linear(2, 2))
    []
    """
    groups: dict[int, list[str]] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        groups.setdefault(id(parameter), []).append(name)
    return [names for names in groups.values() if len(names) > 1]


class TiedLinear(nn.Module):
    """A linear layer by another layer's matrix, or by its transpose: y = W x + b or y = W^T x + b, with a bias of its own.

    Shapes: W (n, m) is ``source.weight``; plain x (..., m) -> (..., n), transposed x (..., n) -> (..., m).
    Errors: ``ValueError`` when the source has no matrix, or x another width.
    Paper: Vincent et al., 2010 (tied autoencoders).
    Use when a decoder mirrors its encoder, or logits come from an embedding; instead of it, ``tie`` where both layers exist already. The source is
    a part of this layer, so its weight appears under both names and is one tensor.

    >>> import torch
    >>> encoder = nn.Linear(6, 2)
    >>> TiedLinear(encoder, transposed=True)(torch.zeros(1, 2)).shape
    torch.Size([1, 6])
    """

    def __init__(self, source: nn.Module, *, transposed: bool = False, bias: bool = True) -> None:
        super().__init__()
        weight = getattr(source, "weight", None)
        if not isinstance(weight, Tensor) or weight.ndim != 2:
            raise ValueError(f"TiedLinear shares a matrix; {type(source).__name__} has no weight of two dimensions.")
        self.source, self.transposed = source, transposed
        self.bias = nn.Parameter(weight.new_zeros(weight.shape[1 if transposed else 0])) if bias else None

    def forward(self, x: Float[Tensor, " *b in"]) -> Float[Tensor, " *b out"]:
        shared: Any = self.source.weight
        weight = shared.T if self.transposed else shared
        if x.shape[-1] != weight.shape[1]:
            raise ValueError(f"TiedLinear expects vectors of {weight.shape[1]} numbers; got x of shape {tuple(x.shape)}.")
        return F.linear(x, weight, self.bias)
