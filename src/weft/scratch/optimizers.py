"""Optimizers: each remembers something of past gradients g and moves the parameters w in place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


class SGD:
    """w -= lr · g; with momentum μ: v = μ v + g, w -= lr · v; with Nesterov's look ahead: w -= lr · (g + μ v).

    ``weight_decay`` λ adds λ w to the gradient. v begins as the first gradient. The rate multiplies v, as in torch; where it stands inside, as in
    v = μ v + lr · g, the two are the same as long as lr does not change.
    Raises ValueError for no parameters (also of a generator that is used up), and Nesterov without momentum.

    Papers: Polyak, 1964, doi:10.1016/0041-5553(64)90137-5; Nesterov, 1983; Sutskever et al., 2013.

    Use with momentum 0.9 for convolutions; instead of it, ``Adam`` where the scales of gradients differ. Cost: one number a parameter with momentum.

    >>> w = np.array([1.0])
    >>> SGD([w], lr=0.1).step([np.array([2.0])])
    >>> w
    array([0.8])
    """

    def __init__(
        self, parameters: Iterable[np.ndarray], lr: float = 0.01, momentum: float = 0.0, *, nesterov: bool = False, weight_decay: float = 0.0
    ) -> None:
        if nesterov and not momentum:
            raise ValueError("nesterov=True looks ahead along the momentum; expected momentum above 0")
        self.parameters, self.lr, self.momentum, self.nesterov, self.weight_decay = listed(parameters), lr, momentum, nesterov, weight_decay
        self.v: list[np.ndarray] = []

    def step(self, gradients: Sequence[np.ndarray]) -> None:
        """Move every parameter by one step."""
        gradients = [g + self.weight_decay * w for w, g in zip(self.parameters, gradients, strict=True)]
        if self.momentum:
            self.v = [self.momentum * v + g for v, g in zip(self.v, gradients, strict=True)] if self.v else gradients
            gradients = [g + self.momentum * v for v, g in zip(self.v, gradients, strict=True)] if self.nesterov else self.v
        for w, g in zip(self.parameters, gradients, strict=True):
            w -= self.lr * g


class AdaGrad:
    """s += g², w -= lr · g / (√s + ε): each parameter has a rate of its own, which only falls.

    Raises ValueError for no parameters. Paper: Duchi, Hazan, Singer, 2011, https://jmlr.org/papers/v12/duchi11a.html.

    Use where few features are present at a time (bags of words); instead of it, ``RMSprop`` where training is long. Cost: one number a parameter.

    >>> w = np.array([1.0])
    >>> AdaGrad([w], lr=0.1).step([np.array([2.0])])
    >>> w.round(6)
    array([0.9])
    """

    def __init__(self, parameters: Iterable[np.ndarray], lr: float = 0.01, eps: float = 1e-10) -> None:
        self.parameters, self.lr, self.eps = listed(parameters), lr, eps
        self.s = [np.zeros_like(w) for w in self.parameters]

    def step(self, gradients: Sequence[np.ndarray]) -> None:
        """Move every parameter by one step."""
        for w, g, s in zip(self.parameters, gradients, self.s, strict=True):
            s += g**2
            w -= self.lr * g / (np.sqrt(s) + self.eps)


class RMSprop:
    """s = α s + (1 - α) g², w -= lr · g / (√s + ε): AdaGrad that forgets; ε stands outside the root.

    Raises ValueError for no parameters. Paper: Tieleman and Hinton, 2012, https://www.cs.toronto.edu/~hinton/coursera/lecture6/lec6.pdf.

    Use for recurrent networks; instead of it, ``Adam``, which corrects the first steps. Cost: one number a parameter.

    >>> w = np.array([1.0])
    >>> RMSprop([w], lr=0.1, alpha=0.75).step([np.array([2.0])])
    >>> w.round(6)
    array([0.8])
    """

    def __init__(self, parameters: Iterable[np.ndarray], lr: float = 0.01, alpha: float = 0.99, eps: float = 1e-8) -> None:
        self.parameters, self.lr, self.alpha, self.eps = listed(parameters), lr, alpha, eps
        self.s = [np.zeros_like(w) for w in self.parameters]

    def step(self, gradients: Sequence[np.ndarray]) -> None:
        """Move every parameter by one step."""
        for w, g, s in zip(self.parameters, gradients, self.s, strict=True):
            s *= self.alpha
            s += (1 - self.alpha) * g**2
            w -= self.lr * g / (np.sqrt(s) + self.eps)


class Adam:
    """m = β₁ m + (1 - β₁) g, v = β₂ v + (1 - β₂) g², w -= lr · m̂ / (√v̂ + ε), with m̂ = m / (1 - β₁ᵗ) and v̂ = v / (1 - β₂ᵗ).

    m and v begin at 0 and would be too small at first: the division by 1 - βᵗ corrects that, so that the first step has the length lr.
    ``weight_decay`` λ adds λ w to the gradient, where √v̂ divides it again; ``AdamW`` keeps it apart. ``amsgrad`` divides by the largest v̂ so far
    (Reddi, Kale, Kumar, 2018, arXiv:1904.09237). Raises ValueError for no parameters.

    Paper: Kingma and Ba, 2014, arXiv:1412.6980.

    Use as the first choice for anything; instead of it, ``AdamW`` with weight decay. Cost: two numbers a parameter.

    >>> w = np.array([1.0])
    >>> Adam([w], lr=0.1).step([np.array([2.0])])
    >>> w.round(6)
    array([0.9])
    """

    decoupled = False

    def __init__(
        self, parameters: Iterable[np.ndarray], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, *,
        weight_decay: float = 0.0, amsgrad: bool = False,
    ) -> None:  # fmt: skip
        self.parameters, self.lr, self.betas, self.eps, self.weight_decay, self.amsgrad = listed(parameters), lr, betas, eps, weight_decay, amsgrad
        self.m = [np.zeros_like(w) for w in self.parameters]
        self.v = [np.zeros_like(w) for w in self.parameters]
        self.largest = [np.zeros_like(w) for w in self.parameters]
        self.t = 0

    def step(self, gradients: Sequence[np.ndarray]) -> None:
        """Move every parameter by one step."""
        self.t += 1
        first, second = self.betas
        for i, (w, g) in enumerate(zip(self.parameters, gradients, strict=True)):
            if self.decoupled:
                w *= 1 - self.lr * self.weight_decay
            else:
                g = g + self.weight_decay * w
            self.m[i] = first * self.m[i] + (1 - first) * g
            self.v[i] = second * self.v[i] + (1 - second) * g**2
            self.largest[i] = np.maximum(self.largest[i], self.v[i])
            v = self.largest[i] if self.amsgrad else self.v[i]
            w -= self.lr * (self.m[i] / (1 - first**self.t)) / (np.sqrt(v / (1 - second**self.t)) + self.eps)


class AdamW(Adam):
    """Adam with weights that decay beside the gradient: w *= 1 - lr · λ, then Adam's step without λ.

    Decay through the gradient is divided by √v̂ and so is weakest where gradients are large; beside it all weights decay alike.
    Raises ValueError for no parameters. Paper: Loshchilov and Hutter, 2017, arXiv:1711.05101.

    Use for transformers; instead of it, ``Adam`` without decay. Cost: two numbers a parameter.

    >>> w = np.array([1.0])
    >>> AdamW([w], lr=0.1, weight_decay=0.5).step([np.array([2.0])])
    >>> w.round(6)
    array([0.85])
    """

    decoupled = True

    def __init__(
        self, parameters: Iterable[np.ndarray], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, *,
        weight_decay: float = 0.01, amsgrad: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(parameters, lr, betas, eps, weight_decay=weight_decay, amsgrad=amsgrad)


def listed(parameters: Iterable[np.ndarray]) -> list[np.ndarray]:
    """The parameters as a list that can be gone through every step; raises ValueError for none, and TypeError for what cannot be moved in place.

    >>> listed([])
    Traceback (most recent call last):
    ValueError: No parameters: nothing would be trained. A generator that was gone through before is empty; pass a list
    """
    found = list(parameters)
    if not found:
        raise ValueError("No parameters: nothing would be trained. A generator that was gone through before is empty; pass a list")
    for w in found:
        if not isinstance(w, np.ndarray) or w.dtype.kind != "f":
            raise TypeError(f"A parameter of {type(w).__name__} {getattr(w, 'dtype', '')}; expected arrays of floats, which are moved in place")
    return found
