"""Recurrent layers on torch's kernels."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils import _pytree as pytree

from weft.nn import Recurrent, set_forget_bias
from weft.nn.recurrent.recurrent import KINDS


def same(left, right, tolerance=1e-6):
    for a, b in zip(pytree.tree_leaves(left), pytree.tree_leaves(right), strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(sorted(KINDS)), st.integers(1, 3), st.booleans(), st.integers(1, 3), st.integers(1, 4))
def test_values_and_gradients_are_torchs(kind, depth, bidirectional, batch, steps):
    """Parity with torch.nn.RNN, LSTM and GRU: Recurrent with copied weights, states batch first, values and gradients to 1e-6."""
    ours = Recurrent(kind, 3, 4, depth=depth, bidirectional=bidirectional)
    theirs = KINDS[kind](3, 4, depth, batch_first=True, bidirectional=bidirectional, **({"nonlinearity": "relu"} if kind == "rnn_relu" else {}))
    theirs.load_state_dict(ours.layers.state_dict())
    x, first = torch.randn(batch, steps, 3), torch.randn(batch, ours.num_states, 4)
    state = (first, 2 * first) if kind == "lstm" else first
    found, last = ours(x, state)
    expected, theirs_last = theirs(x, pytree.tree_map(lambda part: part.transpose(0, 1).contiguous(), state))
    same(found, expected)
    same(last, pytree.tree_map(lambda part: part.transpose(0, 1), theirs_last))
    (found**2).sum().backward()
    (expected**2).sum().backward()
    same([value.grad for value in ours.layers.parameters()], [value.grad for value in theirs.parameters()], 1e-5)


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(sorted(KINDS)), st.booleans(), st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=4))
def test_masks_of_any_form_are_neutral(kind, bidirectional, rows):
    """Property: each row gets what its kept steps alone give, in both directions; rows without steps keep their state; gradients at holes are 0."""
    mask = torch.tensor(rows)
    layer = Recurrent(kind, 3, 4, depth=2, bidirectional=bidirectional)
    x = torch.randn(len(rows), 5, 3)
    wild = torch.where(mask[:, :, None], x, torch.full_like(x, 1e4)).requires_grad_()
    first = torch.randn(len(rows), layer.num_states, 4)
    first = (first, -first) if kind == "lstm" else first
    outputs, state = layer(wild, first, mask)
    assert not outputs[~mask].any()
    for i, keep in enumerate(mask):
        own = pytree.tree_map(lambda part, i=i: part[i : i + 1], first)
        if keep.any():
            alone, last = layer(x[i : i + 1, keep], own)
            same(outputs[i, keep], alone[0], 1e-5)
        else:
            last = own
        same(pytree.tree_map(lambda part, i=i: part[i : i + 1], state), last, 1e-5)
    outputs.square().sum().backward()
    assert not wild.grad[~mask].any()


@pytest.mark.parametrize("kind", KINDS)
def test_state_passes_through_chunks(kind):
    """Property: pieces with the state handed on equal the whole."""
    layer, x = Recurrent(kind, 3, 4, depth=2), torch.randn(2, 7, 3)
    whole, last = layer(x)
    pieces, state = [], None
    for piece in x.split([2, 4, 1], dim=1):
        output, state = layer(piece, state)
        pieces.append(output)
    same(torch.cat(pieces, 1), whole)
    same(state, last)


def test_the_final_hidden_state_has_read_everything_both_ways():
    """Property: every step moves both halves of final_hidden; the last step of the outputs has a backward half that saw one token."""
    layer, x = Recurrent("gru", 3, 4, bidirectional=True), torch.randn(1, 6, 3, requires_grad=True)
    outputs, state = layer(x)
    final = layer.final_hidden(state)
    for half in (final[:, :4], final[:, 4:]):
        (gradient,) = torch.autograd.grad(half.sum(), x, retain_graph=True)
        assert (gradient.abs().sum(-1) > 0).all()
    (gradient,) = torch.autograd.grad(outputs[:, -1, 4:].sum(), x)
    assert (gradient[0, :-1] == 0).all()


def test_projection_dropout_and_forget_bias():
    """Closed form: a projected LSTM's outputs have the projection's width; dropout acts between layers in training only; forget gates start at 1."""
    layer = Recurrent("lstm", 3, 8, depth=2, projection=5, dropout=0.5)
    outputs, (h, c) = layer(torch.randn(2, 4, 3))
    assert (outputs.shape, h.shape, c.shape) == ((2, 4, 5), (2, 2, 5), (2, 2, 8))
    x = torch.randn(2, 4, 3)
    assert not torch.equal(layer(x)[0], layer(x)[0])
    layer.eval()
    assert torch.equal(layer(x)[0], layer(x)[0])
    for level in range(2):
        assert (layer.layers.get_parameter(f"bias_ih_l{level}")[8:16] == 1).all()
        assert not layer.layers.get_parameter(f"bias_hh_l{level}")[8:16].any()
    assert (set_forget_bias(nn.LSTMCell(2, 3), 2.0).bias_ih[3:6] == 2).all()
    torch.manual_seed(5)
    plain = Recurrent("lstm", 3, 4, forget_bias=None)
    torch.manual_seed(5)
    same(list(plain.layers.parameters()), list(nn.LSTM(3, 4).parameters()))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_runs_in_other_precisions_with_masks(dtype):
    """Property: states are made in the input's dtype; a copy by deepcopy gives the same."""
    layer = Recurrent("lstm", 3, 4, bidirectional=True).to(dtype)
    x, mask = torch.randn(2, 5, 3, dtype=dtype), torch.tensor([[True] * 5, [False] * 5])
    outputs, (h, _) = layer(x, mask=mask)
    assert outputs.dtype == h.dtype == dtype and outputs.isfinite().all()
    same(copy.deepcopy(layer)(x, mask=mask)[0], outputs)


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"Unknown kind of recurrence 'lstn'\. Did you mean 'lstm'"):
        Recurrent("lstn", 3, 4)
    with pytest.raises(ValueError, match="Only an LSTM can project"):
        Recurrent("gru", 3, 4, projection=2)
    with pytest.raises(ValueError, match=r"speaks of \(2, 4\) steps, x of \(2, 5\)"):
        Recurrent("gru", 3, 4)(torch.zeros(2, 5, 3), mask=torch.ones(2, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match="holds no LSTM"):
        set_forget_bias(nn.GRU(2, 3))
