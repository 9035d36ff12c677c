"""Mix pairs of records and their targets."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.nn import functional as F

from weft.data.contracts import Batch
from weft.data.keyed import Random


@dataclass(frozen=True)
class MixUp:
    """x = λ x_i + (1 - λ) x_j and the same for targets, λ ~ Beta(alpha, alpha) for each record, j a random order of the batch.

    Class numbers (B,) become probabilities (B, C) with C = ``num_classes``, mixed or not; float targets (values, or one number for each of several
    labels) are mixed as they are. A record whose own or whose partner's ``mask`` is False is masked. With ``probability`` below 1 some records stay;
    ``whole`` draws one λ (and whether at all) for the batch. Shapes: input (B, ...) float.
    Raises ValueError for integer input, and for class numbers without ``num_classes``.
    Paper: Zhang et al., 2018, arXiv:1710.09412. Differs: one λ per record unless ``whole``.
    Use when a classifier is over-confident; instead of it, ``CutMix`` where local detail matters. Cost: one pass over the batch.

    >>> batch = {"input": torch.eye(2), "target": torch.tensor([0, 1])}
    >>> mixed = MixUp(alpha=1.0, num_classes=2)(batch, Random(0, 0, torch.arange(2)))
    >>> torch.allclose(mixed["target"].sum(1), torch.ones(2))
    True
    """

    alpha: float = 0.2
    num_classes: int | None = None
    probability: float = 1.0
    whole: bool = False

    def __post_init__(self) -> None:
        check_alpha(self.alpha, self.probability)

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x = batch["input"]
        if not x.is_floating_point():
            raise ValueError(f"MixUp mixes numbers; input has type {x.dtype}. Mix embeddings or use another transform")
        partner, keep = draw(random, self.alpha, self.probability, self.whole, x.device)
        mixed = blend(x, x[partner], keep)
        return mixed_targets(batch, partner, keep, self.num_classes) | {"input": mixed}


@dataclass(frozen=True)
class CutMix:
    """A rectangle of picture i is replaced by the same rectangle of picture j; targets mix by the area that was really replaced.

    The rectangle has the area 1 - λ, λ ~ Beta(alpha, alpha), a uniform centre, and is clipped at the border. Targets, mask, ``probability`` and
    ``whole`` as in ``MixUp``. Shapes: input (B, C, H, W).
    Paper: Yun et al., 2019, arXiv:1905.04899. Differs: one rectangle per record unless ``whole``.
    Use when a classifier looks at too small a part of the picture; cost: one pass over the batch.

    >>> batch = {"input": torch.rand(2, 3, 8, 8), "target": torch.tensor([0, 1])}
    >>> CutMix(num_classes=2)(batch, Random(0, 0, torch.arange(2)))["target"].shape
    torch.Size([2, 2])
    """

    alpha: float = 1.0
    num_classes: int | None = None
    probability: float = 1.0
    whole: bool = False

    def __post_init__(self) -> None:
        check_alpha(self.alpha, self.probability)

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x: Shaped[Tensor, "b c h w"] = batch["input"]
        if x.ndim != 4:
            raise ValueError(f"CutMix needs pictures (B, C, H, W); input has shape {tuple(x.shape)}")
        partner, keep = draw(random, self.alpha, self.probability, self.whole, x.device)
        centre = random.uniform(2).to(x.device)
        inside = rectangle(centre[:1].expand_as(centre) if self.whole else centre, (1 - keep).sqrt(), x.shape[-2:])
        mixed = torch.where(inside[:, None], x[partner], x)
        return mixed_targets(batch, partner, 1 - inside.float().mean((1, 2)), self.num_classes) | {"input": mixed}


def draw(random: Random, alpha: float, probability: float, whole: bool, device: torch.device) -> tuple[Int[Tensor, " b"], Float[Tensor, " b"]]:
    """Each record's partner and what it keeps of itself, 1 where it is not mixed; ``whole`` takes the first record's numbers for all."""
    partner, keep, chosen = random.permutation(), random.beta(alpha), random.chance(probability)
    keep = torch.where(chosen, keep, 1.0)
    return partner.to(device), (keep[:1].expand_as(keep) if whole else keep).to(device)


def rectangle(centre: Float[Tensor, "b 2"], side: Float[Tensor, " b"], size: torch.Size) -> Shaped[Tensor, "b h w"]:
    """True inside the rectangle around ``centre`` whose sides are ``side`` times the picture's; both in parts of the picture."""
    within = []
    for axis, length in enumerate(size):
        middle, half = (centre[:, axis] * length)[:, None], (side * length / 2)[:, None]
        places = torch.arange(length, device=centre.device) + 0.5
        within.append((places >= middle - half) & (places < middle + half))
    return within[0][:, :, None] & within[1][:, None, :]


def mixed_targets(batch: Batch, partner: Int[Tensor, " b"], keep: Float[Tensor, " b"], num_classes: int | None) -> Batch:
    """The batch with mixed ``target`` and joined ``mask``."""
    mixed = dict(batch)
    if "target" in batch:
        target = probabilities(batch["target"], num_classes)
        mixed["target"] = blend(target, target[partner], keep)
    if "mask" in batch:
        mixed["mask"] = batch["mask"] & batch["mask"][partner]
    return mixed


def probabilities(target: Tensor, num_classes: int | None) -> Tensor:
    """Class numbers (B,) as one-hot rows (B, C) float32; float targets as they are."""
    if target.is_floating_point():
        return target
    if num_classes is None:
        raise ValueError("To mix class numbers, their count must be known: pass num_classes=")
    return F.one_hot(target, num_classes).float()


def blend(a: Tensor, b: Tensor, keep: Float[Tensor, " b"]) -> Tensor:
    """keep a + (1 - keep) b, ``keep`` per record."""
    return torch.lerp(b, a, keep.to(a.dtype).reshape(-1, *(1,) * (a.ndim - 1)))


def check_alpha(alpha: float, probability: float = 1.0) -> None:
    """Raise ValueError unless ``alpha`` is positive and the probability one."""
    if alpha <= 0:
        raise ValueError(f"alpha={alpha}; expected a positive number")
    if not 0 <= probability <= 1:
        raise ValueError(f"probability={probability}; expected a number from 0 to 1")
