"""Weights of other libraries."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from weft.nn import ElmanCell, GRUCell, LSTMCell, Unrolled, flip_update_gate, fold_biases, from_keras, reorder_gates


@settings(max_examples=20, deadline=None)
@given(st.permutations("ifgo"), st.permutations("ifgo"), st.integers(1, 3))
def test_orders_go_there_and_back(came, wanted, dim):
    """Property: reorder_gates puts every block in its place, and back again."""
    weight = torch.randn(4 * dim, 2)
    there = reorder_gates(weight, "".join(came), "".join(wanted))
    for gate in "ifgo":
        assert torch.equal(there.chunk(4)[wanted.index(gate)], weight.chunk(4)[came.index(gate)])
    assert torch.equal(reorder_gates(there, "".join(wanted), "".join(came)), weight)
    assert torch.equal(reorder_gates(weight, "ijfo", "icfo"), weight)


def test_two_biases_become_one():
    """Closed form: fold_biases leaves torch.nn's cells the same function; a GRU's candidate keeps its second bias."""
    x = torch.randn(3, 4)
    for kind, cell in (("lstm", nn.LSTMCell(4, 5)), ("gru", nn.GRUCell(4, 5)), ("rnn", nn.RNNCell(4, 5)), ("gru_before", GRUCell(4, 5, reset="before"))):
        run = (lambda cell=cell: cell(x)[0]) if kind in ("lstm", "gru_before") else (lambda cell=cell: cell(x))
        before = run()
        folded = fold_biases(cell.bias_ih.detach(), cell.bias_hh.detach(), kind)
        assert bool(folded[1].any()) == (kind == "gru") and not folded[1][:5].any()
        cell.load_state_dict(cell.state_dict() | {"bias_ih": folded[0], "bias_hh": folded[1]})
        torch.testing.assert_close(run(), before)


def test_both_meanings_of_the_update_gate():
    """Closed form: flip_update_gate makes one meaning of z the other, exactly."""
    x, h = torch.randn(3, 4), torch.randn(3, 5)
    for reset in ("before", "after"):
        old, new = GRUCell(4, 5, reset=reset), GRUCell(4, 5, reset=reset, update="new")
        new.load_state_dict({name: flip_update_gate(value) for name, value in old.state_dict().items()})
        torch.testing.assert_close(new(x, h)[0], old(x, h)[0])


def keras_step(kind, kernel, recurrent, bias, x, h, c, reset_after=True):
    """One step as Keras documents it, gates in its own order."""
    if kind == "rnn":
        return torch.tanh(x @ kernel + h @ recurrent + bias)
    if kind == "lstm":
        i, f, g, o = (x @ kernel + h @ recurrent + bias).chunk(4, 1)
        return o.sigmoid() * (f.sigmoid() * c + i.sigmoid() * g.tanh()).tanh()
    xz, xr, xh = (x @ kernel + (bias[0] if reset_after else bias)).chunk(3, 1)
    uz, ur, uh = recurrent.chunk(3, 1)
    bz, br, bh = bias[1].chunk(3) if reset_after else (torch.zeros(()),) * 3
    z, r = torch.sigmoid(xz + h @ uz + bz), torch.sigmoid(xr + h @ ur + br)
    candidate = torch.tanh(xh + (r * (h @ uh + bh) if reset_after else (r * h) @ uh))
    return z * h + (1 - z) * candidate


@pytest.mark.parametrize(("kind", "gates"), [("lstm", 4), ("gru", 3), ("gru_before", 3), ("rnn", 1)])
def test_arrays_of_keras_open(kind, gates):
    """Closed form: from_keras makes a cell here, and torch.nn's where it has the form, compute what Keras' documentation says."""
    name, after = kind.removesuffix("_before"), not kind.endswith("before")
    kernel, recurrent = torch.randn(4, gates * 5), torch.randn(5, gates * 5)
    bias = torch.randn(2, gates * 5) if kind == "gru" else torch.randn(gates * 5)
    x, h, c = torch.randn(3, 4), torch.randn(3, 5), torch.randn(3, 5)
    expected = keras_step(name, kernel, recurrent, bias, x, h, c, after)
    state = from_keras(kernel, recurrent, bias, name)
    cell = {"lstm": LSTMCell(4, 5), "gru": GRUCell(4, 5, reset="after" if after else "before"), "rnn": ElmanCell(4, 5)}[name]
    cell.load_state_dict(state)
    torch.testing.assert_close(cell(x, (h, c) if name == "lstm" else h)[0], expected, rtol=1e-5, atol=1e-5)
    if after:
        theirs = {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "rnn": nn.RNNCell}[name](4, 5)
        theirs.load_state_dict(state)
        found = theirs(x, (h, c))[0] if name == "lstm" else theirs(x, h)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="same gates in both orders"):
        reorder_gates(torch.zeros(4), "ifgo", "ifg")
    with pytest.raises(ValueError, match="5 rows are not 4 equal blocks"):
        reorder_gates(torch.zeros(5), "ifgo", "iofg")
    with pytest.raises(ValueError, match="knows lstm, gru"):
        fold_biases(torch.zeros(3), torch.zeros(3), "lsmt")
    with pytest.raises(ValueError, match=r"got \(3, 8\) and \(3, 8\)"):
        from_keras(torch.zeros(3, 8), torch.zeros(3, 8), None, "lstm")
    with pytest.raises(ValueError, match="from_keras knows"):
        from_keras(torch.zeros(3, 8), torch.zeros(3, 8), None, "elman")


@pytest.mark.parametrize("kind", ["lstm", "gru", "gru_before", "rnn"])
def test_weights_of_keras_layers_open(kind, monkeypatch):
    """Parity with keras.layers.LSTM, GRU in both forms and SimpleRNN: from_keras and Unrolled on a whole sequence, to 1e-5."""
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    name, after = kind.removesuffix("_before"), kind == "gru"
    theirs = {
        "lstm": lambda: keras.layers.LSTM(5, return_sequences=True, bias_initializer="random_normal"),
        "gru": lambda: keras.layers.GRU(5, return_sequences=True, reset_after=after, bias_initializer="random_normal"),
        "rnn": lambda: keras.layers.SimpleRNN(5, return_sequences=True, bias_initializer="random_normal"),
    }[name]()
    x = torch.randn(3, 6, 4)
    expected = torch.from_numpy(keras.ops.convert_to_numpy(theirs(x.numpy())))
    kernel, recurrent, bias = (torch.from_numpy(value.copy()) for value in theirs.get_weights())
    cell = {"lstm": LSTMCell(4, 5), "gru": GRUCell(4, 5, reset="after" if after else "before"), "rnn": ElmanCell(4, 5)}[name]
    cell.load_state_dict(from_keras(kernel, recurrent, bias, name))
    torch.testing.assert_close(Unrolled(cell)(x)[0], expected, rtol=1e-5, atol=1e-5)
