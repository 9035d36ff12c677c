"""Weights that keep to a set by the way they are computed, on torch's parametrizations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, parametrize

from weft._lazy import hint, unknown


class Positive(nn.Module):
    """softplus(w): every element above 0."""

    def forward(self, raw: Float[Tensor, " *shape"]) -> Float[Tensor, " *shape"]:
        return F.softplus(raw)

    def right_inverse(self, weight: Float[Tensor, " *shape"]) -> Float[Tensor, " *shape"]:
        if (weight <= 0).any():
            raise ValueError("A positive constraint needs a positive weight to begin with; set one, for example weight.abs() + 1e-3.")
        return weight + torch.log(-torch.expm1(-weight))


class Symmetric(nn.Module):
    """The upper triangle, mirrored: W = Wᵀ; with ``skew`` the mirror image is negative and the diagonal 0: W = -Wᵀ."""

    def __init__(self, skew: bool = False) -> None:
        super().__init__()
        self.skew = skew

    def forward(self, raw: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
        upper = raw.triu(1)
        return upper - upper.mT if self.skew else raw.triu() + upper.mT

    def right_inverse(self, weight: Float[Tensor, "n m"]) -> Float[Tensor, "n m"]:
        if weight.shape[0] != weight.shape[1]:
            raise ValueError(f"A symmetric constraint needs a square weight; got one of shape {tuple(weight.shape)}.")
        return weight.triu(1 if self.skew else 0)


class MaxNorm(nn.Module):
    """Each output's weights, scaled down to a norm of at most ``most``; smaller ones are left alone."""

    def __init__(self, most: float = 3.0) -> None:
        super().__init__()
        if most <= 0:
            raise ValueError(f"max_norm needs a norm above 0; got {most}.")
        self.most = most

    def forward(self, raw: Float[Tensor, " o *rest"]) -> Float[Tensor, " o *rest"]:
        norm = raw.flatten(1).norm(dim=1).reshape(-1, *[1] * (raw.ndim - 1))
        return raw * (self.most / norm.clamp(min=self.most))

    def right_inverse(self, weight: Float[Tensor, " o *rest"]) -> Float[Tensor, " o *rest"]:
        return weight


class UnitNorm(nn.Module):
    """Each output's weights, divided by their norm."""

    def forward(self, raw: Float[Tensor, " o *rest"]) -> Float[Tensor, " o *rest"]:
        return F.normalize(raw.flatten(1), dim=1).reshape(raw.shape)

    def right_inverse(self, weight: Float[Tensor, " o *rest"]) -> Float[Tensor, " o *rest"]:
        return weight


class LowRank(nn.Module):
    """The product of a thin and a flat matrix, W = U V, begun at the nearest of that rank (by its singular values)."""

    def __init__(self, rank: int = 4) -> None:
        super().__init__()
        self.rank = rank

    def forward(self, thin: Float[Tensor, "o r"], flat: Float[Tensor, "r i"]) -> Float[Tensor, "o i"]:
        return thin @ flat

    def right_inverse(self, weight: Float[Tensor, "o i"]) -> tuple[Float[Tensor, "o r"], Float[Tensor, "r i"]]:
        if not 1 <= self.rank <= min(weight.shape):
            raise ValueError(f"A weight of shape {tuple(weight.shape)} has ranks from 1 to {min(weight.shape)}; got rank={self.rank}.")
        u, s, v = torch.linalg.svd(weight, full_matrices=False)
        root = s[: self.rank].sqrt()
        return (u[:, : self.rank] * root).contiguous(), (root[:, None] * v[: self.rank]).contiguous()


OWN: dict[str, Callable[..., nn.Module]] = {
    "positive": Positive,
    "symmetric": Symmetric,
    "skew_symmetric": lambda: Symmetric(skew=True),
    "max_norm": MaxNorm,
    "unit_norm": UnitNorm,
    "low_rank": LowRank,
}
TORCHS: dict[str, Callable[..., nn.Module]] = {
    "spectral": parametrizations.spectral_norm,
    "weight_norm": parametrizations.weight_norm,
    "orthogonal": parametrizations.orthogonal,
}
OPTIONS = {"max_norm": ("most",), "low_rank": ("rank",), "spectral": ("n_power_iterations", "eps", "dim"), "weight_norm": ("dim",),
           "orthogonal": ("orthogonal_map", "use_trajectory")}  # fmt: skip


def constrain(module: nn.Module, name: str, options: Mapping[str, Any] | None = None, *, tensor: str = "weight") -> nn.Module:
    """Let ``module.weight`` (or another ``tensor``) keep to a set from now on, whatever the optimizer does; return ``module``.

    Sets: ``positive``, ``symmetric``, ``skew_symmetric``, ``max_norm`` (most 3), ``unit_norm``, ``low_rank`` (rank 4); torch's ``spectral`` (largest
    singular value 1, by power iterations while learning), ``weight_norm`` (length and direction apart), ``orthogonal``.
    The optimizer sees the free parameters behind it, so constrain first and make the optimizer after. They are what is saved; ``release`` ends it.

    Errors: ``ValueError`` naming the nearest for an unknown set, option or tensor, and when the tensor's shape or sign does not suit the set.
    Papers: Miyato et al., 2018, arXiv:1802.05957 (spectral); Salimans and Kingma, 2016, arXiv:1602.07868 (weight norm); Lezcano-Casado, 2019,
    arXiv:1909.09501 (orthogonal); Srivastava et al., 2014 (max norm).
    Use when a property must hold exactly at every step; instead of it, a penalty in the loss when it may hold nearly. Cost: the function of the
    weight at each forward pass.

    >>> layer = constrain(nn.Linear(3, 3), "symmetric")
    >>> torch.equal(layer.weight, layer.weight.T)
    True
    """
    options = dict(options or {})
    if name not in OWN and name not in TORCHS:
        raise unknown("constraint", name, {**OWN, **TORCHS})
    parameters = dict(module.named_parameters(recurse=False))
    if tensor not in parameters:
        raise ValueError(f"{type(module).__name__} has no parameter {tensor!r} to constrain. {hint(tensor, parameters)}")
    for option in options:
        if option not in OPTIONS.get(name, ()):
            raise ValueError(f"Constraint {name!r} has no option {option!r}. {hint(option, OPTIONS.get(name, ()))}")
    if name in TORCHS:
        return TORCHS[name](module, tensor, **options)
    parametrize.register_parametrization(module, tensor, OWN[name](**options))
    return module


def release(module: nn.Module, tensor: str = "weight") -> nn.Module:
    """Make a constrained tensor an ordinary parameter again, with its present value; return ``module``.

    Errors: ``ValueError`` when it is not constrained.

    >>> release(constrain(nn.Linear(2, 2), "unit_norm")).weight.requires_grad
    True
    """
    if not parametrize.is_parametrized(module, tensor):
        raise ValueError(f"{type(module).__name__}.{tensor} is not constrained.")
    return parametrize.remove_parametrizations(module, tensor)
