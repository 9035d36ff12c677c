"""Back-propagation written out, against autograd; XOR."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.scratch.compare import differences, same
from tests.scratch.test_activations import PEERS
from weft.scratch import MLP, SGD, Adam, train
from weft.scratch.activations import ACTIVATIONS

XOR = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [1], [1], [0]])
PAIRS = [("bce", None), ("ce", None), *(("mse", name) for name in ACTIVATIONS)]


def torch_twin(network, x, y):
    """Loss and gradients of the same network by autograd."""
    parameters = [torch.tensor(p, requires_grad=True) for p in network.parameters()]
    a = torch.tensor(x, requires_grad=True)
    layers = len(parameters) // 2
    z = a
    for layer in range(layers):
        z = (PEERS[network.activation](z) if layer else z) @ parameters[2 * layer] + parameters[2 * layer + 1]
    target = torch.tensor(y)
    if network.loss_name == "bce":
        loss = F.binary_cross_entropy(torch.sigmoid(z), target, reduction="sum") / len(x)
    elif network.loss_name == "ce":
        loss = F.cross_entropy(z, target)
    else:
        loss = F.mse_loss(PEERS[network.output](z), target)
    loss.backward()
    return loss.item(), [p.grad.numpy() for p in parameters], a.grad.numpy()


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("loss", "output"), PAIRS)
def test_every_pair_of_loss_and_output_has_autograds_gradients(activation, loss, output):
    """MLP, parity: loss, every gradient and that of x equal autograd's for each activation, loss and output, two and three layers deep."""
    random = np.random.default_rng(0)
    for sizes in ([3, 4, 2], [3, 5, 4, 3]):
        network = MLP(sizes, activation, loss, output=output, seed=1)
        for b in network.biases:
            b += random.normal(size=b.shape)
        x, y = random.normal(size=(6, 3)), random.random((6, sizes[-1]))
        y = y / y.sum(axis=1, keepdims=True) if loss == "ce" else y
        value, gradients, dx = network.backward(x, y)
        theirs = torch_twin(network, x, y)
        assert same(value, theirs[0]) and same(gradients, theirs[1]) and same(dx, theirs[2]) and value == network.loss(x, y)


def test_gradients_are_those_of_finite_differences_and_lower_the_loss():
    """MLP, brute force: each parameter moved a little; a small step against the gradient lowers the loss."""
    network = MLP([2, 3, 2], "tanh", "ce", seed=2)
    x, y = np.random.default_rng(0).normal(size=(5, 2)), np.array([0, 1, 1, 0, 1])
    value, gradients, _ = network.backward(x, y)

    def loss(*parameters):
        for own, changed in zip(network.parameters(), parameters, strict=True):
            own[...] = changed
        return network.loss(x, y)

    start = [p.copy() for p in network.parameters()]
    assert same(gradients, differences(loss, start, 1.0), 1e-7)
    assert loss(*(p - 0.01 * g for p, g in zip(start, gradients, strict=True))) < value


@pytest.mark.parametrize("seed", range(5))
def test_xor_is_learned_from_the_default_beginning(seed):
    """MLP, learned: XOR wholly, from five beginnings; from weights N(0, 0.1) with sigmoids and lr 0.01, as it is often printed, not at all."""
    x, y = XOR
    network = MLP([2, 4, 1], seed=seed)
    history = train(network, x, y, SGD(network.parameters(), lr=3.0), epochs=3000, seed=seed)
    assert np.array_equal(network.predict(x).round(), y) and history[-1] < 0.1
    stuck = MLP([2, 4, 1], init="normal", seed=seed)
    assert train(stuck, x, y, epochs=1000)[-1] > 0.69


def test_three_classes_are_learned_one_batch_at_a_time():
    """MLP, learned: three clouds of points with softmax, ReLU and Adam; 97 % of them or more."""
    random = np.random.default_rng(0)
    y = np.arange(150) % 3
    x = np.array([[0.0, 3.0], [3.0, -2.0], [-3.0, -2.0]])[y] + random.normal(size=(150, 2))
    network = MLP([2, 16, 3], "relu", "ce", init="he")
    train(network, x, y, Adam(network.parameters(), lr=0.01), epochs=60, batch_size=32)
    assert (network.predict(x).argmax(axis=1) == y).mean() >= 0.97 and np.allclose(network.predict(x).sum(axis=1), 1)


def test_beginnings_are_what_their_rules_say():
    """MLP, closed form: the deviations of each rule; biases zero; Xavier is not torch's default, which is uniform within 1 / sqrt(inputs)."""
    spread = {init: MLP([400, 200, 1], init=init).weights[0] for init in ("xavier", "he", "normal", "small")}
    for init, deviation in (("xavier", np.sqrt(2 / 600)), ("he", np.sqrt(2 / 400)), ("normal", 0.1), ("small", 0.01)):
        assert abs(spread[init].std() / deviation - 1) < 0.02 and not MLP([4, 2], init=init).biases[0].any()
    assert abs(spread["xavier"]).max() <= np.sqrt(6 / 600)
    torch.manual_seed(0)
    layer = torch.nn.Linear(400, 200)
    assert layer.weight.abs().max() <= 1 / 20 and abs(layer.weight.std() * 20 * 3**0.5 - 1) < 0.02 and layer.bias.abs().max() > 0
    assert np.array_equal(MLP([3, 2], seed=4).weights[0], MLP([3, 2], seed=4).weights[0])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss": "bce", "output": "softmax"}, "holds for matched pairs only; 'bce' goes with sigmoid"),
        ({"loss": "ce", "output": "sigmoid"}, "'ce' goes with softmax"),
        ({"loss": "mse", "output": "softmax"}, "'mse' goes with one of sigmoid"),
        ({"loss": "hinge"}, "expected 'bce', 'ce' or 'mse'"),
        ({"activation": "step"}, "expected one of sigmoid"),
        ({"init": "torch"}, "expected 'xavier', 'he', 'normal' or 'small'"),
        ({"layer_sizes": [3]}, "two numbers at least"),
        ({"layer_sizes": [3, 0, 1]}, "two numbers at least"),
    ],
)
def test_pairs_that_do_not_match_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        MLP(**{"layer_sizes": [2, 3, 1], **options})
