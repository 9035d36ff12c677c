"""Recurrent cells as they are written in papers: one step at a time, to be read and changed."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from weft.nn.activations import activation as make_activation
from weft.nn.shapes import expect


class Cell(nn.Module):
    """The weights that every cell has: of the input, of the hidden state, and torch's two biases, under torch's names.

    They start uniform in +-1 / sqrt(dim), as torch's do, so that the state of a ``torch.nn`` cell opens in the cell here and the other way round.
    """

    def __init__(self, in_dim: int, dim: int, gates: int) -> None:
        super().__init__()
        if in_dim < 1 or dim < 1:
            raise ValueError(f"{type(self).__name__} needs sizes of at least 1; got in_dim={in_dim}, dim={dim}.")
        self.in_dim, self.dim = in_dim, dim
        bound = 1 / math.sqrt(dim)
        self.weight_ih = nn.Parameter(torch.empty(gates * dim, in_dim).uniform_(-bound, bound))
        self.weight_hh = nn.Parameter(torch.empty(gates * dim, dim).uniform_(-bound, bound))
        self.bias_ih = nn.Parameter(torch.empty(gates * dim).uniform_(-bound, bound))
        self.bias_hh = nn.Parameter(torch.empty(gates * dim).uniform_(-bound, bound))

    def extra_repr(self) -> str:
        return f"in_dim={self.in_dim}, dim={self.dim}"

    def start(self, x: Float[Tensor, "b in"], state: Float[Tensor, "b dim"] | None = None) -> Float[Tensor, "b dim"]:
        """The state, or for the first step zeros on the input's device and in its dtype; both are of the sizes that the cell was made for."""
        expect(x, f"B {self.in_dim}", type(self).__name__)
        if state is None:
            return x.new_zeros(x.shape[0], self.dim)
        expect(state, f"B {self.dim}", f"{type(self).__name__} (state)")
        return state


class ElmanCell(Cell):
    """The simplest recurrence: h' = tanh(W_x x + b_x + W_h h + b_h).

    Shapes: x (B, in_dim), state (B, dim) or None for zeros -> output (B, dim), which is also the new state.
    Errors: ``ValueError`` for an input of another width or an unknown activation.
    Paper: Elman, 1990, doi:10.1207/s15516709cog1402_1. Differs: two biases, as in torch.
    Use when sequences are short; instead of it, ``GRUCell`` or ``LSTMCell``, whose gradients last longer. Cost dim * (in_dim + dim) a step.

    >>> output, state = ElmanCell(3, 5)(torch.zeros(2, 3))
    >>> output.shape, output is state
    (torch.Size([2, 5]), True)
    """

    def __init__(self, in_dim: int, dim: int, *, activation: str = "tanh") -> None:
        super().__init__(in_dim, dim, gates=1)
        self.act = make_activation(activation)

    def forward(self, x: Float[Tensor, "b in"], state: Float[Tensor, "b dim"] | None = None) -> tuple[Float[Tensor, "b dim"], Float[Tensor, "b dim"]]:
        h = self.start(x, state)
        h = self.act(F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh, self.bias_hh))
        return h, h


