"""The linear probe: how good are frozen features?"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F


def linear_probe(features: Float[Tensor, "n f"], target: Int[Tensor, " n"], *, l2: float = 1.0, num_classes: int | None = None) -> nn.Linear:
    """Logistic regression on standardised features: minimise sum_i -log softmax(W x_i + b)_{y_i} + l2 / 2 |W|^2, to the optimum.

    Features are standardised with their own mean and deviation, which are folded into the layer that is returned: it takes raw features.
    Shapes: features (N, F), target (N,) class indices -> a linear layer from F to the classes.
    Errors: ``ValueError`` for a single class, or when features and targets differ in number.
    Paper: Alain and Bengio, 2016, arXiv:1610.01644.
    Use when representations are compared, with few labels; instead of it, fine-tuning when accuracy is what counts. Cost: L-BFGS on F x C weights.

    >>> x = torch.tensor([[0.0, 1.0], [0.1, 1.0], [5.0, 1.0], [5.1, 1.0]])
    >>> linear_probe(x, torch.tensor([0, 0, 1, 1]))(x).argmax(1)
    tensor([0, 0, 1, 1])
    """
    if len(features) != len(target):
        raise ValueError(f"{len(features)} rows of features and {len(target)} targets; a probe needs one target a row.")
    if len(target.unique()) < 2:
        raise ValueError("All targets are of one class; a probe needs at least two.")
    with torch.inference_mode(False), torch.enable_grad():
        x, y = features.detach().double().clone(), target.clone().long()
        mean, deviation = x.mean(0), x.std(0, correction=0)
        deviation = torch.where(deviation > 1e-12, deviation, 1.0)
        x = (x - mean) / deviation
        classes = int(y.max()) + 1 if num_classes is None else num_classes
        weight = torch.zeros(classes, x.shape[1], dtype=x.dtype, device=x.device, requires_grad=True)
        bias = torch.zeros(classes, dtype=x.dtype, device=x.device, requires_grad=True)
        optimizer = torch.optim.LBFGS([weight, bias], max_iter=500, tolerance_grad=1e-7, tolerance_change=1e-12, line_search_fn="strong_wolfe")

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = F.cross_entropy(F.linear(x, weight, bias), y, reduction="sum") + 0.5 * l2 * weight.square().sum()
            loss.backward()
            return loss

        optimizer.step(closure)
    layer = nn.Linear(x.shape[1], classes, device=features.device)
    with torch.no_grad():
        layer.weight.copy_(weight / deviation)
        layer.bias.copy_(bias - (weight / deviation) @ mean)
    return layer
