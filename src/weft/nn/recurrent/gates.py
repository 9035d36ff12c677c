"""The same recurrent weights in other libraries' forms: order of gates, number of biases, meaning of the update gate."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

ALIASES = str.maketrans("cjhu", "ggnz")  # a candidate is g (or n in a GRU), an update gate z
TORCH = {"lstm": "ifgo", "gru": "rzn", "rnn": "n"}
KERAS = {"lstm": "ifgo", "gru": "zrn", "rnn": "n"}
ONNX = {"lstm": "iofg", "gru": "zrn", "rnn": "n"}


def reorder_gates(weight: Float[Tensor, " gates_dim *rest"], came: str, wanted: str) -> Float[Tensor, " gates_dim *rest"]:
    """Blocks of rows from one order of gates into another: ``reorder_gates(w, "iofc", "ifgo")`` is ONNX to torch.

    Letters: i input, f forget, g (also c, j) candidate, o output; of a GRU r reset, z (also u) update, n (also h) candidate.
    Known orders: torch ifgo and rzn; Keras ifco and zrh; ONNX iofc and zrh; TensorFlow 1 icfo.

    Shapes: (gates * dim, ...) -> the same.
    Errors: ``ValueError`` when the orders do not hold the same gates, or do not divide the rows.

    >>> reorder_gates(torch.tensor([1.0, 2.0, 3.0, 4.0]), "iofc", "ifgo")
    tensor([1., 3., 4., 2.])
    """
    before, after = came.translate(ALIASES), wanted.translate(ALIASES)
    if sorted(before) != sorted(after) or len(set(before)) != len(before):
        raise ValueError(f"reorder_gates needs the same gates in both orders, each once; got {came!r} and {wanted!r}.")
    if weight.shape[0] % len(before):
        raise ValueError(f"{weight.shape[0]} rows are not {len(before)} equal blocks ({came!r}).")
    blocks = dict(zip(before, weight.chunk(len(before)), strict=True))
    return torch.cat([blocks[gate] for gate in after])


def fold_biases(bias_ih: Float[Tensor, " n"], bias_hh: Float[Tensor, " n"], kind: str) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """Torch's two biases with everything that can be summed in the first: (sum, zero), for weights that go where there is one bias.

    A GRU that resets after the product keeps its candidate's second bias, which the reset gate multiplies.

    Errors: ``ValueError`` for a kind other than lstm, gru (reset after), gru_before and rnn.

    >>> fold_biases(torch.ones(3), torch.ones(3), "gru")
    (tensor([2., 2., 1.]), tensor([0., 0., 1.]))
    """
    if kind not in ("lstm", "gru", "gru_before", "rnn"):
        raise ValueError(f"fold_biases knows lstm, gru, gru_before and rnn; got {kind!r}.")
    stays = torch.zeros_like(bias_hh)
    if kind == "gru":
        last = slice(bias_hh.shape[0] // 3 * 2, None)
        stays[last] = bias_hh[last]
    return bias_ih + bias_hh - stays, stays


def flip_update_gate(weight: Float[Tensor, " gates_dim *rest"]) -> Float[Tensor, " gates_dim *rest"]:
    """The other meaning of a GRU's update gate: as 1 - sigmoid(a) = sigmoid(-a), its block (the second, in r, z, n) changes sign.

    Apply it to both weights and both biases. Shapes: (3 dim, ...) -> the same.

    >>> flip_update_gate(torch.tensor([1.0, 2.0, 3.0]))
    tensor([ 1., -2.,  3.])
    """
    r, z, n = weight.chunk(3)
    return torch.cat([r, -z, n])


def from_keras(
    kernel: Float[Tensor, "in gates_dim"], recurrent: Float[Tensor, "dim gates_dim"], bias: Float[Tensor, " *two gates_dim"] | None, kind: str
) -> dict[str, Tensor]:
    """Keras' three arrays of an LSTM, GRU or SimpleRNN layer as the state of a cell here (or of ``torch.nn``'s, with ``_l0`` added).

    Keras stores transposed matrices, gates i, f, c, o or z, r, h, one bias, and for a GRU with ``reset_after`` two. Its GRU without ``reset_after``
    is ``GRUCell(reset="before")``.

    Shapes: kernel (in, gates * dim), recurrent (dim, gates * dim), bias (gates * dim,) or (2, gates * dim) or None.
    Errors: ``ValueError`` for an unknown kind or matrices whose widths differ.

    >>> sorted(from_keras(torch.zeros(3, 8), torch.zeros(2, 8), torch.zeros(8), "lstm"))
    ['bias_hh', 'bias_ih', 'weight_hh', 'weight_ih']
    """
    if kind not in KERAS:
        raise ValueError(f"from_keras knows {', '.join(KERAS)}; got {kind!r}.")
    if kernel.shape[1] != recurrent.shape[1] or recurrent.shape[1] != len(KERAS[kind]) * recurrent.shape[0]:
        gates, came = len(KERAS[kind]), f"{tuple(kernel.shape)} and {tuple(recurrent.shape)}"
        raise ValueError(f"A Keras {kind} has matrices (in, {gates} dim) and (dim, {gates} dim); got {came}.")
    both = torch.zeros(2, kernel.shape[1]).to(kernel)
    if bias is not None:
        both[: bias.ndim] = bias  # one bias is the input's
    state = {"weight_ih": kernel.T, "weight_hh": recurrent.T, "bias_ih": both[0], "bias_hh": both[1]}
    return {name: reorder_gates(value, KERAS[kind], TORCH[kind]).contiguous() for name, value in state.items()}