class LSTMCell(Cell):
    """Long short-term memory: c' = f c + i g, h' = o tanh(c'), with gates i, f, o = sigmoid(.) and candidate g = tanh(.) of W x + U h + b.

    The four blocks lie in torch's order i, f, g, o; ``reorder_gates`` converts others. ``peephole`` lets i and f see c, and o see c'; ``coupled``
    sets i = 1 - f (three blocks f, g, o); ``norm`` normalises W x, U h and c' before their nonlinearities.

    Shapes: x (B, in_dim), state (h, c) of (B, dim) each or None for zeros -> output (B, dim), new state (h, c).
    ``forget_bias`` is the forget gate's bias at the start; None leaves it random, as torch does.
    Errors: ``ValueError`` for an input of another width.
    Papers: Hochreiter and Schmidhuber, 1997; Gers et al., 2000 (forget gate); Gers and Schmidhuber, 2000 (peepholes); Greff et al., 2015,
    arXiv:1503.04069 (coupled); Ba et al., 2016, arXiv:1607.06450 (norm); Jozefowicz et al., 2015 (forget bias 1).
    Use when a cell must be read, changed or normalised; instead of it, ``Recurrent("lstm", ...)``, the same sums in one kernel. Cost
    4 dim * (in_dim + dim) a step.

    >>> output, (h, c) = LSTMCell(3, 5)(torch.zeros(2, 3))
    >>> output.shape, c.shape
    (torch.Size([2, 5]), torch.Size([2, 5]))
    """

    def __init__(
        self, in_dim: int, dim: int, *, peephole: bool = False, coupled: bool = False, norm: bool = False, forget_bias: float | None = 1.0
    ) -> None:
        super().__init__(in_dim, dim, gates=3 if coupled else 4)
        self.coupled = coupled
        self.peephole = nn.Parameter(torch.zeros(2 if coupled else 3, dim)) if peephole else None
        self.norms = nn.ModuleList(nn.LayerNorm(size) for size in (*[self.weight_ih.shape[0]] * 2, dim)) if norm else None
        if forget_bias is not None:
            forget = slice(0, dim) if coupled else slice(dim, 2 * dim)
            with torch.no_grad():
                self.bias_ih[forget], self.bias_hh[forget] = forget_bias, 0.0

    def forward(
        self, x: Float[Tensor, "b in"], state: tuple[Float[Tensor, "b dim"], Float[Tensor, "b dim"]] | None = None
    ) -> tuple[Float[Tensor, "b dim"], tuple[Float[Tensor, "b dim"], Float[Tensor, "b dim"]]]:
        h, c = (self.start(x, part) for part in state or (None, None))
        if self.norms is None:
            sums = F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh, self.bias_hh)
        else:  # biases after the normalisation, which would remove them
            sums = self.norms[0](F.linear(x, self.weight_ih)) + self.bias_ih + self.norms[1](F.linear(h, self.weight_hh)) + self.bias_hh
        *entering, f, g, o = sums.chunk(3 if self.coupled else 4, dim=-1)
        if self.peephole is not None:
            f = f + self.peephole[0] * c
            entering = [i + self.peephole[1] * c for i in entering]
        f = f.sigmoid()
        i = entering[0].sigmoid() if entering else 1 - f
        c = f * c + i * g.tanh()
        if self.peephole is not None:
            o = o + self.peephole[-1] * c
        h = o.sigmoid() * (c if self.norms is None else self.norms[2](c)).tanh()
        return h, (h, c)


class GRUCell(Cell):
    """Gated recurrent unit: h' = (1 - z) n + z h, with update gate z, reset gate r and candidate n.

    ``reset="after"``: n = tanh(W x + b + r (U h + b')), torch's, cuDNN's and Keras' form. ``reset="before"``: n = tanh(W x + b + U (r h) + b'), the
    paper's. Their weights mean different things and cannot be converted. ``update="old"`` has z weigh the old state (torch); ``"new"`` the new one:
    h' = z n + (1 - z) h, which ``flip_update_gate`` converts exactly. The three blocks lie in torch's order r, z, n.

    Shapes: x (B, in_dim), state (B, dim) or None for zeros -> output (B, dim), which is also the new state.
    Errors: ``ValueError`` for an input of another width or an unknown form.
    Paper: Cho et al., 2014, arXiv:1406.1078 (before, v1 and v3 differ in z).
    Use when weights come from a library with another form; instead of it, ``Recurrent("gru", ...)``. Cost 3 dim * (in_dim + dim) a step.

    >>> GRUCell(3, 5, reset="before")(torch.zeros(2, 3))[0].shape
    torch.Size([2, 5])
    """

    def __init__(self, in_dim: int, dim: int, *, reset: str = "after", update: str = "old") -> None:
        if reset not in ("after", "before") or update not in ("old", "new"):
            raise ValueError(f"GRUCell takes reset='after' or 'before' and update='old' or 'new'; got reset={reset!r}, update={update!r}.")
        super().__init__(in_dim, dim, gates=3)
        self.reset, self.update = reset, update

    def forward(self, x: Float[Tensor, "b in"], state: Float[Tensor, "b dim"] | None = None) -> tuple[Float[Tensor, "b dim"], Float[Tensor, "b dim"]]:
        h = self.start(x, state)
        gates, candidate = 2 * self.dim, slice(2 * self.dim, None)
        x_gates, x_candidate = F.linear(x, self.weight_ih, self.bias_ih).split([gates, self.dim], dim=-1)
        r, z = (x_gates + F.linear(h, self.weight_hh[:gates], self.bias_hh[:gates])).sigmoid().chunk(2, dim=-1)
        old = F.linear(r * h if self.reset == "before" else h, self.weight_hh[candidate], self.bias_hh[candidate])
        n = (x_candidate + (old if self.reset == "before" else r * old)).tanh()
        h = (1 - z) * n + z * h if self.update == "old" else z * n + (1 - z) * h
        return h, h


