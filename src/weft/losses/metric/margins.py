"""Classification by direction: cosines with class proxies, and a margin that the right class must win by."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from weft.losses.metric.distances import inner, unit
from weft.losses.shapes import full, out_of_range

EDGE = 1 - 1e-6  # cosines are kept inside, since the angle's slope is infinite at +-1


class Proxies(nn.Module):
    """One learned direction a class, or several: cosines of embeddings with them.

    cos(x, w_c), the largest over the class's ``sub_centres``.

    Shapes: embeddings (B, D) -> cosines (B, C), which ``arcface``, ``cosface``, ``sphereface``, ``proxy_nca`` and ``proxy_anchor`` take.
    Errors: ``ValueError`` for counts below 1.
    Paper: Movshovitz-Attias et al., 2017, arXiv:1703.07464; sub-centres, Deng et al., 2020, doi:10.1007/978-3-030-58621-8_43.
    Use as the last layer while training an embedding; several sub-centres when labels are noisy or classes have modes.

    >>> Proxies(5, 3)(torch.randn(2, 3)).shape
    torch.Size([2, 5])
    """

    def __init__(self, num_classes: int, dim: int, *, sub_centres: int = 1):
        super().__init__()
        if min(num_classes, dim, sub_centres) < 1:
            raise ValueError(f"Proxies({num_classes}, {dim}, sub_centres={sub_centres}): all must be at least 1.")
        self.weight = nn.Parameter(torch.randn(num_classes, sub_centres, dim) / math.sqrt(dim))

    def forward(self, embedding: Float[Tensor, "b d"]) -> Float[Tensor, "b c"]:
        return inner(unit(embedding), unit(self.weight.flatten(0, 1))).unflatten(1, self.weight.shape[:2]).amax(2)


def arcface(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, margin: float = 0.5, scale: float = 64.0) -> Float[Tensor, " b"]:
    """Cross-entropy of scaled cosines where the right class is judged at an angle wider by ``margin`` radians: s cos(theta_y + m).

    Beyond theta_y = pi - m, where that would rise again, it goes on as cos(theta_y) - m sin(m).

    Shapes: prediction cosines (B, C) of ``Proxies``, target classes (B,) -> (B,).
    Errors: ``ValueError`` for shapes that do not fit, a class out of range, or a scale that is not positive.
    Paper: Deng et al., 2018, arXiv:1801.07698.
    Use for open-set recognition trained on a closed set (faces); instead of it, ``triplet`` when classes are too many for proxies. ``margin=0`` is
    the scaled softmax.

    >>> arcface(torch.tensor([[0.5, 0.5]]), torch.tensor([0]), scale=1.0).round(decimals=4)
    tensor([0.9595])
    """
    cosine = _right(prediction, target, scale, "arcface")
    widened = cosine * math.cos(margin) - (1 - cosine.square()).sqrt() * math.sin(margin)
    widened = torch.where(cosine > -math.cos(margin), widened, cosine - margin * math.sin(margin))
    return _margin_softmax(prediction, target, widened, scale)


def cosface(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, margin: float = 0.35, scale: float = 64.0) -> Float[Tensor, " b"]:
    """Cross-entropy of scaled cosines where the right class must win by ``margin``: s (cos theta_y - m).

    Shapes: prediction cosines (B, C) of ``Proxies``, target classes (B,) -> (B,).
    Errors: ``ValueError`` for shapes that do not fit, a class out of range, or a scale that is not positive.
    Paper: Wang et al., 2018, arXiv:1801.09414.
    Use instead of ``arcface`` where it does not start to learn: this margin is linear in the cosine.

    >>> cosface(torch.tensor([[0.5, 0.5]]), torch.tensor([0]), margin=0.0, scale=1.0)
    tensor([0.6931])
    """
    return _margin_softmax(prediction, target, _right(prediction, target, scale, "cosface") - margin, scale)


def sphereface(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, margin: int = 4, scale: float = 64.0) -> Float[Tensor, " b"]:
    """Cross-entropy of scaled cosines where the right class is judged at ``margin`` times its angle: s ((-1)^k cos(m theta_y) - 2 k).

    k = floor(m theta_y / pi) makes it fall all the way.

    Shapes: prediction cosines (B, C) of ``Proxies``, target classes (B,) -> (B,).
    Errors: ``ValueError`` for shapes that do not fit, a class out of range, a margin below 1 or a scale that is not positive.
    Paper: Liu et al., 2017, arXiv:1704.08063. Differs: a fixed scale instead of each embedding's length.
    Use to reproduce; ``arcface`` is easier to train.

    >>> sphereface(torch.tensor([[0.5, 0.5]]), torch.tensor([0]), margin=1, scale=1.0)
    tensor([0.6931])
    """
    if margin < 1:
        raise ValueError(f"sphereface multiplies the angle by a whole margin of 1 or more; got {margin}.")
    angle = _right(prediction, target, scale, "sphereface").acos()
    k = (margin * angle.detach() / math.pi).floor()
    return _margin_softmax(prediction, target, (1 - 2 * (k % 2)) * (margin * angle).cos() - 2 * k, scale)


def _right(prediction: Tensor, target: Tensor, scale: float, who: str) -> Tensor:
    """The cosine of each item's own class."""
    if prediction.ndim != 2 or target.shape != prediction.shape[:1]:
        raise ValueError(f"{who} needs cosines (B, C) and classes (B,); got {tuple(prediction.shape)} and {tuple(target.shape)}.")
    if scale <= 0:
        raise ValueError(f"{who} needs a scale > 0; got {scale}.")
    try:
        return full(prediction).gather(1, target.long()[:, None])[:, 0].clamp(-EDGE, EDGE)
    except (IndexError, RuntimeError) as error:
        raise out_of_range(target, prediction.shape[1], who) from error


