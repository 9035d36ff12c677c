"""A model's gradients against finite differences."""

# pyright: reportUnknownMemberType=false
# (torch is annotated in part)

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from weft.data import random_state


@dataclass(frozen=True)
class Difference:
    """How far the gradient of one parameter is from finite differences, over the elements that were compared."""

    relative: float
    absolute: float
    compared: int


def gradient_check(
    model: nn.Module,
    inputs: Tensor,
    target: Tensor,
    criterion: Callable[[Tensor, Tensor], Tensor],
    *,
    eps: float = 1e-6,
    max_elements: int = 100,
    seed: int = 0,
) -> dict[str, Difference]:
    """Compare each parameter's gradient with central differences (L(w + eps) - L(w - eps)) / (2 eps), in float64.

    At most ``max_elements`` elements of a parameter, chosen by ``seed``, are compared: relative error |g - n| / max(|g| + |n|, 1e-8 times the
    largest gradient of the parameter), the largest of them. ``criterion`` gives one number or one an item (then the mean is taken). A correct
    gradient stays below 1e-5, usually 1e-7; kinks of ReLU within ``eps`` of an input are the exception.
    A copy is checked: weights, buffers, mode and gradients of the model and all random states stay as they are; dropout draws the same each time.
    Raises ValueError for a model without trainable parameters.
    Use for a backward pass of your own; instead of it, ``torch.autograd.gradcheck`` for one function of a few inputs. Cost: two forward passes an
    element.

    >>> found = gradient_check(nn.Linear(2, 1), torch.randn(4, 2), torch.zeros(4, 1), nn.functional.mse_loss)
    >>> sorted(found), found["weight"].relative < 1e-6
    (['bias', 'weight'], True)
    """
    if eps <= 0 or max_elements < 1:
        raise ValueError(f"gradient_check needs eps > 0 and max_elements >= 1, got eps={eps}, max_elements={max_elements}.")
    double = copy.deepcopy(model).double()
    given, wanted = (t.double() if t.is_floating_point() else t for t in (inputs, target))
    named = [(name, p) for name, p in double.named_parameters() if p.requires_grad]
    if not named:
        raise ValueError(f"{type(model).__name__} has no trainable parameter to check.")
    generator = torch.Generator().manual_seed(seed)
    buffers = [(b, b.clone()) for b in double.buffers()]
    with random_state.untouched():
        before = random_state.capture()

        def loss() -> Tensor:
            random_state.restore(before)
            with torch.no_grad():
                for buffer, value in buffers:
                    buffer.copy_(value)
            return criterion(double(given), wanted).mean()

        gradients = torch.autograd.grad(loss(), [p for _, p in named], allow_unused=True)
        found: dict[str, Difference] = {}
        with torch.no_grad():
            for (name, p), gradient in zip(named, gradients, strict=True):
                chosen = torch.randperm(p.numel(), generator=generator)[:max_elements]
                own = torch.zeros_like(p).flatten() if gradient is None else gradient.flatten()
                numeric = torch.stack([central(p, int(i), eps, loss) for i in chosen]).to(own)
                distance = (own[chosen] - numeric).abs()
                # rounding of L leaves about 1e-16 / eps in each difference: elements far below the largest cannot be judged by themselves
                size = (own[chosen].abs() + numeric.abs()).clamp(min=max(1e-8, 1e-3 * float(own.abs().amax())))
                found[name] = Difference(float((distance / size).amax()), float(distance.amax()), len(chosen))
    return found


def central(p: Tensor, index: int, eps: float, loss: Callable[[], Tensor]) -> Tensor:
    """The central difference of one element, which is put back."""
    flat = p.view(-1)
    before = flat[index].clone()
    flat[index] = before + eps
    above = loss()
    flat[index] = before - eps
    below = loss()
    flat[index] = before
    return (above - below) / (2 * eps)
