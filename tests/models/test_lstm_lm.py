"""The recurrent language model."""

from __future__ import annotations

import pytest
import torch

from weft.losses import cross_entropy
from weft.models.text import LSTMLM


def test_equals_the_formula():
    """Closed form: lstm_lm is the cell's equations, step by step, between an embedding and its transpose."""
    network, tokens = LSTMLM(7, dim=6, depth=1).eval(), torch.randint(0, 7, (2, 5))
    x, table = network.embedding(tokens), network.embedding.weight
    lstm = network.lstm
    h, c, outputs = torch.zeros(2, 6), torch.zeros(2, 6), []
    for t in range(5):
        gates = x[:, t] @ lstm.weight_ih_l0.T + lstm.bias_ih_l0 + h @ lstm.weight_hh_l0.T + lstm.bias_hh_l0
        i, f, g, o = gates.chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        outputs.append(h @ table.T)
    torch.testing.assert_close(network(tokens), torch.stack(outputs, 1), rtol=1e-4, atol=1e-5)


def test_the_future_does_not_leak_and_a_text_may_come_in_pieces():
    """Property: outputs depend on earlier tokens only; decode from a state equals reading the whole."""
    network, tokens = LSTMLM(7, dim=8).eval(), torch.randint(0, 6, (2, 9))
    whole = network(tokens)
    changed = tokens.clone()
    changed[:, 5] = 6
    torch.testing.assert_close(network(changed)[:, :5], whole[:, :5])
    assert not torch.allclose(network(changed)[:, 5], whole[:, 5])
    state = None
    for a, b in ((0, 4), (4, 5), (5, 9)):
        logits, state = network.decode(tokens[:, a:b], state)
        torch.testing.assert_close(logits, whole[:, b - 1])


def test_forget_gates_begin_open():
    network = LSTMLM(7, dim=8)
    assert (network.lstm.bias_ih_l0[8:16] == 1).all()
    assert (network.lstm.bias_ih_l1[8:16] == 1).all()


def test_learns_a_period():
    """Learned: a sequence of period 5 is predicted after one period; chance is log 6 = 1.79 nats."""
    network = LSTMLM(6, dim=32, depth=1)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-2)
    for _ in range(150):
        tokens = torch.randint(0, 6, (32, 5)).repeat(1, 4)
        optimizer.zero_grad()
        loss = cross_entropy(network(tokens[:, :-1]), tokens[:, 1:], dim=-1)[:, 9:].mean()
        loss.backward()
        optimizer.step()
    assert loss < 1.2


def test_errors_say_what_came():
    with pytest.raises((ValueError, TypeError)):
        LSTMLM(6)(torch.zeros(3, dtype=torch.long))
