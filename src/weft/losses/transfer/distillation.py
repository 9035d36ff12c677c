"""What a student may copy beside the answers: features, attention, relations, several teachers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from weft._lazy import unknown
from weft.losses.divergence import kl_distillation
from weft.losses.metric.distances import inner, unit
from weft.losses.shapes import full, same_shape


def standardised(logits: Float[Tensor, " ..."], *, dim: int = 1) -> Float[Tensor, " ..."]:
    """Logits with mean 0 and deviation 1 over the classes, so that a student need not match its teacher's scale.

    Shapes: (B, C, ...) -> the same. Equal logits give 0.
    Paper: Sun et al., 2024 (logit standardisation), arXiv:2403.01427.
    Use on both sides before ``kl_distillation``: ``kl_distillation(standardised(student), standardised(teacher), temperature=2)``.

    >>> standardised(torch.tensor([[1.0, 3.0]]))
    tensor([[-1.,  1.]])
    """
    x = full(logits)
    apart = x - x.mean(dim, keepdim=True)
    deviation = apart.square().mean(dim, keepdim=True)
    return apart / torch.where(deviation > 1e-12, deviation, torch.inf).sqrt()


def multi_teacher(
    prediction: Float[Tensor, " ..."],
    target: Float[Tensor, " ..."],
    *,
    weights: Shaped[Tensor, " ..."] | Sequence[float] | None = None,
    temperature: float = 4.0,
    average: str = "probabilities",
) -> Float[Tensor, " b"]:
    """``kl_distillation`` from the weighed mean of several teachers' softened classes, or of their logits.

    Shapes: prediction logits (B, C), target the teachers' (B, K, C); weights (K,), or (B, K) to choose for each item (0 leaves a teacher out),
    scaled to add up to 1 -> (B,). Teachers get no gradient.
    Errors: ``ValueError`` for shapes that do not fit, an unknown average, weights that are negative or all 0, or a temperature not positive.
    Paper: You et al., 2017, doi:10.1145/3097983.3098135.
    Use with teachers of one set of classes; logits average better when teachers are calibrated alike.

    >>> multi_teacher(torch.zeros(1, 2), torch.zeros(1, 3, 2))
    tensor([0.])
    """
    if average not in ("probabilities", "logits"):
        raise unknown("average", average, ("logits", "probabilities"))
    if target.ndim != 3 or prediction.shape != (len(target), target.shape[2]):
        raise ValueError(f"multi_teacher needs logits (B, C) and teachers' (B, K, C); got {tuple(prediction.shape)} and {tuple(target.shape)}.")
    count = target.shape[1]
    share = torch.ones(count) if weights is None else torch.as_tensor(weights)
    share = share.to(full(target)).detach()
    if share.shape not in ((count,), target.shape[:2]) or (share < 0).any() or (share.sum(-1) <= 0).any():
        raise ValueError(f"multi_teacher needs a weight a teacher ({count},), or (B, {count}), none negative and not all 0; got {share.tolist()}.")
    share = (share / share.sum(-1, keepdim=True)).expand(target.shape[:2])[:, :, None]
    teachers = full(target.detach())
    if average == "logits":
        return kl_distillation(prediction, (share * teachers).sum(1), temperature=temperature)
    if temperature <= 0:
        raise ValueError(f"multi_teacher needs a temperature > 0; got {temperature}.")
    softened = (share.log() + (teachers / temperature).log_softmax(2)).logsumexp(1)
    return kl_distillation(prediction, softened * temperature, temperature=temperature)


class FeatureAdapter(nn.Module):
    """A student's features in the teacher's width: a 1 x 1 convolution for maps, a linear layer for vectors, resized to the teacher's map.

    Shapes: (B, C, H, W) -> (B, D, H', W') with ``size``, else H x W; (B, ..., C) -> (B, ..., D) for vectors and tokens.
    Errors: ``ValueError`` for features of another width.
    Paper: Romero et al., 2014 (FitNets), arXiv:1412.6550.
    Use before ``feature_distillation``; it is trained with the student and thrown away.

    >>> FeatureAdapter(4, 6, maps=True)(torch.zeros(2, 4, 5, 5), size=(3, 3)).shape
    torch.Size([2, 6, 3, 3])
    """

    def __init__(self, width: int, teacher_width: int, *, maps: bool = False):
        super().__init__()
        self.project = nn.Conv2d(width, teacher_width, 1) if maps else nn.Linear(width, teacher_width)
        self.width, self.maps = width, maps

    def forward(self, features: Float[Tensor, "b ..."], size: tuple[int, int] | None = None) -> Float[Tensor, "b ..."]:
        if features.shape[1 if self.maps else -1] != self.width:
            raise ValueError(f"FeatureAdapter was made for {self.width} channels; got features {tuple(features.shape)}.")
        adapted = self.project(features)
        return adapted if size is None or not self.maps else F.interpolate(adapted, size=size, mode="bilinear", align_corners=False)


def feature_distillation(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, kind: str = "squared") -> Float[Tensor, " b"]:
    """A student's features against its teacher's: "squared" mean (s - t)^2, or "cosine" 1 - cos of the flattened features.

    Shapes: features (B, ...), hidden states of transformers as well -> (B,). The teacher gets no gradient. Several layers: add their ``Loss``.
    Errors: ``ValueError`` for shapes that differ (use ``FeatureAdapter``) or an unknown kind.
    Paper: Romero et al., 2014 (FitNets), arXiv:1412.6550; cosine, Sanh et al., 2019 (DistilBERT), arXiv:1910.01108.
    Use when the student is deep enough to think alike; instead of it, ``attention_transfer`` where widths differ.

    >>> feature_distillation(torch.zeros(1, 2), torch.ones(1, 2))
    tensor([1.])
    """
    if kind not in ("squared", "cosine"):
        raise unknown("kind of feature loss", kind, ("cosine", "squared"))
    same_shape(prediction, target, "feature_distillation")
    s, t = full(prediction).flatten(1), full(target.detach()).flatten(1)
    return (s - t).square().mean(1) if kind == "squared" else 1 - (unit(s) * unit(t)).sum(1)


def attention_transfer(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, power: float = 2.0) -> Float[Tensor, " b"]:
    """Where a network looks, whatever its width: the squared distance of both unit-length maps mean_c |A_c|^power.

    Shapes: maps (B, C, H, W) of student and (B, D, H, W) of teacher -> (B,) in [0, 2]. The teacher gets no gradient.
    Errors: ``ValueError`` for maps of different sizes.
    Paper: Zagoruyko and Komodakis, 2016, arXiv:1612.03928.
    Use between convolutional networks of different widths; needs no adapter.

    >>> attention_transfer(torch.ones(1, 2, 3, 3), torch.ones(1, 5, 3, 3))
    tensor([0.])
    """
    if prediction.ndim < 3 or prediction.ndim != target.ndim or prediction.shape[0] != target.shape[0] or prediction.shape[2:] != target.shape[2:]:
        shapes = f"{tuple(prediction.shape)} and {tuple(target.shape)}"
        raise ValueError(f"attention_transfer needs maps (B, C, ...) and (B, D, ...) of one size; got {shapes}. Resize one of them.")
    maps = [unit(full(x).abs().pow(power).mean(1).flatten(1)) for x in (prediction, target.detach())]
    return (maps[0] - maps[1]).square().sum(1)


def relational_distances(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."]) -> Float[Tensor, " b"]:
    """The distances among a batch's items as the teacher sees them: the Huber loss of both distance matrices, each over its mean.

    Shapes: embeddings (B, D) of student and (B, E) of teacher -> (B,), each item's mean over the others. The teacher gets no gradient.
    Couples samples: say so with ``Loss.coupled()``.
    Errors: ``ValueError`` unless both are lists of at least two embeddings for the same items.
    Paper: Park et al., 2019 (RKD), arXiv:1904.05068 (weight 25).
    Use for embeddings of different width; often beside ``relational_angles``.

    >>> relational_distances(torch.eye(3), 2 * torch.eye(3))
    tensor([0., 0., 0.])
    """
    _two_lists(prediction, target, "relational_distances")
    matrices = []
    for x in (full(prediction), full(target.detach())):
        apart = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")
        mean = apart.sum() / (len(x) * (len(x) - 1))
        matrices.append(apart / mean.clamp(min=1e-6))
    return F.huber_loss(matrices[0], matrices[1], reduction="none").sum(1) / (len(prediction) - 1)


def relational_angles(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."]) -> Float[Tensor, " b"]:
    """The angles in every triangle of a batch's items as the teacher sees them: the Huber loss of their cosines.

    Shapes: embeddings (B, D) of student and (B, E) of teacher -> (B,), each item's mean over the triangles with their corner there. The teacher gets
    no gradient.
    Couples samples: say so with ``Loss.coupled()``.
    Errors: ``ValueError`` unless both are lists of at least two embeddings for the same items.
    Paper: Park et al., 2019 (RKD), arXiv:1904.05068 (weight 50). Cost O(B^3).

    >>> relational_angles(torch.eye(3), 2 * torch.eye(3)).abs().max().item() < 1e-6
    True
    """
    _two_lists(prediction, target, "relational_angles")
    cosines = []
    for x in (full(prediction), full(target.detach())):
        sides = unit(x[None, :, :] - x[:, None, :])  # [corner, end]
        cosines.append(inner(sides, sides))
    return F.huber_loss(cosines[0], cosines[1], reduction="none").mean((1, 2))


def _two_lists(prediction: Tensor, target: Tensor, who: str) -> None:
    if prediction.ndim != 2 or target.ndim != 2 or len(prediction) != len(target) or len(prediction) < 2:
        shapes = f"{tuple(prediction.shape)} and {tuple(target.shape)}"
        raise ValueError(f"{who} needs embeddings (B, D) and (B, E) of the same items, at least two; got {shapes}.")
