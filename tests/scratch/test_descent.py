"""Gradient descent against torch's optimizer, one step a batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.scratch.compare import same
from weft.scratch import MLP, SGD, train

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(10, 3)), RANDOM.normal(size=(10, 2))


def network():
    return MLP([3, 4, 2], "tanh", "mse")


class Watched(MLP):
    """A network that remembers its batches."""

    seen: list


def watched():
    made = Watched([3, 4, 2], "tanh", "mse")
    made.seen = []
    backward = made.backward
    made.backward = lambda x, y: (made.seen.append(x), backward(x, y))[1]
    return made


def test_all_samples_a_step_are_torchs_sgd():
    """train, parity: an epoch is one step of torch.optim.SGD on all samples, fifty times within 1e-8."""
    ours = network()
    w1, b1, w2, b2 = (torch.tensor(p, requires_grad=True) for p in [p.copy() for p in ours.parameters()])
    optimizer = torch.optim.SGD([w1, b1, w2, b2], lr=0.1)
    losses = []
    for _ in range(50):
        optimizer.zero_grad()
        loss = F.mse_loss(torch.tanh(torch.tensor(X) @ w1 + b1) @ w2 + b2, torch.tensor(Y))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    history = train(ours, X, Y, SGD(ours.parameters(), lr=0.1), epochs=50)
    assert same(history, losses, 1e-8) and same(ours.parameters(), [p.detach().numpy() for p in (w1, b1, w2, b2)], 1e-8)


def test_a_step_by_hand_is_the_optimizers():
    """train, closed form: forward, backward and w -= lr · gradient without an optimizer, on tensors of torch, is one epoch."""
    ours = network()
    parameters = [torch.tensor(p.copy(), requires_grad=True) for p in ours.parameters()]
    x = torch.tensor(X)
    loss = ((torch.tanh(x @ parameters[0] + parameters[1]) @ parameters[2] + parameters[3] - torch.tensor(Y)) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        for p in parameters:
            p -= 0.01 * p.grad
            p.grad = None
    assert not x.requires_grad and x.grad is None  # the data's gradient would never be cleared
    train(ours, X, Y, epochs=1)
    assert same(ours.parameters(), [p.detach().numpy() for p in parameters])


def test_every_epoch_has_each_sample_once_in_an_order_of_its_own():
    """train, property: batches of 4 of 10 are 4, 4 and 2; each sample once an epoch, no epoch like another, all alike for one seed."""
    made = watched()
    train(made, X, Y, epochs=3, batch_size=4, seed=1)
    assert [len(batch) for batch in made.seen] == [4, 4, 2] * 3
    epochs = [np.concatenate(made.seen[3 * e : 3 * e + 3]) for e in range(3)]
    for rows in epochs:
        assert same(rows[np.lexsort(rows.T)], X[np.lexsort(X.T)])
    assert not np.array_equal(epochs[0], epochs[1]) and not np.array_equal(epochs[1], epochs[2]) and not np.array_equal(epochs[0], X)
    again = watched()
    train(again, X, Y, epochs=3, batch_size=4, seed=1)
    assert same(made.parameters(), again.parameters()) and same(made.seen, again.seen)
    plain = watched()
    train(plain, X, Y, epochs=2, batch_size=1, shuffle=False)
    assert same(np.concatenate(plain.seen), np.concatenate([X, X])) and len(plain.seen) == 20


def test_a_short_batch_counts_by_its_size():
    """train, closed form: with a rate of zero the mean of an epoch is the loss of all samples, whatever the batches; the mean of means is not."""
    whole = network().loss(X, Y)
    for size in (1, 3, 4, 10, None, 99):
        made = network()
        assert same(train(made, X, Y, SGD(made.parameters(), lr=0.0), epochs=1, batch_size=size), [whole])
    made = network()
    batches = [made.loss(X[i : i + 4], Y[i : i + 4]) for i in (0, 4, 8)]
    assert abs(np.mean(batches) - whole) > 1e-3


def test_all_in_one_batch_is_all_at_once():
    ours, theirs = network(), network()
    train(ours, X, Y, epochs=20, batch_size=10, shuffle=False)
    train(theirs, X, Y, epochs=20, shuffle=False)
    assert same(ours.parameters(), theirs.parameters(), 1e-14)


def test_wrong_sizes_are_refused():
    with pytest.raises(ValueError, match="batch_size=0; expected 1 or more"):
        train(network(), X, Y, batch_size=0)
    with pytest.raises(ValueError, match="10 samples and 9 targets"):
        train(network(), X, Y[:9])
    with pytest.raises(ValueError, match="0 samples and 0 targets"):
        train(network(), X[:0], Y[:0])
