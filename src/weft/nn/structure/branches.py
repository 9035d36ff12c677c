"""Parts around parts: shortcuts, branches side by side, one part again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from weft._lazy import unknown
from weft.nn.activations import activation as make_activation

MERGES = ("concat", "add", "multiply", "mean", "max")


def merge(values: Sequence[Tensor], how: str, dim: int = 1) -> Tensor:
    """Several tensors as one: side by side along ``dim``, or summed, multiplied, averaged, or the largest, element by element.

    Errors: ``ValueError`` for an unknown way, no tensors, or shapes that differ where they must not (they are never broadcast).

    >>> merge([torch.tensor([2.0]), torch.tensor([3.0])], "multiply")
    tensor([6.])
    """
    if how not in MERGES:
        raise unknown("merge", how, MERGES)
    shapes = [tuple(value.shape) for value in values]
    free = dim % max(len(shapes[0]), 1) if how == "concat" and shapes else None
    if not shapes or len({tuple(size for place, size in enumerate(shape) if place != free) for shape in shapes}) > 1:
        wanted = "the same shape" if free is None else f"the same shape but along {dim}"
        raise ValueError(f"Merge({how!r}) needs tensors of {wanted}; got {', '.join(map(str, shapes)) or 'none'}.")
    if how == "concat":
        return torch.cat(list(values), dim=dim)
    stacked = torch.stack(list(values))
    return {"add": stacked.sum, "multiply": stacked.prod, "mean": stacked.mean, "max": stacked.amax}[how](0)


class Merge(nn.Module):
    """Several tensors as one: concat, add, multiply, mean or max.

    Shapes: tensors of one shape -> that shape; for ``concat`` they may differ along ``dim``, where their sizes add up.
    Errors: ``ValueError`` for an unknown way or shapes that do not fit; nothing is broadcast.
    Use when a network has several inputs; instead of it, ``Parallel`` for branches of one input.

    >>> Merge("add")(torch.ones(1, 2), torch.ones(1, 2))
    tensor([[2., 2.]])
    """

    def __init__(self, how: str = "concat", *, dim: int = 1) -> None:
        super().__init__()
        if how not in MERGES:
            raise unknown("merge", how, MERGES)
        self.how, self.dim = how, dim

    def forward(self, *values: Shaped[Tensor, " ..."]) -> Shaped[Tensor, " ..."]:
        return merge(values, self.how, self.dim)

    def extra_repr(self) -> str:
        return f"{self.how!r}, dim={self.dim}"


class Residual(nn.Module):
    """A shortcut around a part: act(shortcut(x) + f(x)).

    Without ``shortcut`` it is the identity where f keeps the size, and else a projection read off f's layers: a linear layer from the first linear
    layer's inputs to the last one's outputs, or a 1x1 convolution from the first to the last channels with the product of all strides.

    Shapes: x -> what f makes of it, which must have the shape of the shortcut.
    Errors: ``ValueError`` with both shapes when they differ at a call (nothing is broadcast).
    Paper: He et al., 2015, arXiv:1512.03385.
    Use when a part should begin as a small change; instead of it, ``ResidualBlock`` for pictures. Cost: that of f and of the projection.

    >>> Residual(nn.Linear(4, 6)).shortcut
    Linear(in_features=4, out_features=6, bias=True)
    """

    def __init__(self, body: nn.Module, shortcut: nn.Module | None = None, *, activation: str = "identity") -> None:
        super().__init__()
        self.body = body
        self.shortcut = projection(body) if shortcut is None else shortcut
        self.act = make_activation(activation)

    def forward(self, x: Shaped[Tensor, " ..."]) -> Shaped[Tensor, " ..."]:
        around, through = self.shortcut(x), self.body(x)
        if around.shape != through.shape:
            raise ValueError(
                f"Residual: the body makes {tuple(through.shape)} of {tuple(x.shape)}, the shortcut {tuple(around.shape)}. Give a shortcut that fits."
            )
        return self.act(around + through)


def projection(body: nn.Module) -> nn.Module:
    """The shortcut that fits around ``body``, read off its linear or convolution layers: identity where size and stride stay.

    >>> projection(nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.Conv2d(8, 8, 3, padding=1)))
    Conv2d(3, 8, kernel_size=(1, 1), stride=(2, 2))
    """
    linear = [part for part in body.modules() if isinstance(part, nn.Linear)]
    convolutions = [part for part in body.modules() if isinstance(part, nn.Conv1d | nn.Conv2d | nn.Conv3d)]
    if convolutions:
        first, last = convolutions[0], convolutions[-1]
        stride = tuple(int(size) for size in torch.tensor([part.stride for part in convolutions]).prod(0))
        if first.in_channels == last.out_channels and max(stride) == 1:
            return nn.Identity()
        return type(last)(first.in_channels, last.out_channels, 1, stride)  # type: ignore[arg-type]
    if linear and linear[0].in_features != linear[-1].out_features:
        return nn.Linear(linear[0].in_features, linear[-1].out_features)
    return nn.Identity()


class Parallel(nn.Module):
    """Branches side by side on the same input, merged: merge(f_1(x), ..., f_n(x)).

    Shapes: x -> as ``merge`` says; ``how="none"`` gives the list of outputs.
    Errors: ``ValueError`` without branches, for an unknown way of merging, or for shapes that do not fit.
    Paper: Szegedy et al., 2014, arXiv:1409.4842 (concatenated branches).
    Use when an input is looked at in several ways; instead of it, ``Residual`` for one way and none.

    >>> Parallel([nn.Linear(4, 2), nn.Linear(4, 3)])(torch.zeros(1, 4)).shape
    torch.Size([1, 5])
    """

    def __init__(self, branches: Sequence[nn.Module], how: str = "concat", *, dim: int = 1) -> None:
        super().__init__()
        if not branches:
            raise ValueError("Parallel needs at least one branch; got none.")
        if how not in (*MERGES, "none"):
            raise unknown("merge", how, (*MERGES, "none"))
        self.branches, self.how, self.dim = nn.ModuleList(branches), how, dim

    def forward(self, x: Shaped[Tensor, " ..."]) -> Shaped[Tensor, " ..."] | list[Shaped[Tensor, " ..."]]:
        outputs = [branch(x) for branch in self.branches]
        return outputs if self.how == "none" else merge(outputs, self.how, self.dim)


class Repeat(nn.Module):
    """One part several times with the same weights: f(f(... f(x))).

    Shapes: x -> x, the part must keep the shape.
    Errors: ``ValueError`` for fewer than one time.
    Paper: Lan et al., 2019, arXiv:1909.11942 (layers that share weights).
    Use when depth should cost no parameters; instead of it, ``AdaptiveComputation`` where each token decides how often.

    >>> sum(p.numel() for p in Repeat(nn.Linear(4, 4), times=6).parameters())
    20
    """

    def __init__(self, body: nn.Module, times: int) -> None:
        super().__init__()
        if times < 1:
            raise ValueError(f"Repeat needs times of at least 1; got {times}.")
        self.body, self.times = body, times

    def forward(self, x: Shaped[Tensor, " ..."]) -> Shaped[Tensor, " ..."]:
        for _ in range(self.times):
            x = self.body(x)
        return x

    def extra_repr(self) -> str:
        return f"times={self.times}"


class TimeDistributed(nn.Module):
    """A part for single items, applied to each step of a sequence: y_bt = f(x_bt).

    Shapes: x (B, T, ...) -> (B, T, ...): steps are folded into the batch, so batch norm sees all of them.
    Use when frames go through a network for pictures; linear layers need it not, they take any leading dimensions.

    >>> TimeDistributed(nn.Conv2d(3, 4, 3))(torch.zeros(2, 5, 3, 8, 8)).shape
    torch.Size([2, 5, 4, 6, 6])
    """

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Shaped[Tensor, " b t *item"]) -> Shaped[Tensor, " b t *out"]:
        return self.body(x.flatten(0, 1)).unflatten(0, x.shape[:2])


class Heads(nn.Module):
    """Several heads on one trunk: {name: head(trunk(x))}.

    Shapes: x (B, ...) -> a dict of what the heads give.
    Errors: ``ValueError`` without heads.
    Paper: Caruana, 1997 (multi-task learning by a shared representation).
    Use when tasks share their features; the gradient of the trunk is the sum over heads.

    >>> two = Heads(nn.Linear(4, 8), {"digit": nn.Linear(8, 10), "kind": nn.Linear(8, 5)})
    >>> {name: value.shape[1] for name, value in two(torch.zeros(1, 4)).items()}
    {'digit': 10, 'kind': 5}
    """

    def __init__(self, trunk: nn.Module, heads: Mapping[str, nn.Module]) -> None:
        super().__init__()
        if not heads:
            raise ValueError("Heads needs at least one head; got none.")
        self.trunk, self.heads = trunk, nn.ModuleDict(heads)

    def forward(self, x: Shaped[Tensor, " b *item"]) -> dict[str, Shaped[Tensor, " ..."]]:
        features = self.trunk(x)
        return {name: head(features) for name, head in self.heads.items()}


class Siamese(nn.Module):
    """One encoder for several inputs: (f(a), f(b), ...), with the same weights.

    Shapes: any number of inputs that the encoder takes -> as many outputs. Each input passes by itself, so batch norm does not mix them.
    Paper: Bromley et al., 1993.
    Use when inputs are compared; the gradient is the sum over inputs.

    >>> one, other = Siamese(nn.Linear(4, 2))(torch.ones(1, 4), torch.ones(1, 4))
    >>> torch.equal(one, other)
    True
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, *inputs: Shaped[Tensor, " ..."]) -> list[Shaped[Tensor, " ..."]]:
        return [self.encoder(value) for value in inputs]
