"""Cells over time."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils import _pytree as pytree

from weft.nn import ElmanCell, GRUCell, LSTMCell, Unrolled

CELLS = {"rnn": ElmanCell, "lstm": LSTMCell, "gru": GRUCell}
TORCH = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def same(left, right):
    for a, b in zip(pytree.tree_leaves(left), pytree.tree_leaves(right), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("reverse", [False, True])
def test_cells_over_time_are_torchs_layers(kind, reverse):
    """Parity with torch.nn.RNN, LSTM and GRU: Unrolled over a cell with the layer's weights, forwards and backwards, values and input gradients."""
    layer = TORCH[kind](3, 4, batch_first=True)
    cell = CELLS[kind](3, 4)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in layer.state_dict().items()})
    x = torch.randn(2, 6, 3, requires_grad=True)
    outputs, state = Unrolled(cell, reverse=reverse)(x)
    expected, last = layer(x.flip(1) if reverse else x)
    same(outputs, expected.flip(1) if reverse else expected)
    same(state, pytree.tree_map(lambda part: part[0], last))
    weight = torch.randn_like(outputs)
    same(torch.autograd.grad((outputs * weight).sum(), x, retain_graph=True), torch.autograd.grad((expected * (weight.flip(1) if reverse else weight)).sum(), x))


@pytest.mark.parametrize("kind", CELLS)
def test_chunks_give_what_the_whole_gives(kind):
    """Property: Unrolled goes on from its state, in pieces of any size."""
    layer, x = Unrolled(CELLS[kind](3, 4)), torch.randn(2, 7, 3)
    whole, last = layer(x)
    for sizes in ((3, 4), (1,) * 7):
        pieces, state = [], None
        for piece in x.split(sizes, dim=1):
            output, state = layer(piece, state)
            pieces.append(output)
        same(torch.cat(pieces, 1), whole)
        same(state, last)


@pytest.mark.parametrize("reverse", [False, True])
def test_masked_steps_are_as_if_they_were_not_there(reverse):
    """Property: masks are neutral: Unrolled gives each row what it gives the row without its masked steps; what stands there does not matter."""
    layer, x = Unrolled(LSTMCell(3, 4), reverse=reverse), torch.randn(3, 6, 3)
    mask = torch.tensor([[True] * 4 + [False] * 2, [False, True, False, True, True, False], [False] * 6])
    wild = torch.where(mask[:, :, None], x, torch.full_like(x, 1e4))
    outputs, state = layer(wild, mask=mask)
    for row in range(2):
        alone, last = layer(x[row : row + 1, mask[row]])
        same(outputs[row, mask[row]], alone[0])
        same([part[row] for part in state], [part[0] for part in last])
    assert not outputs[~mask].any() and not state[0][2].any()
    first = (torch.randn(3, 4), torch.randn(3, 4))
    same([part[2] for part in layer(wild, first, mask)[1]], [part[2] for part in first])


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="at least one step"):
        Unrolled(GRUCell(3, 4))(torch.zeros(2, 0, 3))
    with pytest.raises(ValueError, match=r"speaks of \(2, 4\) steps"):
        Unrolled(GRUCell(3, 4))(torch.zeros(2, 5, 3), mask=torch.ones(2, 4, dtype=torch.bool))
