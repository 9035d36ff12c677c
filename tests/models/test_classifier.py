"""The text classifier."""

from __future__ import annotations

import pytest
import torch

from weft.losses import cross_entropy
from weft.models.text import TextClassifier


def test_padding_leaves_no_trace():
    """Property: TextClassifier gives a text the same logits alone, padded by any length, and beside longer ones."""
    network, text = TextClassifier(50, 3, dim=16).eval(), torch.randint(1, 50, (1, 6))
    alone = network(text)
    for extra in (1, 2, 9):
        padded = torch.cat([text, torch.zeros(1, extra, dtype=torch.long)], 1)
        torch.testing.assert_close(network(padded), alone)
        beside = torch.cat([padded, torch.randint(1, 50, padded.shape)])
        torch.testing.assert_close(network(beside)[:1], alone, rtol=1e-4, atol=1e-5)


def test_padding_stays_padding_while_training():
    """Property: the padding row starts at zero and gets no gradient."""
    network = TextClassifier(50, 3, dim=16)
    network(torch.tensor([[4, 0, 0], [0, 0, 0]])).sum().backward()
    assert not network.embedding.weight[0].any()
    assert not network.embedding.weight.grad[0].any()
    assert network.embedding.weight.grad[4].any()


def test_order_matters_unless_the_kernel_is_one():
    """Property: with kernel 1 it is a bag of words; with 3 it tells neighbours."""
    text, order = torch.randint(1, 50, (1, 8)), torch.randperm(8)
    bag, near = TextClassifier(50, 3, kernel=1).eval(), TextClassifier(50, 3).eval()
    torch.testing.assert_close(bag(text), bag(text[:, order]), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(near(text), near(text[:, order]), atol=1e-5)


def test_learns_a_word_and_an_order():
    """Learned: whether token 5 is followed by 7 or 7 by 5, which no bag of words can tell (chance 0.5)."""
    def texts(count):
        x, y = torch.randint(10, 30, (count, 12)), torch.randint(0, 2, (count,))
        place = torch.randint(0, 11, (count,))
        rows = torch.arange(count)
        x[rows, place], x[rows, place + 1] = torch.where(y == 0, 5, 7), torch.where(y == 0, 7, 5)
        return x, y

    network = TextClassifier(30, 2, dim=32, dropout=0.1)
    optimizer = torch.optim.AdamW(network.parameters(), 5e-3)
    for _ in range(150):
        x, y = texts(64)
        optimizer.zero_grad()
        cross_entropy(network(x), y).mean().backward()
        optimizer.step()
    x, y = texts(500)
    assert (network.eval()(x).argmax(1) == y).float().mean() > 0.95


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"odd kernel.*got 2\. Use 3"):
        TextClassifier(30, 2, kernel=2)
