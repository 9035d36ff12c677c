"""Shapes checked where they come in, in one voice."""

from __future__ import annotations

from jaxtyping import Shaped
from torch import Tensor


def expect(tensor: Shaped[Tensor, " ..."], layout: str, who: str) -> None:
    """Raise unless ``tensor`` has the shape that ``layout`` describes.

    ``layout`` holds one word per dimension: a number is a size that must match, a name is any size, and one ``...`` any number of dimensions.

    Errors: ``ValueError`` naming ``who``, the layout and the shape that came.
    Use when a wrong shape would fail deep inside a layer or, worse, broadcast; cost: about a microsecond.

    >>> import torch
    >>> expect(torch.zeros(2, 3, 8, 8), "B 3 H W", "SimpleCNN")
    >>> expect(torch.zeros(2, 5, 8), "... 8", "SwiGLU")
    >>> expect(torch.zeros(2, 1, 8, 8), "B 3 H W", "SimpleCNN")
    Traceback (most recent call last):
    ...
    ValueError: SimpleCNN expects a tensor of shape (B, 3, H, W); got (2, 1, 8, 8): dimension 1 is 1 instead of 3.
    """
    wanted, came = layout.split(), tuple(tensor.shape)
    free = wanted.index("...") if "..." in wanted else len(wanted)
    tail = wanted[free + 1 :]
    if len(came) < free + len(tail) or (free == len(wanted) and len(came) != free):
        reason = f"{len(came)} dimensions instead of {free + len(tail)}{' or more' if free < len(wanted) else ''}"
        if len(came) == free + len(tail) - 1:
            reason += "; if this is a single item, add the batch dimension with .unsqueeze(0)"
    else:
        pairs = [*enumerate(wanted[:free]), *((len(came) - len(tail) + i, name) for i, name in enumerate(tail))]
        wrong = [f"dimension {i} is {came[i]} instead of {name}" for i, name in pairs if name.isdigit() and int(name) != came[i]]
        if not wrong:
            return
        reason = ", ".join(wrong)
    raise ValueError(f"{who} expects a tensor of shape ({', '.join(wanted)}); got {came}: {reason}.")
