"""The feed-forward half of a transformer block, plain and gated."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from weft._lazy import unknown
from weft.nn.activations import activation as make_activation
from weft.nn.shapes import expect

GATES = {"glu": "sigmoid", "reglu": "relu", "geglu": "gelu", "swiglu": "silu", "bilinear": "identity"}


class GeluMLP(nn.Module):
    """Two linear layers with a GELU between: W2 gelu(W1 x).

    Shapes: x (..., dim) -> (..., dim).
    Use when following GPT-2 or BERT; instead of it, ``SwiGLU``; cost 2 * dim * hidden multiplications a token.

    >>> import torch
    >>> GeluMLP(8, 32)(torch.zeros(2, 3, 8)).shape
    torch.Size([2, 3, 8])
    """

    def __init__(self, dim: int, hidden: int, *, dropout: float = 0.0, bias: bool = True) -> None:
        super().__init__()
        self.up = nn.Linear(dim, hidden, bias=bias)
        self.down = nn.Linear(hidden, dim, bias=bias)
        self.dropout = dropout

    def forward(self, x: Float[Tensor, " *b dim"]) -> Float[Tensor, " *b dim"]:
        expect(x, f"... {self.up.in_features}", "GeluMLP")
        return F.dropout(self.down(F.gelu(self.up(x))), self.dropout, self.training)


class SwiGLU(nn.Module):
    """A gated feed-forward layer: W3 (silu(W1 x) * W2 x).

    Shapes: x (..., dim) -> (..., dim). W1 and W2 are one fused projection: the first half gates.
    Paper: Shazeer, 2020, arXiv:2002.05202.
    Use when following Llama; give ``hidden`` about 8/3 * dim for the cost of a ``GeluMLP`` of 4 * dim.

    >>> import torch
    >>> SwiGLU(8, 24)(torch.zeros(2, 3, 8)).shape
    torch.Size([2, 3, 8])
    """

    def __init__(self, dim: int, hidden: int, *, dropout: float = 0.0, bias: bool = False) -> None:
        super().__init__()
        self.up = nn.Linear(dim, 2 * hidden, bias=bias)
        self.down = nn.Linear(hidden, dim, bias=bias)
        self.dropout = dropout

    def forward(self, x: Float[Tensor, " *b dim"]) -> Float[Tensor, " *b dim"]:
        expect(x, f"... {self.up.in_features}", "SwiGLU")
        gate, value = self.up(x).chunk(2, dim=-1)
        return F.dropout(self.down(F.silu(gate) * value), self.dropout, self.training)


class GatedMLP(nn.Module):
    """A gated feed-forward layer of any kind: W3 (act(W1 x) * W2 x).

    glu: act = sigmoid; reglu: relu; geglu: gelu; swiglu: silu; bilinear: none.

    Shapes: x (..., dim) -> (..., dim). W1 and W2 are one fused projection: the first half gates.
    Errors: ``ValueError`` naming the nearest for an unknown gate.
    Papers: Dauphin et al., 2016, arXiv:1612.08083 (GLU); Shazeer, 2020, arXiv:2002.05202 (the others).
    Use when a gate other than ``SwiGLU``'s is wanted; give ``hidden`` about 8/3 * dim for the cost of a ``GeluMLP`` of 4 * dim.

    >>> import torch
    >>> GatedMLP(8, 24, "geglu")(torch.zeros(2, 3, 8)).shape
    torch.Size([2, 3, 8])
    """

    def __init__(self, dim: int, hidden: int, gate: str = "swiglu", *, dropout: float = 0.0, bias: bool = False) -> None:
        super().__init__()
        if gate not in GATES:
            raise unknown("gate", gate, GATES)
        self.up = nn.Linear(dim, 2 * hidden, bias=bias)
        self.act = make_activation(GATES[gate])
        self.down = nn.Linear(hidden, dim, bias=bias)
        self.dropout = dropout

    def forward(self, x: Float[Tensor, " *b dim"]) -> Float[Tensor, " *b dim"]:
        expect(x, f"... {self.up.in_features}", "GatedMLP")
        gate, value = self.up(x).chunk(2, dim=-1)
        return F.dropout(self.down(self.act(gate) * value), self.dropout, self.training)


class FeedForward(nn.Module):
    """The feed-forward half of a block with its surroundings: x + f(norm(x)) before, norm(x + f(x)) after, f plain or gated.

    ``form`` is an activation (f = W2 act(W1 x)) or a gate of ``GatedMLP`` (glu, reglu, geglu, swiglu, bilinear). ``norm="pre"`` or ``"post"`` is a
    layer norm, None none; without ``residual`` the x is not added. 512 to 2048 to 512 with GELU and layer norm is ``FeedForward(512)``.

    Shapes: x (..., dim) -> (..., dim); ``hidden`` is 4 * dim unless given.
    Errors: ``ValueError`` naming the nearest for an unknown form or place of the norm.
    Papers: Vaswani et al., 2017, arXiv:1706.03762 (post); Xiong et al., 2020, arXiv:2002.04745 (pre).
    Use when a block is put together from parts; instead of it, ``GeluMLP`` or ``SwiGLU`` where the block adds and normalises. A feed-forward layer
    alone is no block: it needs the residual, which is why it is on unless said otherwise.

    >>> import torch
    >>> FeedForward(8, form="swiglu", norm="post")(torch.zeros(2, 3, 8)).shape
    torch.Size([2, 3, 8])
    """

    def __init__(
        self, dim: int, hidden: int | None = None, *, form: str = "gelu", norm: str | None = "pre", residual: bool = True, dropout: float = 0.1
    ) -> None:
        super().__init__()
        if norm not in ("pre", "post", None):
            raise unknown("place of the norm", str(norm), ("pre", "post"))
        hidden = hidden or 4 * dim
        plain = form not in GATES
        self.body = (
            nn.Sequential(nn.Linear(dim, hidden), make_activation(form), nn.Linear(hidden, dim)) if plain else GatedMLP(dim, hidden, form, bias=True)
        )
        self.dim, self.place, self.residual, self.dropout = dim, norm, residual, dropout
        self.norm = nn.LayerNorm(dim) if norm else nn.Identity()

    def forward(self, x: Float[Tensor, " *b dim"]) -> Float[Tensor, " *b dim"]:
        expect(x, f"... {self.dim}", "FeedForward")
        y = self.body(self.norm(x) if self.place == "pre" else x)
        y = F.dropout(y, self.dropout, self.training)
        y = x + y if self.residual else y
        return self.norm(y) if self.place == "post" else y