def _margin_softmax(prediction: Tensor, target: Tensor, right: Tensor, scale: float) -> Tensor:
    cosines = full(prediction).clamp(-1, 1).scatter(1, target.long()[:, None], right[:, None])
    return F.cross_entropy(scale * cosines, target.long(), reduction="none")


def proxy_nca(prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, scale: float = 3.0) -> Float[Tensor, " b"]:
    """The own proxy nearer than the others: -log exp(-s^2 d_y) / sum_c exp(-s^2 d_c), d = |x - w|^2 = 2 - 2 cos, both of length 1.

    Shapes: prediction cosines (B, C) of ``Proxies``, target classes (B,) -> (B,). ``scale`` is the length s that the unit vectors are given.
    Errors: ``ValueError`` for shapes that do not fit, a class out of range, or a scale that is not positive.
    Paper: Movshovitz-Attias et al., 2017, arXiv:1703.07464. Differs: the sum has the own proxy too, as in Teh et al., 2020, arXiv:2004.01113.
    Use when sampling triplets is a burden; instead of it, ``proxy_anchor``, which learns faster from large batches.

    >>> proxy_nca(torch.tensor([[0.5, 0.5]]), torch.tensor([0]))
    tensor([0.6931])
    """
    _right(prediction, target, scale, "proxy_nca")
    return F.cross_entropy(2 * scale**2 * full(prediction), target.long(), reduction="none")


def proxy_anchor(
    prediction: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], *, margin: float = 0.1, scale: float = 32.0
) -> Float[Tensor, " b"]:
    """Each proxy as the anchor of the whole batch, hard items weighing more.

    mean over classes in the batch of log(1 + sum_{own x} exp(-s (cos - m))) + mean over all classes of log(1 + sum_{other x} exp(s (cos + m))).

    Shapes: prediction cosines (B, C) of ``Proxies``, target classes (B,) -> (B,), every item holding the batch's one value.
    Couples samples: say so with ``Loss.coupled()``.
    Errors: ``ValueError`` for shapes that do not fit, a class out of range, or a scale that is not positive.
    Paper: Kim et al., 2020, arXiv:2003.13911.
    Use instead of ``proxy_nca`` with large batches.

    >>> proxy_anchor(torch.zeros(1, 2), torch.tensor([0]), margin=0.0)
    tensor([1.0397])
    """
    _right(prediction, target, scale, "proxy_anchor")
    own = F.one_hot(target.long(), prediction.shape[1]).bool()
    cosine = scale * full(prediction)
    nothing = cosine.new_zeros(1, cosine.shape[1])
    pull = torch.cat([nothing, (scale * margin - cosine).masked_fill(~own, -torch.inf)]).logsumexp(0)
    push = torch.cat([nothing, (scale * margin + cosine).masked_fill(own, -torch.inf)]).logsumexp(0)
    return (pull.sum() / own.any(0).sum() + push.mean()).expand(len(prediction))


class Centres(nn.Module):
    """A learned centre a class, and how far each embedding is from its own: 1/2 |x - c_y|^2.

    Shapes: embedding (B, D), target classes (B,) -> (B,). Give the centres an update of their own: its learning rate is the paper's alpha, and
    the gradient of the mean over items is what moves them.
    Errors: ``ValueError`` for counts below 1 or shapes that do not fit.
    Paper: Wen et al., 2016, doi:10.1007/978-3-319-46478-7_31. Differs: each centre's step is divided by the batch size, not by 1 + its items.
    Use beside ``cross_entropy`` with a small weight (0.003), so that classes are tight as well as apart.

    >>> Centres(3, 2)(torch.zeros(4, 2), torch.tensor([0, 1, 2, 0])).shape
    torch.Size([4])
    """

    def __init__(self, num_classes: int, dim: int):
        super().__init__()
        if min(num_classes, dim) < 1:
            raise ValueError(f"Centres({num_classes}, {dim}): both must be at least 1.")
        self.weight = nn.Parameter(torch.randn(num_classes, dim) / math.sqrt(dim))

    def forward(self, embedding: Float[Tensor, "b d"], target: Int[Tensor, " b"]) -> Float[Tensor, " b"]:
        if embedding.shape[1] != self.weight.shape[1]:
            raise ValueError(f"Centres lie in {self.weight.shape[1]} dimensions; got embeddings {tuple(embedding.shape)}.")
        try:
            own = full(self.weight)[target.long()]
        except IndexError as error:
            raise out_of_range(target, len(self.weight), "Centres") from error
        return 0.5 * (full(embedding) - own).square().sum(1)
