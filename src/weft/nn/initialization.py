"""How weights begin."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from weft._lazy import unknown

WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
SCHEMES: dict[str, Callable[[Tensor], Tensor]] = {
    "he_normal": lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"),
    "he_uniform": lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu"),
    "xavier_normal": nn.init.xavier_normal_,
    "xavier_uniform": nn.init.xavier_uniform_,
    "lecun_normal": lambda w: nn.init.kaiming_normal_(w, nonlinearity="linear"),
    "orthogonal": nn.init.orthogonal_,
    "truncated_normal": lambda w: nn.init.trunc_normal_(w, std=0.02, a=-0.04, b=0.04),
    "zeros": nn.init.zeros_,
}


@torch.no_grad()
def initialize(module: nn.Module, scheme: str, *, gain: float = 1.0, bias: float = 0.0) -> nn.Module:
    """Set every linear and convolution weight in ``module`` by ``scheme`` times ``gain``, their biases to ``bias``; return ``module``.

    Schemes: he_normal, he_uniform (fan in, for relu), xavier_normal, xavier_uniform, lecun_normal, orthogonal, truncated_normal (0.02), zeros.
    Norms and embeddings keep their own beginnings.

    Errors: ``ValueError`` naming the nearest for an unknown scheme, and when nothing in ``module`` could be set.
    Papers: He et al., 2015, arXiv:1502.01852; Glorot and Bengio, 2010; Saxe et al., 2013, arXiv:1312.6120.

    >>> layer = initialize(nn.Linear(4, 2), "orthogonal")
    >>> torch.allclose(layer.weight @ layer.weight.T, torch.eye(2), atol=1e-6)
    True
    """
    if scheme not in SCHEMES:
        raise unknown("scheme", scheme, SCHEMES)
    layers = [layer for layer in module.modules() if isinstance(layer, WEIGHTED)]
    for layer in layers:
        SCHEMES[scheme](layer.weight).mul_(gain)
        if layer.bias is not None:
            layer.bias.fill_(bias)
    if not layers:
        raise ValueError(f"{type(module).__name__} holds no linear or convolution layer to initialize.")
    return module


@torch.no_grad()
def prior_bias(layer: nn.Linear, rate: float) -> nn.Linear:
    """Set a classifier's bias so that its sigmoid starts at ``rate``: b = log(rate / (1 - rate)); return it.

    Errors: ``ValueError`` unless 0 < rate < 1, or the layer has no bias.
    Paper: Lin et al., 2017, arXiv:1708.02002.
    Use when positives are rare, so that the first steps are not spent on learning that.

    >>> prior_bias(nn.Linear(3, 1), 0.5).bias
    Parameter containing:
    tensor([0.], requires_grad=True)
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate is the share of positives and lies between 0 and 1; got {rate}.")
    if layer.bias is None:
        raise ValueError("prior_bias needs a layer with a bias.")
    layer.bias.fill_(math.log(rate / (1 - rate)))
    return layer
