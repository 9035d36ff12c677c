"""Cells beside torch's and beside their formulas."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from weft.nn import ElmanCell, ElmanStep, GRUCell, LSTMCell, SeparateLSTMCell

PAIRS = {
    "tanh": (lambda i, d: ElmanCell(i, d), lambda i, d: nn.RNNCell(i, d)),
    "relu": (lambda i, d: ElmanCell(i, d, activation="relu"), lambda i, d: nn.RNNCell(i, d, nonlinearity="relu")),
    "lstm": (LSTMCell, nn.LSTMCell),
    "gru": (GRUCell, nn.GRUCell),
}


def states(kind, batch, dim):
    return (torch.randn(batch, dim), torch.randn(batch, dim)) if kind == "lstm" else torch.randn(batch, dim)


def parts(state):
    return list(state) if isinstance(state, tuple) else [state]


@settings(max_examples=6, deadline=None)
@given(kind=st.sampled_from(sorted(PAIRS)), batch=st.integers(1, 4), in_dim=st.integers(1, 6), dim=st.integers(1, 6), given_state=st.booleans())
def test_cells_are_torchs(kind, batch, in_dim, dim, given_state):
    """Parity with torch.nn.RNNCell, LSTMCell and GRUCell: ElmanCell, LSTMCell and GRUCell with torch's own state, values and all gradients to 1e-6."""
    ours, theirs = (make(in_dim, dim) for make in PAIRS[kind])
    ours.load_state_dict(theirs.state_dict())
    x, state = torch.randn(batch, in_dim), states(kind, batch, dim) if given_state else None
    _, found = ours(x, state)
    expected = theirs(x, state)
    for left, right in zip(parts(found), parts(expected), strict=True):
        torch.testing.assert_close(left, right, rtol=1e-6, atol=1e-6)
    for result in (found, expected):
        sum((value * torch.linspace(1, 2, value.numel()).view_as(value)).sum() for value in parts(result)).backward()
    for name, value in theirs.named_parameters():
        torch.testing.assert_close(ours.get_parameter(name).grad, value.grad, rtol=1e-5, atol=1e-6)


def test_gru_that_resets_before_the_product_is_its_formula():
    """Closed form: GRUCell in both forms of reset and both of update, one sum at a time."""
    x, h = torch.randn(3, 4), torch.randn(3, 5)
    for reset in ("before", "after"):
        for update in ("old", "new"):
            cell = GRUCell(4, 5, reset=reset, update=update)
            (wr, wz, wn), (ur, uz, un) = cell.weight_ih.chunk(3), cell.weight_hh.chunk(3)
            (br, bz, bn), (cr, cz, cn) = cell.bias_ih.chunk(3), cell.bias_hh.chunk(3)
            r = torch.sigmoid(x @ wr.T + br + h @ ur.T + cr)
            z = torch.sigmoid(x @ wz.T + bz + h @ uz.T + cz)
            n = torch.tanh(x @ wn.T + bn + ((r * h) @ un.T + cn if reset == "before" else r * (h @ un.T + cn)))
            torch.testing.assert_close(cell(x, h)[0], (1 - z) * n + z * h if update == "old" else z * n + (1 - z) * h)


def test_lstm_variants_are_their_formulas():
    """Closed form: LSTMCell with peepholes, coupled gates, and normalised sums."""
    x, h, c = torch.randn(3, 4), torch.randn(3, 5), torch.randn(3, 5)
    cell = LSTMCell(4, 5, peephole=True)
    nn.init.normal_(cell.peephole)
    i, f, g, o = (x @ cell.weight_ih.T + cell.bias_ih + h @ cell.weight_hh.T + cell.bias_hh).chunk(4, 1)
    after = torch.sigmoid(f + cell.peephole[0] * c) * c + torch.sigmoid(i + cell.peephole[1] * c) * g.tanh()
    torch.testing.assert_close(cell(x, (h, c))[0], torch.sigmoid(o + cell.peephole[2] * after) * after.tanh())
    coupled = LSTMCell(4, 5, coupled=True)
    f, g, o = (x @ coupled.weight_ih.T + coupled.bias_ih + h @ coupled.weight_hh.T + coupled.bias_hh).chunk(3, 1)
    torch.testing.assert_close(coupled(x, (h, c))[1][1], f.sigmoid() * c + (1 - f.sigmoid()) * g.tanh())
    both = LSTMCell(4, 5, coupled=True, peephole=True)
    assert both.peephole.shape == (2, 5) and both(x, (h, c))[0].shape == (3, 5)
    normed = LSTMCell(4, 5, norm=True)
    norm = nn.functional.layer_norm
    sums = norm(x @ normed.weight_ih.T, (20,)) + norm(h @ normed.weight_hh.T, (20,)) + normed.bias_ih + normed.bias_hh
    i, f, g, o = sums.chunk(4, 1)
    after = f.sigmoid() * c + i.sigmoid() * g.tanh()
    torch.testing.assert_close(normed(x, (h, c))[0], o.sigmoid() * norm(after, (5,)).tanh())


