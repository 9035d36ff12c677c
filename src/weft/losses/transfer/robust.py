"""Losses under attack: clean and perturbed answers mixed, and the attack that keeps its gradients to itself."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from weft.losses.cross_entropy import cross_entropy
from weft.losses.shapes import full, same_shape


def trades(
    prediction: Float[Tensor, " ..."], perturbed: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, beta: float = 6.0
) -> Float[Tensor, " b"]:
    """Right on clean items, and the same on perturbed ones: cross_entropy(clean, y) + beta KL(clean || perturbed).

    Shapes: logits (B, C) of clean and perturbed items, classes (B,) -> (B,). Both carry gradients.
    Errors: ``ValueError`` for shapes that do not fit or a class out of range.
    Paper: Zhang et al., 2019 (TRADES), arXiv:1901.08573.
    Use for robust classifiers; make the perturbed items by ``attacked`` with the same KL. Instead of it, ``adversarial_mix``.

    >>> trades(torch.zeros(1, 2), torch.zeros(1, 2), torch.tensor([0]))
    tensor([0.6931])
    """
    same_shape(prediction, perturbed, "trades")
    return cross_entropy(prediction, target) + beta * divergence(prediction, perturbed)


def adversarial_mix(
    prediction: Float[Tensor, " ..."], perturbed: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, weight: float = 1.0
) -> Float[Tensor, " b"]:
    """Right on clean and on perturbed items: cross_entropy(clean, y) + weight cross_entropy(perturbed, y).

    Shapes: logits (B, C) of clean and perturbed items, classes (B,) -> (B,).
    Errors: ``ValueError`` for shapes that do not fit or a class out of range.
    Paper: Goodfellow et al., 2014, arXiv:1412.6572; Madry et al., 2017, arXiv:1706.06083 (perturbed alone).

    >>> adversarial_mix(torch.zeros(1, 2), torch.zeros(1, 2), torch.tensor([0]))
    tensor([1.3863])
    """
    same_shape(prediction, perturbed, "adversarial_mix")
    return cross_entropy(prediction, target) + weight * cross_entropy(perturbed, target)


def divergence(prediction: Float[Tensor, "b c"], perturbed: Float[Tensor, "b c"]) -> Float[Tensor, " b"]:
    """KL(softmax(prediction) || softmax(perturbed)), with gradients to both.

    >>> divergence(torch.zeros(1, 2), torch.zeros(1, 2))
    tensor([0.])
    """
    clean = full(prediction).log_softmax(1)
    return (clean.exp() * (clean - full(perturbed).log_softmax(1))).sum(1)


def attacked(
    network: Callable[[Tensor], Tensor],
    x: Float[Tensor, "b ..."],
    harm: Callable[[Tensor], Tensor],
    *,
    radius: float = 8 / 255,
    step: float = 2 / 255,
    num_steps: int = 10,
    limits: tuple[float, float] | None = (0.0, 1.0),
) -> Float[Tensor, "b ..."]:
    """Items moved within +-radius so that ``harm(network(x))`` rises: signed gradient steps, projected back after each.

    Shapes: x (B, ...) -> the same, without graph. ``harm`` maps outputs to values (B,): for TRADES ``lambda z: divergence(clean.detach(), z)``, else
    ``lambda z: cross_entropy(z, y)``. The start is drawn 0.001 away, as KL has no slope at the item itself. Set the network to eval
    before, so that no statistics move. ``.grad`` of its parameters stays untouched.
    Errors: ``ValueError`` for a negative radius or number of steps.
    Paper: Madry et al., 2017, arXiv:1706.06083.
    Use inside an objective; cost: ``num_steps`` forward and backward passes.

    >>> attacked(lambda x: x, torch.zeros(1, 1), lambda z: z.sum(1), radius=0.5, step=1.0, num_steps=1)
    tensor([[0.5000]])
    """
    if radius < 0 or num_steps < 0:
        raise ValueError(f"attacked(radius={radius}, num_steps={num_steps}): neither may be negative.")
    low, high = (-torch.inf, torch.inf) if limits is None else limits
    clean = x.detach()
    moved = (clean + (0.001 * torch.randn_like(clean)).clamp(-radius, radius)).clamp(low, high)
    for _ in range(num_steps):
        with torch.enable_grad():
            at = moved.detach().requires_grad_()
            (slope,) = torch.autograd.grad(harm(network(at)).sum(), at)
        moved = moved.detach() + step * slope.sign()
        moved = (clean + (moved - clean).clamp(-radius, radius)).clamp(low, high)
    return moved.detach()
