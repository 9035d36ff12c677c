"""What each activation is good for, its range, its picture as numbers, and which to take."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from weft._lazy import unknown
from weft.nn.activations.named import activation

FAR = math.inf


@dataclass(frozen=True)
class Advice:
    """One line of the guide: formula, range [low, high], what speaks for it, what against, where to use it."""

    formula: str
    low: float
    high: float
    good: str
    bad: str
    use: str


GUIDE: dict[str, Advice] = {
    "relu": Advice("max(x, 0)", 0, FAR, "cheap, sparse", "units can die; not zero-centred", "hidden layers, the default"),
    "leaky_relu": Advice("x if x > 0 else 0.01 x", -FAR, FAR, "no dead units", "one more constant", "discriminators, where ReLU units die"),
    "prelu": Advice("x if x > 0 else a x, a learned", -FAR, FAR, "learns the slope", "spare it weight decay", "deep picture networks"),
    "rrelu": Advice("x if x > 0 else a x, a random", -FAR, FAR, "noise regularises", "training is noisier", "small data"),
    "relu6": Advice("min(max(x, 0), 6)", 0, 6, "bounded, good in 8 bits", "saturates at 6", "mobile networks"),
    "elu": Advice("x if x > 0 else exp(x) - 1", -1, FAR, "mean nearer zero, smooth", "an exponential", "deep nets without norm"),
    "celu": Advice("max(x, 0) + min(a (exp(x / a) - 1), 0)", -1, FAR, "smooth for every a", "an exponential", "as ELU, with another a"),
    "selu": Advice("1.0507 (x if x > 0 else 1.6733 (exp(x) - 1))", -1.7581, FAR, "keeps mean 0, variance 1", "LeCun weights only",
                   "self-normalising networks"),
    "gelu": Advice("x Phi(x)", -0.17, FAR, "smooth, weighs by size", "dearer than ReLU", "transformers"),
    "silu": Advice("x sigmoid(x)", -0.2785, FAR, "smooth, not monotone", "dearer than ReLU", "convolution networks, gates of transformers"),
    "mish": Advice("x tanh(softplus(x))", -0.3089, FAR, "smooth, a little better on pictures at times", "dearest of its kind", "detectors"),
    "hardswish": Advice("x relu6(x + 3) / 6", -0.375, FAR, "SiLU without an exponential", "kinks at -3 and 3", "mobile networks"),
    "tanh": Advice("tanh(x)", -1, 1, "zero-centred, bounded", "saturates: gradients vanish", "recurrent networks, outputs in [-1, 1]"),
    "hardtanh": Advice("min(max(x, -1), 1)", -1, 1, "cheap", "no gradient outside", "quantized networks"),
    "sigmoid": Advice("1 / (1 + exp(-x))", 0, 1, "a probability", "saturates; gradient at most 1/4", "gates, binary outputs"),
    "log_sigmoid": Advice("log sigmoid(x)", -FAR, 0, "exact where sigmoid underflows", "only for logs", "likelihoods"),
    "hardsigmoid": Advice("relu6(x + 3) / 6", 0, 1, "cheap", "no gradient outside [-3, 3]", "gates of mobile networks"),
    "softplus": Advice("log(1 + exp(x))", 0, FAR, "smooth and positive", "never zero", "scales, rates, variances"),
    "softsign": Advice("x / (1 + |x|)", -1, 1, "saturates slowly", "gradient shrinks early", "as tanh, with longer tails"),
    "hardshrink": Advice("x if |x| > 1/2 else 0", -FAR, FAR, "sparse, unbiased", "jumps", "sparse codes"),
    "softshrink": Advice("sign(x) max(|x| - 1/2, 0)", -FAR, FAR, "sparse, continuous", "shrinks what it keeps", "denoising, sparse codes"),
    "tanhshrink": Advice("x - tanh(x)", -FAR, FAR, "passes large values", "flat at 0", "denoising"),
    "sine": Advice("sin(w x)", -1, 1, "fine detail, all derivatives", "needs its own weights", "networks of position"),
    "identity": Advice("x", -FAR, FAR, "nothing is lost", "adds nothing", "outputs of regression"),
}

HIDDEN: dict[str, tuple[str, ...]] = {
    "any": ("relu", "leaky_relu", "silu"),
    "mlp": ("relu", "leaky_relu", "silu"),
    "convolution": ("relu", "silu", "leaky_relu"),
    "transformer": ("gelu", "silu", "relu"),
    "recurrent": ("tanh", "relu"),
    "discriminator": ("leaky_relu", "silu"),
    "mobile": ("hardswish", "relu6", "relu"),
    "self_normalising": ("selu",),
    "position": ("sine", "gelu"),
}
OUTPUT: dict[str, tuple[str, ...]] = {
    "binary": ("sigmoid",),
    "multilabel": ("sigmoid",),
    "multiclass": ("softmax",),
    "regression": ("identity",),
    "positive": ("softplus",),
    "bounded": ("bounded", "tanh", "sigmoid"),
    "picture": ("tanh", "sigmoid"),
}


def recommend(position: str = "hidden", *, task: str = "regression", net: str = "any") -> tuple[str, ...]:
    """Which activations to take, the first being the default: for ``hidden`` layers of a net, or as the ``output`` for a task.

    Nets: any, mlp, convolution, transformer, recurrent, discriminator, mobile, self_normalising, position.
    Tasks: binary, multilabel, multiclass, regression, positive, bounded, picture. An output's activation belongs to predicting: while learning,
    the losses of classes take logits, which is exact where a softmax or sigmoid would underflow.

    Errors: ``ValueError`` naming the nearest for an unknown position, task or net.

    >>> recommend("hidden", net="transformer")[0], recommend("output", task="multiclass")[0]
    ('gelu', 'softmax')
    """
    if position not in ("hidden", "output"):
        raise unknown("position", position, ("hidden", "output"))
    kind, name, table = ("net", net, HIDDEN) if position == "hidden" else ("task", task, OUTPUT)
    if name not in table:
        raise unknown(kind, name, table)
    return table[name]


def sampled(
    names: Iterable[str], low: float = -5.0, high: float = 5.0, points: int = 1000
) -> dict[str, tuple[Float[Tensor, " n"], Float[Tensor, " n"], Float[Tensor, " n"]]]:
    """Each named activation as (x, f(x), f'(x)) at ``points`` even places: what its picture shows.

    ``weft.observe.draw_activations`` draws it.

    Errors: ``ValueError`` naming the nearest for an unknown name.

    >>> x, y, slope = sampled(["relu"], -1, 1, 3)["relu"]
    >>> y, slope
    (tensor([0., 0., 1.]), tensor([0., 0., 1.]))
    """
    curves = {}
    for name in names:
        x = torch.linspace(low, high, points, requires_grad=True)
        with torch.enable_grad():
            y = activation(name).eval()(x)
            (slope,) = torch.autograd.grad(y.sum(), x) if y.requires_grad else (torch.zeros_like(x),)
        curves[name] = (x.detach(), y.detach(), slope)
    return curves
