"""A small convolutional network that trains, made of the parts beside it."""

from __future__ import annotations

import numpy as np

from weft.scratch.activations import relu, relu_slope, softmax
from weft.scratch.convolution import conv2d, conv2d_backward
from weft.scratch.linear import linear, linear_backward
from weft.scratch.losses import softmax_cross_entropy, softmax_cross_entropy_backward
from weft.scratch.pooling import max_pool2d, max_pool2d_backward


class CNN:
    """Convolution 3 x 3, ReLU, the largest of 2 x 2, and a linear layer into classes: softmax(W · pool(relu(conv(x)))).

    Shapes: x (N, 1, side, side), y (N,) class numbers; ``predict`` gives probabilities (N, classes). Weights begin N(0, 2 / I) (He et al., 2015).
    Paper: LeCun, Bottou, Bengio, Haffner, 1998, doi:10.1109/5.726791, with ReLU and the largest in place of tanh and means.

    Use to read a convolutional network from its first line to its last gradient; instead of it, ``resnet18``. Cost: seconds on digits of 8 x 8.

    >>> network = CNN(side=8, classes=10, channels=4)
    >>> network.predict(np.zeros((2, 1, 8, 8))).shape
    (2, 10)
    """

    def __init__(self, side: int, classes: int, channels: int = 8, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        self.kernel = random.normal(0, np.sqrt(2 / 9), (channels, 1, 3, 3))
        self.kernel_bias = np.zeros(channels)
        inputs = channels * (side // 2) ** 2
        self.weight = random.normal(0, np.sqrt(2 / inputs), (inputs, classes))
        self.bias = np.zeros(classes)

    def parameters(self) -> list[np.ndarray]:
        """Kernel, its bias, weight, its bias."""
        return [self.kernel, self.kernel_bias, self.weight, self.bias]

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """What each step gives: after the convolution, after ReLU, after pooling, and before the softmax."""
        maps = conv2d(x, self.kernel, self.kernel_bias, padding=1)
        active = relu(maps)
        pooled = max_pool2d(active)
        return maps, active, pooled, linear(pooled.reshape(len(x), -1), self.weight, self.bias)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The probability of each class (N, classes)."""
        return softmax(self.forward(x)[-1])

    def backward(self, x: np.ndarray, y: np.ndarray) -> tuple[float, list[np.ndarray], np.ndarray]:
        """The loss, the gradient of each parameter in the order of ``parameters``, and that of x."""
        maps, active, pooled, z = self.forward(x)
        dz = softmax_cross_entropy_backward(z, y)
        dpooled, dweight, dbias = linear_backward(dz, pooled.reshape(len(x), -1), self.weight)
        dactive = max_pool2d_backward(dpooled.reshape(pooled.shape), active)
        dx, dkernel, dkernel_bias = conv2d_backward(dactive * relu_slope(maps), x, self.kernel, padding=1)
        return softmax_cross_entropy(z, y), [dkernel, dkernel_bias, dweight, dbias], dx
