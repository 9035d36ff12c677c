"""A network of layers with back-propagation written out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from weft.scratch.activations import ACTIVATIONS, sigmoid, softmax
from weft.scratch.linear import linear, linear_backward
from weft.scratch.losses import (
    binary_cross_entropy,
    binary_cross_entropy_backward,
    mean_squared_error,
    mean_squared_error_backward,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
)

MATCHED = {"bce": "sigmoid", "ce": "softmax"}  # the outputs for which the gradient is (a - y) / N


class MLP:
    """Layers of units: a₀ = x, z_l = a_(l-1) W_l + b_l, a_l = g(z_l), the last with the output function that belongs to the loss.

    Backwards from dz of the last layer: dW_l = a_(l-1)ᵀ dz_l, db_l = Σ dz_l, da_(l-1) = dz_l W_lᵀ, dz_(l-1) = da_(l-1) · g'(z_(l-1)).
    ``loss`` "bce" goes with a sigmoid and "ce" with a softmax, both with dz = (a - y) / N; "mse" goes with any ``output`` of ``ACTIVATIONS``
    (default "identity") and dz = 2 (a - y) g'(z) / (N n). Another pair is refused: its short form would be the gradient of another loss.
    ``init``: "xavier" U(±√(6 / (I + O))) (Glorot and Bengio, 2010), "he" N(0, 2 / I) for ReLU (He et al., 2015, arXiv:1502.01852), "normal"
    N(0, 0.1²), "small" N(0, 0.01²); biases 0. None of them is torch's default for ``Linear``, which is U(±1 / √I), biases too. From "small" and
    "normal" a network of sigmoids hardly moves for thousands of epochs; the default learns XOR.

    Shapes: x (N, layer_sizes[0]); y (N, layer_sizes[-1]), for "ce" also (N,) class numbers.
    Paper: Rumelhart, Hinton, Williams, 1986, doi:10.1038/323533a0.

    Use to read or check back-propagation; instead of it, ``torch.nn`` to train. Cost: three products of matrices a layer and sample.

    >>> from weft.scratch import SGD, train
    >>> x, y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [1], [1], [0]])
    >>> network = MLP([2, 4, 1])
    >>> history = train(network, x, y, SGD(network.parameters(), lr=3.0), epochs=2000)
    >>> network.predict(x).round().ravel()
    array([0., 1., 1., 0.])
    """

    def __init__(
        self, layer_sizes: Sequence[int], activation: str = "sigmoid", loss: str = "bce", init: str = "xavier", *,
        output: str | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        if len(layer_sizes) < 2 or min(layer_sizes) < 1:
            raise ValueError(f"layer_sizes={list(layer_sizes)}; expected the inputs, hidden units and outputs, two numbers at least")
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation={activation!r}; expected one of {', '.join(ACTIVATIONS)}")
        if loss not in ("bce", "ce", "mse"):
            raise ValueError(f"loss={loss!r}; expected 'bce', 'ce' or 'mse'")
        self.output = output or MATCHED.get(loss, "identity")
        if (loss in MATCHED and self.output != MATCHED[loss]) or (loss == "mse" and self.output not in ACTIVATIONS):
            fits = MATCHED.get(loss) or f"one of {', '.join(ACTIVATIONS)}"
            raise ValueError(f"loss={loss!r} with output={output!r}: dz = (a - y) / N holds for matched pairs only; {loss!r} goes with {fits}")
        self.activation, self.loss_name = activation, loss
        random = np.random.default_rng(seed)
        self.weights = [drawn(random, i, o, init) for i, o in pairwise(layer_sizes)]
        self.biases = [np.zeros(o) for o in layer_sizes[1:]]

    def parameters(self) -> list[np.ndarray]:
        """W and b of each layer in turn; an optimizer changes them in place."""
        return [array for pair in zip(self.weights, self.biases, strict=True) for array in pair]

    def forward(self, x: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """All z and all a, the first a being x and the last the output."""
        zs: list[np.ndarray] = []
        activations = [np.asarray(x, float)]
        for w, b in zip(self.weights, self.biases, strict=True):
            zs.append(linear(activations[-1], w, b))
            activations.append(self._g(len(zs) - 1)[0](zs[-1]))
        return zs, activations

    def _g(self, layer: int) -> tuple:
        """The activation of a layer and its slope; the matched outputs need no slope."""
        if layer < len(self.weights) - 1:
            return ACTIVATIONS[self.activation]
        return {"sigmoid": (sigmoid, None), "softmax": (softmax, None)}[self.output] if self.loss_name in MATCHED else ACTIVATIONS[self.output]

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The outputs (N, O): probabilities for "bce" and "ce"."""
        return self.forward(x)[1][-1]

    def loss(self, x: np.ndarray, y: np.ndarray) -> float:
        """The loss that is differentiated, a mean over the samples."""
        zs, activations = self.forward(x)
        if self.loss_name == "mse":
            return mean_squared_error(activations[-1], y)
        return {"bce": binary_cross_entropy, "ce": softmax_cross_entropy}[self.loss_name](zs[-1], y)

    def backward(self, x: np.ndarray, y: np.ndarray) -> tuple[float, list[np.ndarray], np.ndarray]:
        """The loss, the gradient of each parameter in the order of ``parameters``, and that of x."""
        zs, activations = self.forward(x)
        if self.loss_name == "mse":
            loss = mean_squared_error(activations[-1], y)
            dz = mean_squared_error_backward(activations[-1], y) * self._g(len(zs) - 1)[1](zs[-1])
        elif self.loss_name == "bce":
            loss, dz = binary_cross_entropy(zs[-1], y), binary_cross_entropy_backward(zs[-1], y)
        else:
            loss, dz = softmax_cross_entropy(zs[-1], y), softmax_cross_entropy_backward(zs[-1], y)
        gradients: list[np.ndarray] = []
        da = np.zeros(0)
        for layer in range(len(zs) - 1, -1, -1):
            da, dw, db = linear_backward(dz, activations[layer], self.weights[layer])
            gradients = [dw, db, *gradients]
            if layer:
                dz = da * self._g(layer - 1)[1](zs[layer - 1])
        return loss, gradients, da


def drawn(random: np.random.Generator, inputs: int, outputs: int, init: str) -> np.ndarray:
    """First weights (I, O) by the name of a rule."""
    if init == "xavier":
        bound = np.sqrt(6 / (inputs + outputs))
        return random.uniform(-bound, bound, (inputs, outputs))
    deviations = {"he": np.sqrt(2 / inputs), "normal": 0.1, "small": 0.01}
    if init not in deviations:
        raise ValueError(f"init={init!r}; expected 'xavier', 'he', 'normal' or 'small'")
    return random.normal(0.0, deviations[init], (inputs, outputs))
