"""Test-time augmentation: predict several views of a picture, turn the predictions back, and merge them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from weft._lazy import unknown
from weft.data.transforms import geometry
from weft.data.transforms.targets import enclosing

# Each view of (B, C, H, W) and the way back of a map (B, K, H, W); both are exact.
VIEWS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "identity": (lambda x: x, lambda y: y),
    "flip": (lambda x: x.flip(-1), lambda y: y.flip(-1)),
    "flip_rows": (lambda x: x.flip(-2), lambda y: y.flip(-2)),
    "turn_1": (lambda x: x.rot90(1, (-2, -1)), lambda y: y.rot90(-1, (-2, -1))),
    "turn_2": (lambda x: x.rot90(2, (-2, -1)), lambda y: y.rot90(-2, (-2, -1))),
    "turn_3": (lambda x: x.rot90(3, (-2, -1)), lambda y: y.rot90(-3, (-2, -1))),
}


def over_views(
    network: Callable[[Tensor], Tensor],
    x: Tensor,
    views: Sequence[str] = ("identity", "flip"),
    *,
    merge: str = "mean",
    maps: bool = False,
    scales: Sequence[float] = (1.0,),
) -> Tensor:
    """What ``network`` says of several views of ``x`` (B, C, H, W) together.

    ``views``: "identity", "flip", "flip_rows", "turn_1" to "turn_3" (quarter turns); ``scales`` resizes each as well. With ``maps`` the output
    (B, K, h, w) is turned back and brought to the input's size before it is merged; otherwise it is one row a record. ``merge``: "mean" (of logits
    or whatever comes), "probability" (logarithm of the mean softmax over axis 1), "max", or "vote" (shares of the largest entry over axis 1).
    Raises ValueError for unknown views and merges, or none.

    Use when a slower answer may be better; training with the same flips gains more. Cost: the network, once a view and scale.

    >>> over_views(lambda x: x.mean((2, 3)), torch.rand(2, 3, 4, 4)).shape
    torch.Size([2, 3])
    """
    if not views or not scales:
        raise ValueError("There are no views to predict; give at least 'identity' and a scale")
    if merge not in ("mean", "probability", "max", "vote"):
        raise ValueError(f"merge={merge!r}; expected 'mean', 'probability', 'max' or 'vote'")
    size, answers = (x.shape[-2], x.shape[-1]), []
    for name in views:
        if name not in VIEWS:
            raise unknown("view", name, VIEWS)
        there, back = VIEWS[name]
        for scale in scales:
            seen = x if scale == 1 else geometry.resize(x, (max(1, round(size[0] * scale)), max(1, round(size[1] * scale))))
            answer = network(there(seen))
            answers.append(geometry.resize(back(answer), size) if maps else answer)
    stacked = torch.stack(answers)
    if merge == "mean":
        return stacked.mean(0)
    if merge == "max":
        return stacked.amax(0)
    if merge == "probability":
        return stacked.softmax(2).mean(0).log()
    votes = torch.zeros_like(stacked).scatter_(2, stacked.argmax(2, keepdim=True), 1.0)
    return votes.mean(0)


def boxes_back(boxes: Tensor, view: str, size: tuple[int, int]) -> Tensor:
    """Boxes (B, N, 4) found in a ``view`` of a picture of ``size`` (height, width), in the picture itself; exact.

    >>> boxes_back(torch.tensor([[[0.0, 0.0, 2.0, 4.0]]]), "flip", (8, 10)).tolist()
    [[[8.0, 0.0, 10.0, 4.0]]]
    """
    if view not in VIEWS:
        raise unknown("view", view, VIEWS)
    height, width = size
    points = boxes[..., [0, 1, 2, 1, 2, 3, 0, 3]].reshape(len(boxes), -1, 2)
    x, y = points.unbind(-1)
    places = {
        "identity": (x, y),
        "flip": (width - x, y),
        "flip_rows": (x, height - y),
        "turn_1": (width - y, x),
        "turn_2": (width - x, height - y),
        "turn_3": (y, height - x),
    }[view]
    return enclosing(torch.stack(places, -1))
