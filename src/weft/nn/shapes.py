"""One way to say which shape a layer wanted."""

from __future__ import annotations

from jaxtyping import Shaped
from torch import Tensor


def expect(tensor: Shaped[Tensor, " ..."], layout: str, who: str) -> None:
    """Raise unless ``tensor`` has the shape that ``layout`` describes.

    ``layout`` holds one word per dimension: a number is a size that must match, a name is any size.

    Errors: ``ValueError`` naming ``who``, the layout and the shape that came.
    Use when a wrong shape would fail deep inside a layer or, worse, broadcast; cost: about a microsecond.

    >>> import torch
    >>> expect(torch.zeros(2, 3, 8, 8), "B 3 H W", "SimpleCNN")
    >>> expect(torch.zeros(2, 1, 8, 8), "B 3 H W", "SimpleCNN")
    Traceback (most recent call last):
    ...
    ValueError: SimpleCNN expects a tensor of shape (B, 3, H, W); got (2, 1, 8, 8): dimension 1 is 1 instead of 3.
    """
    wanted, came = layout.split(), tuple(tensor.shape)
    if len(wanted) != len(came):
        reason = f"{len(came)} dimensions instead of {len(wanted)}"
        if len(came) == len(wanted) - 1:
            reason += "; if this is a single item, add the batch dimension with .unsqueeze(0)"
    else:
        pairs = enumerate(zip(wanted, came))
        wrong = [f"dimension {i} is {size} instead of {name}" for i, (name, size) in pairs if name.isdigit() and int(name) != size]
        if not wrong:
            return
        reason = ", ".join(wrong)
    raise ValueError(f"{who} expects a tensor of shape ({', '.join(wanted)}); got {came}: {reason}.")
