"""What conditional generators owe beside fooling a critic: the wanted picture, the way back, the class, the code."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.nn import functional as F

from weft.losses.cross_entropy import cross_entropy
from weft.losses.shapes import full, same_shape


def paired_translation(
    *, score: Float[Tensor, "b ..."], picture: Float[Tensor, "b ..."], wanted: Float[Tensor, "b ..."], weight: float = 100.0
) -> Float[Tensor, " b"]:
    """A generator with a known answer: mean over patches of -log sigmoid(score) + weight mean|picture - wanted|.

    Shapes: ``score`` logits of a patch critic (B, ...), ``picture`` and ``wanted`` (B, ...) -> (B,). The critic's side is
    ``non_saturating_critic``. All by keyword, since the three are easily exchanged.
    Errors: ``ValueError`` when the pictures' shapes differ.
    Paper: Isola et al., 2016 (pix2pix), arXiv:1611.07004.
    Use when pictures come in pairs; instead of it, ``cycle_consistency`` when they do not.

    >>> paired_translation(score=torch.zeros(1, 4), picture=torch.ones(1, 2), wanted=torch.zeros(1, 2), weight=1.0)
    tensor([1.6931])
    """
    same_shape(picture, wanted, "paired_translation")
    return F.softplus(-full(score)).flatten(1).mean(1) + weight * _apart(picture, wanted)


def cycle_consistency(
    *,
    first: Float[Tensor, "b ..."],
    first_again: Float[Tensor, "b ..."],
    second: Float[Tensor, "b ..."],
    second_again: Float[Tensor, "b ..."],
    weight: float = 10.0,
) -> Float[Tensor, " b"]:
    """There and back again, from both sides: weight (mean|F(G(x)) - x| + mean|G(F(y)) - y|).

    Shapes: pictures of the first and second domain and what both generators in turn make of them (B, ...) -> (B,). All by keyword.
    Errors: ``ValueError`` when a picture and its return differ in shape.
    Paper: Zhu et al., 2017 (CycleGAN), arXiv:1703.10593 (weight 10; ``identity_translation`` at 5; critics by ``least_squares_critic``).
    Use for unpaired translation.

    >>> cycle_consistency(first=torch.zeros(1, 2), first_again=torch.ones(1, 2), second=torch.zeros(1, 2), second_again=torch.zeros(1, 2))
    tensor([10.])
    """
    same_shape(first_again, first, "cycle_consistency")
    same_shape(second_again, second, "cycle_consistency")
    return weight * (_apart(first_again, first) + _apart(second_again, second))


def identity_translation(prediction: Float[Tensor, " ..."], target: Float[Tensor, " ..."], *, weight: float = 5.0) -> Float[Tensor, " b"]:
    """A generator leaves alone what is already in its domain: weight mean|G(y) - y|.

    Shapes: G(y) and y (B, ...) -> (B,).
    Errors: ``ValueError`` when the shapes differ.
    Paper: Zhu et al., 2017 (CycleGAN), arXiv:1703.10593, section 5.2.
    Use when translation changes colours for no reason.

    >>> identity_translation(torch.ones(1, 2), torch.zeros(1, 2))
    tensor([5.])
    """
    same_shape(prediction, target, "identity_translation")
    return weight * _apart(prediction, target)


def _apart(a: Tensor, b: Tensor) -> Tensor:
    return (full(a) - full(b)).abs().flatten(1).mean(1)


def feature_matching(prediction: Sequence[Float[Tensor, "b ..."]], target: Sequence[Float[Tensor, "b ..."]]) -> Float[Tensor, " b"]:
    """Fakes that the critic's layers see as they see real items: sum over layers of mean|features(fake) - features(real)|.

    Shapes: two sequences of as many feature maps (B, ...) -> (B,). Real features get no gradient.
    Errors: ``ValueError`` for sequences of different lengths or maps of different shapes.
    Paper: Salimans et al., 2016, arXiv:1606.03498; pairwise over layers, Wang et al., 2017 (pix2pixHD), arXiv:1711.11585 (weight 10).
    Use to steady conditional generators and vocoders.

    >>> feature_matching([torch.ones(1, 2)], [torch.zeros(1, 2)])
    tensor([1.])
    """
    if len(prediction) != len(target) or not prediction:
        raise ValueError(f"feature_matching needs as many real layers as fake ones, and at least one; got {len(prediction)} and {len(target)}.")
    for a, b in zip(prediction, target, strict=True):
        same_shape(a, b, "feature_matching")
    return torch.stack([_apart(a, b.detach()) for a, b in zip(prediction, target, strict=True)]).sum(0)


def projection_score(features: Float[Tensor, "b d"], condition: Float[Tensor, "b d"], unconditional: Float[Tensor, " b"]) -> Float[Tensor, " b"]:
    """A critic's score of an item under a condition: <features, condition> + unconditional score.

    Shapes: features and embedded condition (class, text, attributes; several added up) (B, D), unconditional (B,) -> (B,).
    Paper: Miyato and Koyama, 2018, arXiv:1802.05637.
    Use with any critic loss; instead of it, ``auxiliary_classifier``, which invites easily classified samples.

    >>> projection_score(torch.ones(1, 2), torch.ones(1, 2), torch.ones(1))
    tensor([3.])
    """
    return (full(features) * full(condition)).sum(1) + full(unconditional)


def auxiliary_classifier(
    real: Float[Tensor, " ..."], fake: Float[Tensor, " ..."], target: Shaped[Tensor, " ..."], fake_target: Shaped[Tensor, " ..."]
) -> Float[Tensor, " b"]:
    """Both real and fake items are recognised as what they should be: cross-entropy of real + cross-entropy of fake.

    Shapes: class logits (B, C) of real and fake items, their classes (B,) -> (B,). Critic and generator both minimise it, the generator through
    ``fake`` alone.
    Errors: ``ValueError`` for shapes that do not fit or a class out of range.
    Paper: Odena et al., 2016 (AC-GAN), arXiv:1610.09585.

    >>> auxiliary_classifier(torch.zeros(1, 2), torch.zeros(1, 2), torch.tensor([0]), torch.tensor([1]))
    tensor([1.3863])
    """
    return cross_entropy(real, target) + cross_entropy(fake, fake_target)


def latent_information(
    logits: Float[Tensor, "b c"],
    code: Int[Tensor, " b"],
    mean: Float[Tensor, "b d"],
    log_variance: Float[Tensor, "b d"],
    continuous: Float[Tensor, "b d"],
) -> Float[Tensor, " b"]:
    """A lower bound on what items tell of their code, as a loss: cross-entropy of the discrete code + Gaussian NLL of the continuous one.

    -E log q(code | item) = cross_entropy + sum 1/2 (log 2 pi s^2 + (c - m)^2 / s^2); the bound is H(code) minus this.

    Shapes: a recogniser's logits (B, C), mean and log_variance (B, D) from the item; the codes it was made from, (B,) and (B, D) -> (B,).
    Errors: ``ValueError`` for a code out of range.
    Paper: Chen et al., 2016 (InfoGAN), arXiv:1606.03657.
    Use to find factors without labels; generator and recogniser both minimise it.

    >>> latent_information(torch.zeros(1, 2), torch.tensor([0]), torch.zeros(1, 1), torch.zeros(1, 1), torch.zeros(1, 1))
    tensor([1.6121])
    """
    nll = F.gaussian_nll_loss(full(mean), full(continuous), full(log_variance).exp(), full=True, reduction="none", eps=1e-12)
    return cross_entropy(logits, code) + nll.sum(1)
