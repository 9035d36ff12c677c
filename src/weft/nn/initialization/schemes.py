"""How weights begin: the schemes of the literature, over every linear and convolution layer of a module."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from weft._lazy import unknown

TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, *TRANSPOSED)
LIKE_RELU = ("gelu", "silu", "mish", "elu", "softplus", "hardswish", "relu6")  # near relu at the origin's two sides; torch has no gain of their own
BIAS = {"orthogonal_scaled": 0.01}  # where a scheme asks for another bias than 0


@dataclass(frozen=True)
class Scheme:
    """How one tensor begins: a name and the numbers that this scheme reads.

    he_normal, he_uniform: std = gain(nonlinearity) / sqrt(fan); xavier_normal, xavier_uniform: sqrt(2 / (in + out)); lecun_normal, lecun_uniform:
    sqrt(1 / in); orthogonal: W W^T = I; identity (2 dimensions), dirac (convolutions): the input comes out again; normal, truncated_normal (cut at
    two): ``std``; sparse: ``sparsity`` of each column is 0, the rest normal; zeros, ones, constant: ``value``; orthogonal_scaled: orthogonal
    with bias 0.01; variance_scaled: sqrt(2 / in); layer_sequential: he_normal / sqrt(depth). All are multiplied by ``gain``.

    Errors: ``ValueError`` naming the nearest for an unknown scheme, fan or nonlinearity, and for numbers out of range.
    Papers: He et al., 2015, arXiv:1502.01852; Glorot and Bengio, 2010; LeCun et al., 1998; Saxe et al., 2013, arXiv:1312.6120; Martens, 2010.

    >>> Scheme("he_normal", fan="out").name
    'he_normal'
    """

    name: str = "xavier_uniform"
    gain: float = 1.0
    fan: str = "in"
    nonlinearity: str = "relu"
    std: float = 0.02
    value: float = 0.0
    sparsity: float = 0.9
    depth: int = 1

    def __post_init__(self) -> None:
        if self.name not in DRAWS:
            raise unknown("scheme", self.name, DRAWS)
        if self.fan not in ("in", "out", "mean"):
            raise unknown("fan", self.fan, ("in", "out", "mean"))
        gain_of(self.nonlinearity)
        if self.std < 0 or not 0 <= self.sparsity < 1 or self.depth < 1:
            raise ValueError(f"Scheme needs std >= 0, 0 <= sparsity < 1 and depth >= 1; got {self.std}, {self.sparsity}, {self.depth}.")

    @torch.no_grad()
    def fill(
        self, weight: Float[Tensor, " ..."], fans: tuple[float, float] | None = None, generator: Generator | None = None
    ) -> Float[Tensor, " ..."]:
        """Set a tensor in place and return it; ``fans`` (inputs, outputs of one unit) are read from its shape unless given."""
        return DRAWS[self.name](weight, self, fans or fans_of(weight), generator).mul_(self.gain)

    def spread(self, fans: tuple[float, float]) -> float:
        """The standard deviation that a He scheme promises, without ``gain``."""
        fan = {"in": fans[0], "out": fans[1], "mean": sum(fans) / 2}[self.fan]
        return gain_of(self.nonlinearity) / math.sqrt(max(fan, 1))


def gain_of(nonlinearity: str) -> float:
    """What a nonlinearity takes from the variance, as a factor on the standard deviation: sqrt(2) for relu.

    Torch's ``calculate_gain``, with relu's for those that bend as it does (gelu, silu, mish, elu, ...) and 1 for identity and softmax.

    >>> round(gain_of("relu") ** 2, 6), gain_of("gelu") == gain_of("relu"), gain_of("identity")
    (2.0, True, 1.0)
    """
    if nonlinearity in LIKE_RELU:
        return math.sqrt(2)
    if nonlinearity in ("identity", "softmax"):
        return 1.0
    if nonlinearity not in ("linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
        raise unknown("nonlinearity", nonlinearity, (*LIKE_RELU, "identity", "softmax", "linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"))
    return float(nn.init.calculate_gain(nonlinearity))  # type: ignore[arg-type]


def fans_of(weight: Float[Tensor, " ..."], layer: nn.Module | None = None) -> tuple[float, float]:
    """How many numbers one output sums, and how many outputs one input feeds.

    A transposed convolution stores its weight (in, out / groups, ...), and of its kernel each output meets one place in ``stride``; without the
    layer a weight is read as (out, in, ...).

    >>> fans_of(nn.Conv2d(4, 8, 3).weight), fans_of(nn.Linear(3, 5).weight)
    ((36.0, 72.0), (3.0, 5.0))
    """
    if weight.ndim < 2:
        return 1.0, 1.0
    place = weight[0, 0].numel()
    if isinstance(layer, TRANSPOSED):
        strides = math.prod(layer.stride)
        return weight.shape[0] / layer.groups * place / strides, float(weight.shape[1] * place)
    return float(weight.shape[1] * place), float(weight.shape[0] * place)


Draw = Callable[[Tensor, Scheme, tuple[float, float], Generator | None], Tensor]


def _normal(std: Callable[[Scheme, tuple[float, float]], float]) -> Draw:
    return lambda w, scheme, fans, g: w.normal_(0, std(scheme, fans), generator=g)


def _uniform(std: Callable[[Scheme, tuple[float, float]], float]) -> Draw:
    def draw(w: Tensor, scheme: Scheme, fans: tuple[float, float], g: Generator | None) -> Tensor:
        bound = math.sqrt(3) * std(scheme, fans)
        return w.uniform_(-bound, bound, generator=g)

    return draw


def _orthogonal(w: Tensor, scheme: Scheme, fans: tuple[float, float], g: Generator | None) -> Tensor:
    return nn.init.orthogonal_(w, generator=g)


def _truncated(w: Tensor, scheme: Scheme, fans: tuple[float, float], g: Generator | None) -> Tensor:
    return nn.init.trunc_normal_(w, std=scheme.std, a=-2 * scheme.std, b=2 * scheme.std, generator=g) if scheme.std else w.zero_()


def _shaped(fill: Callable[[Tensor, Scheme, Generator | None], Tensor], fits: Callable[[Tensor], bool], wants: str) -> Draw:
    def draw(w: Tensor, scheme: Scheme, fans: tuple[float, float], g: Generator | None) -> Tensor:
        if not fits(w):
            raise ValueError(f"The scheme {scheme.name!r} is for {wants}; got a tensor of shape {tuple(w.shape)}.")
        return fill(w, scheme, g)

    return draw


DRAWS: dict[str, Draw] = {
    "he_normal": _normal(Scheme.spread),
    "he_uniform": _uniform(Scheme.spread),
    "xavier_normal": _normal(lambda scheme, fans: math.sqrt(2 / sum(fans))),
    "xavier_uniform": _uniform(lambda scheme, fans: math.sqrt(2 / sum(fans))),
    "lecun_normal": _normal(lambda scheme, fans: math.sqrt(1 / fans[0])),
    "lecun_uniform": _uniform(lambda scheme, fans: math.sqrt(1 / fans[0])),
    "variance_scaled": _normal(lambda scheme, fans: math.sqrt(2 / fans[0])),
    "layer_sequential": _normal(lambda scheme, fans: scheme.spread(fans) / math.sqrt(scheme.depth)),
    "normal": _normal(lambda scheme, fans: scheme.std),
    "orthogonal": _orthogonal,
    "orthogonal_scaled": _orthogonal,
    "truncated_normal": _truncated,
    "sparse": _shaped(lambda w, scheme, g: nn.init.sparse_(w, scheme.sparsity, scheme.std, generator=g), lambda w: w.ndim == 2, "matrices"),
    "identity": _shaped(lambda w, scheme, g: nn.init.eye_(w), lambda w: w.ndim == 2, "matrices"),
    "dirac": _shaped(lambda w, scheme, g: nn.init.dirac_(w), lambda w: 3 <= w.ndim <= 5, "the weights of convolutions"),
    "zeros": lambda w, scheme, fans, g: w.zero_(),
    "ones": lambda w, scheme, fans, g: w.fill_(1.0),
    "constant": lambda w, scheme, fans, g: w.fill_(scheme.value),
}


@torch.no_grad()
def initialize(module: nn.Module, scheme: str | Scheme = "xavier_uniform", *, gain: float | None = None, bias: float | None = None) -> nn.Module:
    """Set every linear and convolution weight in ``module`` by ``scheme`` times ``gain``, their biases to ``bias``; return ``module``.

    ``scheme`` is a name or a ``Scheme`` with its numbers. A weight that several layers share is set once. Norms, embeddings and recurrent layers keep
    their own beginnings; ``initialize_by`` has rules for these too.

    Errors: ``ValueError`` naming the nearest for an unknown scheme, and when nothing in ``module`` could be set.

    >>> layer = initialize(nn.Linear(4, 2), "orthogonal")
    >>> torch.allclose(layer.weight @ layer.weight.T, torch.eye(2), atol=1e-6)
    True
    """
    chosen = Scheme(scheme) if isinstance(scheme, str) else scheme
    chosen = chosen if gain is None else replace(chosen, gain=gain)
    layers = [layer for layer in module.modules() if isinstance(layer, WEIGHTED)]
    done: set[int] = set()
    for layer in layers:
        if id(layer.weight) not in done:
            chosen.fill(layer.weight, fans_of(layer.weight, layer))
            done.add(id(layer.weight))
        if layer.bias is not None:
            layer.bias.fill_(BIAS.get(chosen.name, 0.0) if bias is None else bias)
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
