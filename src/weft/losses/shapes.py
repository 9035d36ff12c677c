"""How losses read their shapes."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor


def same_shape(prediction: Shaped[Tensor, " ..."], target: Shaped[Tensor, " ..."], who: str) -> None:
    """Raise unless both have one shape: a loss that broadcasts (B, 1) against (B,) learns the wrong thing in silence.

    >>> same_shape(torch.zeros(2, 1), torch.zeros(2), "mse")
    Traceback (most recent call last):
    ...
    ValueError: mse needs prediction and target of one shape; got prediction (2, 1) and target (2,). Squeeze or unsqueeze one of them.
    """
    if prediction.shape != target.shape:
        advice = " Squeeze or unsqueeze one of them." if prediction.numel() == target.numel() else ""
        shapes = f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)}"
        raise ValueError(f"{who} needs prediction and target of one shape; got {shapes}.{advice}")


def full(x: Float[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """``x`` in float32 if it came in half precision: logarithms and exponentials need the digits.

    >>> full(torch.zeros(1, dtype=torch.bfloat16)).dtype
    torch.float32
    """
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def full_precision(x: Tensor) -> torch.autocast:
    """A context for matrix products inside a loss: autocast would compute them in half precision, whatever came in.

    >>> with torch.autocast("cpu", torch.bfloat16), full_precision(torch.eye(2)):
    ...     (torch.eye(2) @ torch.eye(2)).dtype
    torch.float32
    """
    return torch.autocast(x.device.type, enabled=False)


def unit(x: Float[Tensor, " ..."], dim: int = -1) -> Float[Tensor, " ..."]:
    """``x`` in float32, divided by its length along ``dim``; a zero vector stays zero, with a gradient that half precision can hold.

    >>> unit(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6000, 0.8000],
            [0.0000, 0.0000]])
    """
    x = full(x)
    length = torch.linalg.vector_norm(x, dim=dim, keepdim=True)
    return x / torch.where(length > 0, length, 1)


def out_of_range(target: Tensor, num_classes: int, who: str) -> ValueError:
    """The error for class indices that no logit stands for, naming the first.

    >>> raise out_of_range(torch.tensor([0, 7]), 3, "cross_entropy")
    Traceback (most recent call last):
    ...
    ValueError: cross_entropy has 3 classes, so targets lie in 0..2; got 7 at position (1,). Padding belongs in the mask, with any valid target.
    """
    wrong = (target < 0) | (target >= num_classes)
    where = wrong.nonzero()[0].tolist() if target.ndim else []
    value = target[tuple(where)].item()
    return ValueError(
        f"{who} has {num_classes} classes, so targets lie in 0..{num_classes - 1}; got {value} at position {tuple(where)}. "
        "Padding belongs in the mask, with any valid target."
    )