def test_a_gate_at_a_time_is_the_fused_cell():
    """Property: SeparateLSTMCell and LSTMCell go into each other and stay the same function; torch's two biases are summed."""
    x, state = torch.randn(3, 4), (torch.randn(3, 5), torch.randn(3, 5))
    for cell in (LSTMCell(4, 5), nn.LSTMCell(4, 5), nn.LSTMCell(4, 5, bias=False)):
        separate = SeparateLSTMCell.of(cell)
        expected = cell(x, state)
        h, c = expected if isinstance(cell, nn.LSTMCell) else expected[1]
        for found in (separate(x, state)[1], separate.fused()(x, state)[1]):
            torch.testing.assert_close(found[0], h, rtol=1e-5, atol=1e-6)
            torch.testing.assert_close(found[1], c, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="plain LSTM"):
        SeparateLSTMCell.of(LSTMCell(4, 5, coupled=True))


def test_a_step_that_answers_is_its_formula():
    """Closed form: ElmanStep reads input and state side by side, and answers from the new state."""
    step, x, h = ElmanStep(3, 5, 2), torch.randn(4, 3), torch.randn(4, 5)
    after = torch.tanh(x @ step.i2h.weight[:, :3].T + h @ step.i2h.weight[:, 3:].T + step.i2h.bias)
    y, state = step(x, h)
    torch.testing.assert_close(state, after)
    torch.testing.assert_close(y, after @ step.h2o.weight.T + step.h2o.bias)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_states_follow_the_input(dtype):
    """Property: the first state has the input's dtype, so that every cell runs in half precision without casts."""
    for cell in (ElmanCell(3, 4), LSTMCell(3, 4, norm=True), GRUCell(3, 4, reset="before"), SeparateLSTMCell(3, 4), ElmanStep(3, 4, 4)):
        output, _ = cell.to(dtype)(torch.randn(2, 3, dtype=dtype))
        assert output.dtype == dtype and output.isfinite().all()
    assert LSTMCell(3, 4).to("meta")(torch.zeros(2, 3, device="meta"))[0].device.type == "meta"


def test_gradients_by_finite_differences():
    """Property: gradcheck in float64 of every cell, in inputs and state."""
    for cell in (ElmanCell(2, 3), GRUCell(2, 3, reset="before"), LSTMCell(2, 3, peephole=True, norm=True), SeparateLSTMCell(2, 3)):
        x, h = torch.randn(2, 2, dtype=torch.float64, requires_grad=True), torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
        state = (lambda h: (h, 0.5 * h)) if "LSTM" in type(cell).__name__ else (lambda h: h)
        assert torch.autograd.gradcheck(lambda x, h, cell=cell.double(), state=state: cell(x, state(h))[0], (x, h))


def test_the_forget_gate_starts_open():
    """Closed form: sigmoid(1) of the memory stays when everything else is zero."""
    for cell in (LSTMCell(3, 4), LSTMCell(3, 4, coupled=True), SeparateLSTMCell(3, 4)):
        for name, value in cell.named_parameters():
            if "weight" in name:
                nn.init.zeros_(value)
        forget = cell.forget_gate.bias if isinstance(cell, SeparateLSTMCell) else (cell.bias_ih + cell.bias_hh)[slice(0, 4) if cell.coupled else slice(4, 8)]
        assert (forget == 1).all()
    random = LSTMCell(3, 4, forget_bias=None)
    assert (random.bias_ih[4:8] != 1).all()


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"LSTMCell expects a tensor of shape \(B, 3\)"):
        LSTMCell(3, 4)(torch.zeros(2, 5))
    with pytest.raises(ValueError, match="reset='after' or 'before'"):
        GRUCell(3, 4, reset="later")
    with pytest.raises(ValueError, match="in_dim=0"):
        ElmanCell(0, 4)
