"""Pictures changed as little as possible so that a network is as wrong as possible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from weft.data.contracts import Batch
from weft.data.keyed import Random


@dataclass(frozen=True)
class Perturb:
    """x <- clip(x + step sign(d loss / d x)), ``steps`` times, never more than ``epsilon`` from where it began: FGSM with one step, PGD with more.

    ``loss`` maps the network's output and ``target`` to one number or one a record. With ``start`` the way begins at a random place of the cube.
    The network is in evaluation mode meanwhile and is left as it was: mode, parameters, their gradients and buffers.
    Shapes: ``input`` (B, ...) float in ``low`` to ``high``. Raises ValueError for a negative epsilon or no steps.
    Paper: Goodfellow et al., 2015, arXiv:1412.6572; Madry et al., 2018, arXiv:1706.06083. Use to test robustness, or to train it with the network
    on the same device and no workers; cost: a forward and backward pass a step.

    >>> network = nn.Linear(3, 2)
    >>> batch = {"input": torch.rand(4, 3), "target": torch.tensor([0, 1, 0, 1])}
    >>> wrong = Perturb(network, nn.functional.cross_entropy, epsilon=0.1)(batch, Random(0, 0, torch.arange(4)))
    >>> bool((wrong["input"] - batch["input"]).abs().max() <= 0.1001)
    True
    """

    network: nn.Module
    loss: Callable[[Tensor, Tensor], Tensor]
    epsilon: float = 8 / 255
    steps: int = 1
    step: float | None = None
    start: bool = False
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if self.epsilon < 0 or self.steps < 1:
            raise ValueError(f"epsilon={self.epsilon}, steps={self.steps}; expected a distance from 0 on and at least one step")

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x = batch["input"].detach()
        step = self.step if self.step is not None else self.epsilon if self.steps == 1 else 2.5 * self.epsilon / self.steps
        moved = x
        if self.start:
            moved = (x + self.epsilon * (2 * random.uniform(*x.shape[1:]).to(x) - 1)).clamp(self.low, self.high)
        modes = {module: module.training for module in self.network.modules()}
        self.network.eval()
        try:
            for _ in range(self.steps if len(x) else 0):
                moved = moved.detach().requires_grad_()
                with torch.enable_grad():
                    (slope,) = torch.autograd.grad(self.loss(self.network(moved), batch["target"]).sum(), moved)
                near = (moved.detach() + step * slope.sign()).maximum(x - self.epsilon).minimum(x + self.epsilon)
                moved = near.clamp(self.low, self.high)
        finally:
            for module, training in modes.items():
                module.training = training
        return batch | {"input": moved.detach()}