class SeparateLSTMCell(nn.Module):
    """The LSTM with one linear layer for each gate, on the input and the hidden state side by side: i, f, g, o = W_. [x, h] + b_.

    The same function as ``LSTMCell`` with other storage: ``fused()`` gives that cell, ``SeparateLSTMCell.of(cell)`` comes back.

    Shapes: x (B, in_dim), state (h, c) of (B, dim) each or None for zeros -> output (B, dim), new state (h, c).
    Paper: Hochreiter and Schmidhuber, 1997, in the form of most lecture notes.
    Use when teaching, or when gates need treatment of their own; instead of it, ``LSTMCell``: one product in place of four.

    >>> SeparateLSTMCell(3, 5)(torch.zeros(2, 3))[0].shape
    torch.Size([2, 5])
    """

    def __init__(self, in_dim: int, dim: int, *, forget_bias: float | None = 1.0) -> None:
        super().__init__()
        self.in_dim, self.dim = in_dim, dim
        self.input_gate, self.forget_gate, self.candidate, self.output_gate = (nn.Linear(in_dim + dim, dim) for _ in range(4))
        if forget_bias is not None:
            nn.init.constant_(self.forget_gate.bias, forget_bias)

    def forward(
        self, x: Float[Tensor, "b in"], state: tuple[Float[Tensor, "b dim"], Float[Tensor, "b dim"]] | None = None
    ) -> tuple[Float[Tensor, "b dim"], tuple[Float[Tensor, "b dim"], Float[Tensor, "b dim"]]]:
        expect(x, f"B {self.in_dim}", "SeparateLSTMCell")
        h, c = (x.new_zeros(x.shape[0], self.dim),) * 2 if state is None else state
        both = torch.cat([x, h], dim=-1)
        c = self.forget_gate(both).sigmoid() * c + self.input_gate(both).sigmoid() * self.candidate(both).tanh()
        h = self.output_gate(both).sigmoid() * c.tanh()
        return h, (h, c)

    @property
    def gates(self) -> list[nn.Linear]:
        """The four layers in torch's order i, f, g, o."""
        return [self.input_gate, self.forget_gate, self.candidate, self.output_gate]

    @torch.no_grad()
    def fused(self) -> LSTMCell:
        """The same cell with its gates in one matrix; the second bias is zero."""
        cell = LSTMCell(self.in_dim, self.dim).to(self.candidate.weight)
        whole = torch.cat([gate.weight for gate in self.gates])
        cell.weight_ih.copy_(whole[:, : self.in_dim])
        cell.weight_hh.copy_(whole[:, self.in_dim :])
        cell.bias_ih.copy_(torch.cat([gate.bias for gate in self.gates]))
        cell.bias_hh.zero_()
        return cell

    @classmethod
    @torch.no_grad()
    def of(cls, cell: LSTMCell | nn.LSTMCell) -> SeparateLSTMCell:
        """The gates of a fused cell one by one; torch's two biases are summed."""
        in_dim, dim = cell.weight_ih.shape[1], cell.weight_hh.shape[1]
        if cell.weight_ih.shape[0] != 4 * dim or getattr(cell, "peephole", None) is not None or getattr(cell, "norms", None) is not None:
            raise ValueError("SeparateLSTMCell holds the plain LSTM: no peepholes, no norms, input and forget gate of their own.")
        made = cls(in_dim, dim).to(cell.weight_ih)
        bias = cell.bias_ih + cell.bias_hh if isinstance(cell, LSTMCell) or cell.bias else torch.zeros_like(cell.weight_ih[:, 0])
        for gate, x, h, b in zip(made.gates, cell.weight_ih.chunk(4), cell.weight_hh.chunk(4), bias.chunk(4), strict=True):
            gate.weight.copy_(torch.cat([x, h], dim=1))
            gate.bias.copy_(b)
        return made


class ElmanStep(nn.Module):
    """One step of a network that reads and answers at once: h' = act(W [x, h] + b), y = V h' + c.

    Shapes: x (B, in_dim), state (B, dim) or None for zeros -> output (B, out_dim), new state (B, dim).
    Paper: Elman, 1990, doi:10.1207/s15516709cog1402_1; ``i2h`` and ``h2o`` as tutorials name them.
    Use when a small network answers at every step; instead of it, ``Unrolled(ElmanCell(...))`` and a linear layer over all steps at once.

    >>> ElmanStep(3, 5, 2)(torch.zeros(4, 3))[0].shape
    torch.Size([4, 2])
    """

    def __init__(self, in_dim: int, dim: int, out_dim: int, *, activation: str = "tanh") -> None:
        super().__init__()
        self.in_dim, self.dim = in_dim, dim
        self.i2h, self.h2o = nn.Linear(in_dim + dim, dim), nn.Linear(dim, out_dim)
        self.act = make_activation(activation)

    def forward(self, x: Float[Tensor, "b in"], state: Float[Tensor, "b dim"] | None = None) -> tuple[Float[Tensor, "b out"], Float[Tensor, "b dim"]]:
        expect(x, f"B {self.in_dim}", "ElmanStep")
        h = x.new_zeros(x.shape[0], self.dim) if state is None else state
        expect(h, f"B {self.dim}", "ElmanStep (state)")
        h = self.act(self.i2h(torch.cat([x, h], dim=-1)))
        return self.h2o(h), h
