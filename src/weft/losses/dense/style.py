"""Pictures judged by the features that a network sees in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from weft.losses.shapes import full, full_precision, same_shape


def gram(features: Float[Tensor, "b c ..."]) -> Float[Tensor, "b c c"]:
    """How often channels answer together: F F^T / (C H W), for each picture by itself.

    >>> gram(torch.ones(1, 2, 3, 3))
    tensor([[[0.5000, 0.5000],
             [0.5000, 0.5000]]])
    """
    flat = full(features).flatten(2)
    with full_precision(flat):
        return flat @ flat.mT / max(flat.shape[1] * flat.shape[2], 1)


def gram_style(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."]) -> Float[Tensor, " b"]:
    """Squared distance of Gram matrices, the mean over their entries: the style of a picture without its places.

    Shapes: features prediction and target (B, C, ...) of one layer; they may differ in size beyond C -> (B,). The target gets no gradient.
    Errors: ``ValueError`` when B or C differ.
    Paper: Gatys et al., 2015, arXiv:1508.06576.
    Use with features of several layers, their losses added; instead of it, ``moment_style`` at a fraction of the cost.

    >>> gram_style(torch.ones(1, 2, 3, 3), torch.ones(1, 2, 5, 5))
    tensor([0.])
    """
    _features(prediction, target, "gram_style")
    return (gram(prediction) - gram(target.detach())).square().mean((1, 2))


def moment_style(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."]) -> Float[Tensor, " b"]:
    """Squared distance of each channel's mean and standard deviation, the mean over channels.

    Shapes and errors: as for ``gram_style``.
    Paper: Huang and Belongie, 2017, arXiv:1703.06868.

    >>> moment_style(torch.ones(1, 2, 3, 3), torch.zeros(1, 2, 3, 3))
    tensor([1.])
    """
    _features(prediction, target, "moment_style")
    (mean, spread), (goal, width) = _moments(full(prediction)), _moments(full(target.detach()))
    return ((mean - goal).square() + (spread - width).square()).mean(1)


def content(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."]) -> Float[Tensor, " b"]:
    """Squared distance of features, the mean over channels and places: what is where.

    Shapes: features prediction and target (B, C, ...) -> (B,). The target gets no gradient.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Gatys et al., 2015, arXiv:1508.06576.

    >>> content(torch.ones(1, 2, 3, 3), torch.zeros(1, 2, 3, 3))
    tensor([1.])
    """
    same_shape(prediction, target, "content")
    return (full(prediction) - full(target.detach())).square().flatten(1).mean(1)


def total_variation(prediction: Float[Tensor, "b ..."], *, isotropic: bool = False) -> Float[Tensor, " b"]:
    """How much neighbouring pixels differ: sum |dx| + |dy|, or sum sqrt(dx^2 + dy^2), the mean over pixels and channels.

    Shapes: pictures (B, C, H, W) -> (B,). A constant costs 0. The isotropic form leaves the last row and column out.
    Errors: ``ValueError`` when there are no rows and columns.
    Paper: Rudin et al., 1992, doi:10.1016/0167-2789(92)90242-F.
    Use to smooth without blurring edges, with a small weight.

    >>> total_variation(torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]]))
    tensor([0.5000])
    """
    if prediction.ndim != 4:
        raise ValueError(f"total_variation needs pictures (B, C, H, W); got {tuple(prediction.shape)}.")
    x = full(prediction)
    pixels = max(x[0].numel(), 1)
    down, across = x.diff(dim=2), x.diff(dim=3)
    if isotropic:
        return torch.linalg.vector_norm(torch.stack([down[..., :-1], across[..., :-1, :]]), dim=0).flatten(1).sum(1) / pixels
    return (down.abs().flatten(1).sum(1) + across.abs().flatten(1).sum(1)) / pixels


class Perceptual(nn.Module):
    """Distance of two pictures in the features of a frozen network: sum over layers of weight times mean |f - f'| (or squared).

    ``extractor`` is any network; ``layers`` name its submodules whose outputs count, or map the names to weights; by default the first four that
    it registers. It is frozen, in eval mode, and sees no update; gradients reach the prediction alone. ``mean`` and ``deviation`` (C,) normalise
    the pictures as the extractor wants. Random weights will do for tests and often for training; trained ones come in through the extractor.

    Shapes: pictures prediction and target (B, C, H, W) -> (B,).
    Errors: ``ValueError`` for an unknown layer, an unknown distance, or shapes that differ.
    Paper: Johnson et al., 2016, arXiv:1603.08155.
    Use for pictures that should look alike rather than be equal; beside ``l1``. Cost: two forward passes of the extractor, and one backward.

    >>> loss = Perceptual(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), ["1"])
    >>> loss(torch.zeros(2, 3, 8, 8), torch.zeros(2, 3, 8, 8)).tolist()
    [0.0, 0.0]
    """

    mean: Tensor | None
    deviation: Tensor | None

    def __init__(
        self,
        extractor: nn.Module,
        layers: Sequence[str] | Mapping[str, float] | None = None,
        *,
        distance: str = "l1",
        mean: Sequence[float] | None = None,
        deviation: Sequence[float] | None = None,
        compare: Callable[[Tensor, Tensor], Tensor] | None = None,
    ):
        super().__init__()
        if distance not in ("l1", "mse"):
            raise ValueError(f"Perceptual: unknown distance {distance!r}. Known: l1, mse. Another one is given as compare=.")
        known = dict(extractor.named_children())
        layers = list(known)[:4] if layers is None else layers
        self.weights = dict(layers) if isinstance(layers, Mapping) else dict.fromkeys(layers, 1.0)
        missing = [name for name in self.weights if name not in dict(extractor.named_modules())]
        if missing or not self.weights:
            raise ValueError(f"Perceptual: the extractor has no layer {missing[:1] or 'at all'}; its first are {list(known)[:8]}.")
        # In a tuple: neither its parameters nor its state belong to whoever holds this loss.
        self._extractor = (extractor.eval().requires_grad_(False),)
        self.compare = compare or (_absolute if distance == "l1" else content)
        self.register_buffer("mean", None if mean is None else torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("deviation", None if deviation is None else torch.tensor(deviation).view(1, -1, 1, 1), persistent=False)

    def _apply(self, fn: Any, recurse: bool = True) -> Perceptual:
        self._extractor[0]._apply(fn)
        return super()._apply(fn, recurse)

    def features(self, pictures: Float[Tensor, "b c ..."]) -> dict[str, Tensor]:
        """What the named layers answer."""
        (extractor,) = self._extractor
        if self.mean is not None:
            pictures = pictures - self.mean.to(pictures)
        if self.deviation is not None:
            pictures = pictures / self.deviation.to(pictures)
        found: dict[str, Tensor] = {}
        modules = dict(extractor.named_modules())

        def keep(name: str) -> Callable[..., None]:
            def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
                found[name] = output

            return hook

        handles = [modules[name].register_forward_hook(keep(name)) for name in self.weights]
        try:
            extractor.eval()(pictures)
        finally:
            for handle in handles:
                handle.remove()
        return found

    def forward(self, prediction: Float[Tensor, "b ..."], target: Float[Tensor, " ..."]) -> Float[Tensor, " b"]:
        same_shape(prediction, target, "Perceptual")
        with full_precision(prediction):
            with torch.no_grad():
                wanted = self.features(full(target))
            seen = self.features(full(prediction))
        return torch.stack([weight * self.compare(seen[name], wanted[name]) for name, weight in self.weights.items()]).sum(0)


def _absolute(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction - target).abs().flatten(1).mean(1)


def _features(prediction: Tensor, target: Tensor, who: str) -> None:
    if prediction.ndim < 3 or prediction.ndim != target.ndim or prediction.shape[:2] != target.shape[:2]:
        shapes = f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)}"
        raise ValueError(f"{who} needs features (B, C, ...) of one B and C; got {shapes}.")


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    flat = x.flatten(2)
    return flat.mean(2), (flat.var(2, unbiased=False) + 1e-8).sqrt()
