"""How each tensor of a network begins: by what it belongs to, what it is called, and what follows it; with a report of every one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

import torch
from torch import Generator, Tensor, nn

from weft.nn.initialization.schemes import WEIGHTED, Scheme, fans_of

NONLINEARITIES: dict[str, str] = {
    "LeakyReLU": "leaky_relu", "Tanh": "tanh", "Sigmoid": "sigmoid", "SELU": "selu", "Softmax": "softmax", "Identity": "identity",
    "ReLU": "relu", "GELU": "gelu", "SiLU": "silu", "Mish": "mish", "ELU": "elu", "Softplus": "softplus", "Hardswish": "hardswish", "ReLU6": "relu6",
}  # fmt: skip
PASSED = ("Dropout", "AlphaDropout", "BatchNorm", "LayerNorm", "GroupNorm", "InstanceNorm", "RMSNorm")  # between a layer and its nonlinearity
GATED = ("weight_ih", "weight_hh", "in_proj_weight")  # several matrices in one tensor, each of which begins by itself


@dataclass(frozen=True)
class Rule:
    """Which tensors begin how: patterns with ``*`` for the layer's type, the tensor's own name, and its full name in the network.

    ``follow=True`` takes the nonlinearity from what follows the layer in its ``nn.Sequential``, where something does.

    >>> Rule(Scheme("zeros"), path="head.*").applies("Linear", "weight", "head.weight")
    True
    """

    scheme: Scheme
    types: tuple[str, ...] = ("*",)
    parameter: str = "*"
    path: str = "*"
    follow: bool = False

    def applies(self, kind: str, parameter: str, path: str) -> bool:
        """Whether this rule is for a tensor."""
        return any(fnmatchcase(kind, pattern) for pattern in self.types) and fnmatchcase(parameter, self.parameter) and fnmatchcase(path, self.path)


STANDARD: tuple[Rule, ...] = (
    Rule(Scheme("ones"), ("*Norm*",), "weight"),
    Rule(Scheme("zeros"), ("*Norm*",), "bias"),
    Rule(Scheme("normal", std=0.02), ("Embedding*",), "weight"),
    Rule(Scheme("xavier_uniform"), parameter="weight_ih*"),
    Rule(Scheme("orthogonal"), parameter="weight_hh*"),
    Rule(Scheme("orthogonal"), parameter="weight_hr*"),
    Rule(Scheme("xavier_uniform"), ("MultiheadAttention",), "*_proj_weight"),
    Rule(Scheme("xavier_uniform"), ("NonDynamicallyQuantizableLinear",), "weight"),
    Rule(Scheme("he_normal", fan="out"), ("*Linear", "Conv*"), "weight", follow=True),
    Rule(Scheme("zeros"), parameter="*bias*"),
)


@dataclass(frozen=True)
class Begun:
    """One tensor of a report: how it began and what it holds now; ``scheme`` is None for one that no rule was for."""

    name: str
    shape: tuple[int, ...]
    layer: str
    scheme: Scheme | None
    mean: float
    std: float
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Beginnings:
    """What ``initialize_by`` did, tensor by tensor; print it for a table."""

    tensors: tuple[Begun, ...] = field(default_factory=tuple)

    @property
    def kept(self) -> list[str]:
        """Tensors that no rule was for, which keep what they held."""
        return [one.name for one in self.tensors if one.scheme is None]

    def mixed(self) -> dict[str, list[str]]:
        """Types of layers whose weights began by more than one scheme: fine where it is meant, a slip where it is not."""
        found: dict[str, set[str]] = {}
        for one in self.tensors:
            if len(one.shape) > 1:
                found.setdefault(f"{one.layer}.{one.name.rpartition('.')[2]}", set()).add(one.scheme.name if one.scheme else "kept")
        return {name: sorted(schemes) for name, schemes in found.items() if len(schemes) > 1}

    def __str__(self) -> str:
        width = max((len(one.name) for one in self.tensors), default=0)
        lines = []
        for one in self.tensors:
            scheme, also = one.scheme.name if one.scheme else "kept", f", also {', '.join(one.also)}" if one.also else ""
            lines.append(f"{one.name:<{width}}  {scheme:<16} mean {one.mean:+.4f} std {one.std:.4f}  {one.shape}{also}")
        return "\n".join(lines)


@torch.no_grad()
def initialize_by(module: nn.Module, rules: Sequence[Rule] = STANDARD, *, forget_bias: float = 1.0, seed: int | None = None) -> Beginnings:
    """Set every parameter by the first rule that is for it, and say what each one holds then.

    The standard: He (fan out, gain of the activation that follows) for linear and convolution weights, norms 1 and 0, embeddings N(0, 0.02^2)
    with zero padding rows, recurrent input weights Xavier and recurrent weights orthogonal gate by gate, attention Xavier for each of q, k, v,
    biases 0 and an LSTM's forget bias 1. Further rules go before these: ``[Rule(Scheme("zeros"), path="head.*"), *STANDARD]`` lets the last layer
    begin at 0. A tensor with several names is set once, by the rule for its first. ``seed`` makes it the same again.

    Papers: He et al., 2015, arXiv:1502.01852; Saxe et al., 2013, arXiv:1312.6120; Jozefowicz et al., 2015.
    Use when a network has parts of several kinds; instead of it, ``initialize`` for linear and convolution layers alone.

    >>> print(initialize_by(nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3)), seed=0).kept)
    []
    """
    generators: dict[torch.device, Generator] = {}
    names: dict[int, list[str]] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    after = _following(module)
    found: list[Begun] = []
    for path, part, own, parameter in _parameters(module):
        if names[id(parameter)][0] != path:
            continue
        kind = type(part).__name__
        rule = next((rule for rule in rules if rule.applies(kind, own, path)), None)
        scheme = rule.scheme if rule else None
        if rule is not None and scheme is not None:
            if rule.follow and id(part) in after:
                scheme = replace(scheme, nonlinearity=after[id(part)])
            if seed is not None and parameter.device not in generators:
                generators[parameter.device] = Generator(parameter.device).manual_seed(seed)
            for block in _blocks(part, own, parameter):
                scheme.fill(block, fans_of(block, part), generators.get(parameter.device))
            _corrected(part, own, parameter, forget_bias)
        std = parameter.float().std(correction=0).item() if parameter.numel() else 0.0
        mean = parameter.float().mean().item() if parameter.numel() else 0.0
        found.append(Begun(path, tuple(parameter.shape), kind, scheme, mean, std, tuple(names[id(parameter)][1:])))
    return Beginnings(tuple(found))


def _parameters(module: nn.Module) -> Iterator[tuple[str, nn.Module, str, nn.Parameter]]:
    for prefix, part in module.named_modules(remove_duplicate=False):
        for own, parameter in part.named_parameters(recurse=False):
            yield f"{prefix}.{own}" if prefix else own, part, own, parameter


def _gates(part: nn.Module, parameter: Tensor) -> int:
    """How many gates lie below each other in a recurrent tensor."""
    dim = getattr(part, "hidden_size", None) or getattr(part, "dim", None)
    return parameter.shape[0] // dim if isinstance(dim, int) and dim and parameter.shape[0] % dim == 0 else 1


def _blocks(part: nn.Module, own: str, parameter: Tensor) -> Sequence[Tensor]:
    if not own.startswith(GATED):
        return [parameter]
    return parameter.chunk(3 if own == "in_proj_weight" else _gates(part, parameter))


def _corrected(part: nn.Module, own: str, parameter: Tensor, forget_bias: float) -> None:
    """What a scheme alone cannot know: the padding row of an embedding, the forget gate of an LSTM."""
    padding = getattr(part, "padding_idx", None)
    if own == "weight" and isinstance(padding, int) and parameter.ndim == 2:
        parameter[padding] = 0.0
    if own.startswith("bias_ih") and "LSTM" in type(part).__name__ and _gates(part, parameter) == 4:
        parameter.chunk(4)[1].fill_(forget_bias)


def _following(module: nn.Module) -> dict[int, str]:
    """The nonlinearity after each layer, read in the order of its ``nn.Sequential``; ``identity`` where none follows before the next layer."""
    found: dict[int, str] = {}
    for part in module.modules():
        if not isinstance(part, nn.Sequential):
            continue
        steps = list(part)
        for number, step in enumerate(steps):
            if isinstance(step, WEIGHTED):
                after = next((other for other in steps[number + 1 :] if not type(other).__name__.startswith(PASSED)), None)
                if after is not None:
                    found[id(step)] = NONLINEARITIES.get(type(after).__name__, "identity" if isinstance(after, WEIGHTED) else "relu")
    return found
