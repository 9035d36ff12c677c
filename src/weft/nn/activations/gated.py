"""Gates: one half of a layer decides how much of the other passes. Several things are called GLU; here each has a name."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from weft.nn.activations.named import activation
from weft.nn.shapes import expect


class SplitGate(nn.Module):
    """The input's first half, passed by its second: a * gate(b), (a, b) = halves of x.

    Shapes: x (..., 2 n, ...) -> (..., n, ...) along ``dim``. With a sigmoid it is ``nn.GLU``.
    Errors: ``ValueError`` when the dimension is odd or the gate unknown.
    Paper: Dauphin et al., 2016, arXiv:1612.08083; other gates: Shazeer, 2020, arXiv:2002.05202.
    Use when the layer before already gives both halves; instead of it, ``GatedLinear`` with weights of its own.

    >>> import torch
    >>> SplitGate()(torch.tensor([3.0, 0.0]))
    tensor([1.5000])
    """

    def __init__(self, gate: str = "sigmoid", dim: int = -1) -> None:
        super().__init__()
        self.gate, self.dim = activation(gate), dim

    def forward(self, x: Float[Tensor, " *shape"]) -> Float[Tensor, " *half"]:
        if x.shape[self.dim] % 2:
            raise ValueError(f"SplitGate expects an even size of dimension {self.dim}; got a tensor of shape {tuple(x.shape)}.")
        value, gate = x.chunk(2, self.dim)
        return value * self.gate(gate)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class SelfGate(nn.Module):
    """The input passed by a gate computed from it: x * gate(W x + b).

    Shapes: x (..., dim) -> (..., dim).
    Errors: ``ValueError`` for another width or an unknown gate.
    Use when each feature should be kept or dropped by what the others say (context gating); instead of it, ``GatedLinear`` where the value too is
    a projection. Cost: dim^2 multiplications an item.

    >>> import torch
    >>> SelfGate(4)(torch.zeros(2, 4)).shape
    torch.Size([2, 4])
    """

    def __init__(self, dim: int, gate: str = "sigmoid", *, bias: bool = True) -> None:
        super().__init__()
        self.dim = dim
        self.linear = nn.Linear(dim, dim, bias=bias)
        self.gate = activation(gate)

    def forward(self, x: Float[Tensor, " *b d"]) -> Float[Tensor, " *b d"]:
        expect(x, f"... {self.dim}", "SelfGate")
        return x * self.gate(self.linear(x))


class GatedLinear(nn.Module):
    """Two projections, one the gate of the other: (V x + c) * gate(W x + b).

    Gates: sigmoid (GLU), relu (ReGLU), gelu (GEGLU), silu (SwiGLU), identity (bilinear).

    Shapes: x (..., in_features) -> (..., out_features). Both projections are one matrix: the first half values, the second gates, as ``nn.GLU``.
    Errors: ``ValueError`` for another width or an unknown gate.
    Paper: Dauphin et al., 2016, arXiv:1612.08083; Shazeer, 2020, arXiv:2002.05202.
    Use when a hidden layer should gate itself; instead of it, ``SwiGLU`` for a transformer's whole feed-forward half. Cost: two linear layers.

    >>> import torch
    >>> GatedLinear(4, 6, "relu")(torch.zeros(2, 4)).shape
    torch.Size([2, 6])
    """

    def __init__(self, in_features: int, out_features: int, gate: str = "sigmoid", *, bias: bool = True) -> None:
        super().__init__()
        self.in_features = in_features
        self.linear = nn.Linear(in_features, 2 * out_features, bias=bias)
        self.gate = SplitGate(gate)

    def forward(self, x: Float[Tensor, " *b i"]) -> Float[Tensor, " *b o"]:
        expect(x, f"... {self.in_features}", "GatedLinear")
        return self.gate(self.linear(x))
